import RunnelKit
import RunnelTesting
import Testing

@testable import FilePlugin

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

@Suite("Places that pipelines do not touch") struct ProtectedPlacesTests {
    @Test(
        "nothing there is read or written, and nothing is made on the way",
        arguments: [
            ".runnel/journal.db", ".runnel/plugins/x.json", ".runnel/outputs/x", ".git/hooks/post-checkout",
            ".GIT/config",
            "plugins/x/plugin.yaml", "plugins/x/main.py", "runnel.yaml", ".env", "pipelines/evil.yaml",
            "evil.test.yaml",
        ])
    func refused(path: String) async throws {
        try await withFiles { files in
            try files.write("mine", "project/" + path)
            let before = files.names
            for error in [
                try await files.readError(["path": .string(path)]),
                try await files.writeError(["path": .string(path), "content": "x"]),
                try await files.writeError(["path": .string(path), "content": "x", "append": true]),
                try await files.writeError(["path": .string(path), "content": "x", "if_exists": "skip"]),
            ] { #expect(error.code == "path-protected") }
            #expect(files.names == before)
            #expect(files.text("project/" + path) == "mine")
            let fresh = try await files.writeError(["path": .string(".git/new/" + path), "content": "x"])
            #expect(fresh.code == "path-protected")
            #expect(files.names == before)
        }
    }

    @Test("a base leads there no more than a path does")
    func base() async throws {
        try await withFiles { files in
            for (base, path) in [("plugins", "x.py"), (".", "plugins/x.py"), ("a", "../.git/x"), (".git/hooks", "x")] {
                let error = try await files.writeError(["base": .string(base), "path": .string(path), "content": "x"])
                #expect(["path-protected", "path-outside"].contains(error.code), "\(base) \(path)")
            }
            #expect(files.names == ["project"])
            // Below another folder the name means nothing.
            _ = try await files.write(with: ["base": "out", "path": "plugins/x.py", "content": "x"])
            #expect(files.text("project/out/plugins/x.py") == "x")
        }
    }

    @Test("a protected place that another name leads to is found out")
    func alias() async throws {
        try await withFiles { files in
            try files.write("mine", "project/real/weather/main.py")
            try files.write("mine", "project/flows/a.yaml")
            try files.write("mine", "project/config.txt")
            try files.link("project/plugins", to: "real")
            try files.link("project/pipelines", to: "flows")
            try files.link("project/runnel.yaml", to: "config.txt")
            for path in ["real/weather/main.py", "real/new.py", "flows/a.yaml", "flows/new.yaml", "config.txt"] {
                let error = try await files.writeError(["path": .string(path), "content": "x"])
                #expect(error.code == "path-protected", "\(path)")
            }
            #expect(try await files.readError(["path": "real/weather/main.py"]).code == "path-protected")
            #expect(files.text("project/real/weather/main.py") == "mine")
            #expect(files.text("project/config.txt") == "mine")
            #expect(files.text("project/flows/new.yaml") == nil)
            _ = try await files.write(with: ["path": "flows/prompt.md", "content": "x"])
            #expect(files.text("project/flows/prompt.md") == "x")
        }
    }

    @Test("a file that the configuration names is found out under another name")
    func configuredAlias() async throws {
        try await withFiles { files in
            try files.write("secret", "project/keys/hook")
            try FileManager.default.linkItem(
                atPath: files.project + "/keys/hook", toPath: files.project + "/free.txt")
            var harness = files.harness
            let hook = ConfiguredFiles.File(["keys", "hook"], because: "is named by `secrets.hook`")
            harness.project = ProjectDirectory(
                path: files.project, protected: ProtectedPlaces(configured: ConfiguredFiles([hook])))
            for path in ["keys/hook", "free.txt"] {
                #expect(try await files.readError(["path": .string(path)], harness: harness).code == "path-protected")
                let error = await #expect(throws: StepError.self) {
                    try await files.write(with: ["path": .string(path), "content": "x"], harness: harness)
                }
                #expect(error?.code == "path-protected")
            }
            #expect(files.text("project/keys/hook") == "secret")
        }
    }

    @Test("what the setting allows is read and written")
    func allowed() async throws {
        try await withFiles { files in
            var harness = files.harness
            harness.project = ProjectDirectory(
                path: files.project, protected: ProtectedPlaces(allowed: ["plugins/weather/data"]))
            _ = try await files.write(with: ["path": "plugins/weather/data/a.txt", "content": "x"], harness: harness)
            #expect(try await files.read(["path": "plugins/weather/data/a.txt"], harness: harness)["text"] == "x")
            let error = try await files.readError(["path": "plugins/weather/main.py"], harness: harness)
            #expect(error.code == "path-protected")
        }
    }

    @Test("a pattern passes by what may not be read")
    func glob() async throws {
        try await withFiles { files in
            for path in [
                "a.txt", "plugins/x/b.txt", ".git/c.txt", "sub/d.txt", "e.test.yaml", "f.yaml", "pipelines/g.yaml",
            ] {
                try files.write("x", "project/" + path)
            }
            func found(_ glob: String) async throws -> [String?] {
                try await files.read(["glob": .string(glob)]).asList?.map { $0["path"]?.asString } ?? []
            }
            #expect(try await found("**/*.txt") == ["a.txt", "sub/d.txt"])
            #expect(try await found("**/*.yaml") == ["f.yaml"])
            #expect(try await found(".git/*") == [])
            let error = try await files.readError(["glob": "plugins/x/../../plugins/**"])
            #expect(error.message == "`glob`: the pattern \"plugins/x/../../plugins/**\" leads out of its folder")
        }
    }
}
