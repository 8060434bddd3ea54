import RunnelKit
import RunnelTesting
import Testing

@testable import FilePlugin

@Suite("Files stay below the project") struct ConfinementTests {
    /// Paths that lead out, with what is said about them.
    static let outside = [
        "..", "../outside/a.txt", "in/../../outside/a.txt", "/etc/passwd", "/", "in/./.././../outside/a.txt",
        "//etc/passwd",
    ]

    @Test("a path that leads out by dots or from the root is refused", arguments: outside)
    func dots(path: String) async throws {
        try await withFiles { files in
            try files.write("secret", "outside/a.txt")
            try files.makeFolder("project/in")
            let before = files.names
            for error in [
                try await files.readError(["path": .string(path)]),
                try await files.writeError(["path": .string(path), "content": "x"]),
            ] {
                #expect(error.code == "path-outside")
                #expect(error.message == "\"\(path)\" leads out of \"\(files.project)\"")
                #expect(error.hint == "files are read and written below the project's folder only")
            }
            #expect(files.names == before)
            #expect(files.text("outside/a.txt") == "secret")
        }
    }

    @Test("a folder beside the project whose name begins like it is outside")
    func sibling() async throws {
        try await withFiles { files in
            try files.write("secret", "project2/a.txt")
            let path = files.root + "/project2/a.txt"
            #expect(try await files.readError(["path": .string(path)]).code == "path-outside")
        }
    }

    @Test("a slash that a combining mark follows is a slash all the same")
    func combiningMark() async throws {
        try await withFiles { files in
            let mark = "\u{301}"
            try files.write("secret", "\(mark)/a.txt")
            let path = "../\(mark)/a.txt"
            #expect(try await files.readError(["path": .string(path)]).code == "path-outside")
            #expect(try await files.writeError(["path": .string(path), "content": "x"]).code == "path-outside")
            #expect(try await files.writeError(["path": "/\(mark)/a.txt", "content": "x"]).code == "path-outside")
            #expect(files.text("\(mark)/a.txt") == "secret")
            _ = try await files.write(with: ["path": "in/\(mark)a.txt", "content": "x"])
            #expect(files.text("project/in/\(mark)a.txt") == "x")
        }
    }

    @Test(
        "symbolic links are refused, wherever they stand and lead",
        arguments: [
            "file.link", "inner.link", "dangling.link", "folder.link/a.txt", "in/up.link/a.txt", "loop.link",
            "same.link/a.txt",
        ])
    func links(path: String) async throws {
        try await withFiles { files in
            try files.write("secret", "outside/a.txt")
            try files.write("mine", "project/in/a.txt")
            try files.link("project/file.link", to: "../outside/a.txt")
            try files.link("project/inner.link", to: "in/a.txt")
            try files.link("project/dangling.link", to: "../outside/new.txt")
            try files.link("project/folder.link", to: "../outside")
            try files.link("project/in/up.link", to: "../../outside")
            try files.link("project/loop.link", to: "loop.link")
            try files.link("project/same.link", to: "in")
            let before = files.names
            for error in [
                try await files.readError(["path": .string(path)]),
                try await files.writeError(["path": .string(path), "content": "x"]),
                try await files.writeError(["path": .string(path), "content": "x", "append": true]),
                try await files.writeError(["path": .string(path), "content": "x", "if_exists": "skip"]),
            ] {
                #expect(error.code == "path-is-link")
                #expect(error.message == "\"\(path)\" leads through a symbolic link")
                #expect(
                    error.hint
                        == "links are not followed, so that nothing outside the project is touched, unless `files.links` in "
                        + "runnel.yaml names them")
            }
            #expect(files.names == before)
            #expect(files.text("outside/a.txt") == "secret")
            #expect(files.text("project/in/a.txt") == "mine")
        }
    }

    @Test("the project itself may be reached through a link")
    func linkedProject() async throws {
        try await withFiles { files in
            try files.write("x", "project/a.txt")
            try files.link("linked", to: "project")
            let harness = StepHarness(directory: files.root + "/linked")
            #expect(try await files.read(["path": "a.txt"], harness: harness)["text"] == "x")
            #expect(
                try await files.write(with: ["path": "b.txt", "content": "y"], harness: harness)["path"] == "b.txt")
        }
    }

    @Test(
        "base confines further, and is confined itself",
        arguments: [
            ("out", "a.txt", "project/out/a.txt"), ("out/deep", "b/../a.txt", "project/out/deep/a.txt"),
            (".", "a.txt", "project/a.txt"), ("./out/", "a.txt", "project/out/a.txt"),
        ])
    func base(base: String, path: String, written: String) async throws {
        try await withFiles { files in
            let output = try await files.write(with: ["base": .string(base), "path": .string(path), "content": "x"])
            #expect(files.text(written) == "x")
            #expect(output["path"] == .string(String(written.dropFirst("project/".count))))
        }
    }

    @Test(
        "a path that leaves base, or a base that leaves the project, is refused",
        arguments: [
            ("out", "../a.txt", "\"../a.txt\" leads out of \"out\""),
            ("out", "/etc/a", "\"/etc/a\" leads out of \"out\""),
            ("out", "b/../../a.txt", "\"b/../../a.txt\" leads out of \"out\""),
        ])
    func leavingBase(base: String, path: String, message: String) async throws {
        try await withFiles { files in
            let error = try await files.writeError(["base": .string(base), "path": .string(path), "content": "x"])
            #expect(error.code == "path-outside")
            #expect(error.message == message)
            #expect(files.names == ["project"])
        }
    }

    @Test("a base outside of the project is refused", arguments: ["..", "../outside", "/etc", "out/../.."])
    func baseOutside(base: String) async throws {
        try await withFiles { files in
            let error = try await files.writeError(["base": .string(base), "path": "a.txt", "content": "x"])
            #expect(error.code == "path-outside")
            #expect(files.names == ["project"])
        }
    }

    @Test("a path below base may be absolute")
    func absoluteInBase() async throws {
        try await withFiles { files in
            let path = files.project + "/out/a.txt"
            for base in ["out", files.project + "/out"] {
                let output = try await files.write(with: ["base": .string(base), "path": .string(path), "content": "x"])
                #expect(output["path"] == "out/a.txt")
            }
            let error = try await files.writeError([
                "base": "out", "path": .string(files.project + "/a.txt"), "content": "x",
            ])
            #expect(error.code == "path-outside")
        }
    }
}
