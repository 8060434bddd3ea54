import RunnelKit
import RunnelTesting
import Testing

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

@Suite("What of a project a pipeline may touch") struct ProjectFilesTests {
    private let project = ProjectDirectory(path: "/p")

    private func error(_ path: String, in project: ProjectDirectory? = nil) -> StepError? {
        do throws(StepError) {
            _ = try (project ?? self.project).confined(path)
            return nil
        } catch {
            return error
        }
    }

    @Test(
        "what Runnel or another program later runs is out of reach, however it is written",
        arguments: [
            ".git/hooks/post-commit", ".git", "./.git", ".git/", "a/../.git/config", ".GIT/config", "sub/.git/config",
            ".git./config", ".git /config", ".g\u{200C}it/config", ".git::$INDEX_ALLOCATION/config",
            "/p/.git/config", ".runnel/journal.db", ".Runnel/outputs/x", "a/.runnel/x", "plugins/x/plugin.yaml",
            "plugins", "PLUGINS/x/main.py", "plugins/../plugins/x", "./plugins/x", "plugin\u{17F}/x", "plugins./x",
            "runnel.yaml", "RUNNEL.YAML", "out/runnel.yaml", "runnel.yaml ", ".env", ".ENV", "sub/.env",
            "pipelines/a.yaml", "pipelines/sub/a.yml", "Pipelines/A.YAML", "pipelines/a.test.yaml", "a.test.yaml",
            "out/deep/b.test.yml", "pipelines/a.yaml.", "out/../pipelines/a.yaml",
        ])
    func protected(path: String) {
        #expect(error(path)?.code == "path-protected")
    }

    @Test(
        "what only looks like it is not",
        arguments: [
            "out/plugins/a.txt", "plugins.txt", "my-plugins/a", "gitignore", ".gitignore", ".github/a.yml",
            ".environment",
            "runnel.yaml.bak", "runnel.yml", "out/a.yaml", "a.yaml", "pipelines/prompt.md", "pipelines.yaml", "a..b",
            ".runnel-x-0.tmp", "test.yaml",
        ])
    func free(path: String) {
        #expect(error(path) == nil)
    }

    @Test("a place in another composition of the same letters is the same place")
    func composition() {
        let places = ProtectedPlaces(pipelineFolders: ["ab\u{E9}"])
        let project = ProjectDirectory(path: "/p", protected: places)
        #expect(error("abe\u{301}/x.yaml", in: project)?.code == "path-protected")
        #expect(error("ABE\u{301}/x.yaml", in: project)?.code == "path-protected")
    }

    @Test("the error names the place, why, and the setting that allows it")
    func words() {
        let found = error("plugins/weather/data/a.csv")
        #expect(
            found?.message
                == "pipelines do not touch \"plugins/weather/data/a.csv\": \"plugins\" holds programs that Runnel starts"
        )
        #expect(
            found?.hint
                == "name another place, or allow this one in runnel.yaml: `files: { allow: [\"plugins/weather/data/a.csv\"] }`"
        )
        #expect(
            error("pipelines/evil.yaml")?.message
                == "pipelines do not touch \"pipelines/evil.yaml\": \"pipelines/evil.yaml\" is a pipeline: Runnel serves the folder \"pipelines\""
        )
    }

    @Test("the setting allows what it names, and nothing beside it")
    func allowed() {
        let places = ProtectedPlaces(
            allowed: ["plugins/weather/data", ".env", "sub/.git/info", "pipelines/made", "out/x.test.yaml"])
        let project = ProjectDirectory(path: "/p", protected: places)
        for path in [
            "plugins/weather/data/a.csv", "plugins/weather/data", ".env", "sub/.git/info/exclude",
            "pipelines/made/a.yaml",
            "out/x.test.yaml", "plugins/weather/x/../data/b",
        ] { #expect(error(path, in: project) == nil, "\(path)") }
        for path in [
            "plugins/weather/main.py", "plugins/weather/data2/a", "plugins/Weather/data/a", "sub/.env", ".git/info/x",
            "pipelines/a.yaml", "pipelines/made2/a.yaml", "plugins/weather/data/../main.py",
            "plugins/weather/data/.git/config", "out/y.test.yaml",
        ] { #expect(error(path, in: project)?.code == "path-protected", "\(path)") }
    }

    @Test("a folder around a protected place does not allow it")
    func allowedByName() {
        let project = ProjectDirectory(path: "/p", protected: ProtectedPlaces(allowed: [".", "sub", ""]))
        for path in ["plugins/a", ".git/a", "sub/.git/a", "sub/runnel.yaml", "pipelines/a.yaml"] {
            #expect(error(path, in: project)?.code == "path-protected", "\(path)")
        }
    }

    @Test("where the project's own folder is served, every YAML file in it is a pipeline")
    func servedProject() {
        let project = ProjectDirectory(
            path: "/p", protected: ProtectedPlaces(allowed: ["out"], pipelineFolders: ["pipelines", "."]))
        for path in ["a.yaml", "data/b.yml"] {
            #expect(error(path, in: project)?.code == "path-protected", "\(path)")
        }
        for path in ["out/a.yaml", "a.json"] { #expect(error(path, in: project) == nil, "\(path)") }
    }

    @Test("a file that the configuration names is out of reach, until it is allowed by its own name")
    func configured() {
        let files = ConfiguredFiles([
            ConfiguredFiles.File(["tls", "key.pem"], because: "is named by `server.tls.key`"),
            ConfiguredFiles.File(["hook.txt"], because: "is named by `secrets.hook`"),
        ])
        func project(allowing allowed: [String] = []) -> ProjectDirectory {
            ProjectDirectory(path: "/p", protected: ProtectedPlaces(allowed: allowed, configured: files))
        }
        for path in ["tls/key.pem", "TLS/Key.pem", "tls/../tls/./key.pem", "/p/tls/key.pem", "hook.txt", "hook.txt."] {
            #expect(error(path, in: project())?.code == "path-protected", "\(path)")
        }
        for path in ["tls/cert.pem", "tls", "sub/hook.txt", "hook.txt.bak"] {
            #expect(error(path, in: project()) == nil, "\(path)")
        }
        let found = error("tls/key.pem", in: project(allowing: ["tls"]))
        #expect(
            found?.message
                == "pipelines do not touch \"tls/key.pem\": \"tls/key.pem\" is named by `server.tls.key`")
        #expect(error("tls/key.pem", in: project(allowing: ["tls/key.pem"])) == nil)
        // A reload.
        let former = project()
        files.replace(with: [ConfiguredFiles.File(["new.txt"], because: "is named by `secrets.hook`")])
        #expect(error("hook.txt", in: former) == nil)
        #expect(error("new.txt", in: former)?.code == "path-protected")
    }

    // MARK: - Templates

    @Test(
        "what a template fills in stays below the literal part of the path",
        arguments: [
            ("out/", "out/a.txt", nil), ("out/", "out/a/b.txt", nil), ("out/", "out/../out/a.txt", nil),
            ("out/", "out/./a", nil), ("out/", "out//etc/passwd", nil), ("", "a.txt", nil), ("", "sub/a.txt", nil),
            ("out/a-", "out/a-b.txt", nil), ("out/a-", "out/a-b/c.txt", nil), ("a-", "a-b", nil),
            ("./out/", "./out/a", nil), ("/p/out/", "/p/out/a", nil), ("out/.", "out/.a", nil),
            ("out/", "out/../evil.txt", "\"out/../evil.txt\" leads out of \"out\""),
            ("out/", "out/a/../../evil", "\"out/a/../../evil\" leads out of \"out\""),
            ("out/", "out/.", "\"out/.\" leads out of \"out\""),
            ("out/", "out/../outer/a", "\"out/../outer/a\" leads out of \"out\""),
            ("out/.", "out/../evil", "\"out/../evil\" leads out of \"out\""),
            ("out/.", "out/./evil", "\"out/./evil\" does not begin with \"out/.\""),
            ("out/a-", "out/a-/../b", "\"out/a-/../b\" does not begin with \"out/a-\""),
            ("out/a-", "out/a-/../../b", "\"out/a-/../../b\" leads out of \"out\""),
            ("a-", "a-/../b", "\"a-/../b\" does not begin with \"a-\""),
            ("/p/out/", "/p/out/../evil", "\"/p/out/../evil\" leads out of \"/p/out\""),
            ("\u{E9}/", "\u{E9}/../e\u{301}/a", "\"\u{E9}/../e\u{301}/a\" leads out of \"\u{E9}\""),
            ("\u{E9}", "\u{E9}/../e\u{301}", "\"\u{E9}/../e\u{301}\" does not begin with \"\u{E9}\""),
        ] as [(String, String, String?)])
    func prefix(prefix: String, path: String, message: String?) throws {
        var found: StepError?
        do throws(StepError) {
            try project.confined(path).check(path, staysBelow: prefix, in: nil, of: project)
        } catch {
            found = error
        }
        #expect(found?.message == message)
        #expect(found?.code == message.map { _ in "path-outside" })
    }

    @Test("a path that begins at a base stays below its own literal part there")
    func prefixInBase() throws {
        func check(_ path: String, _ prefix: String) throws(StepError) {
            try project.confined(path, in: "out").check(path, staysBelow: prefix, in: "out", of: project)
        }
        try check("a/b.txt", "a/")
        try check("b.txt", "")
        #expect(throws: StepError.self) { try check("a/../b.txt", "a/") }
        #expect(throws: StepError.self) { try check("../b.txt", "") }
        #expect(throws: StepError.self) { try check("x/../b", "x") }
    }

    // MARK: - For steps that open files themselves

    @Test("the absolute path of a field is that of a file which may be touched, with no link on the way")
    func absolute() async throws {
        try await withTemporaryDirectory { directory in
            let project = ProjectDirectory(path: directory, grantedFiles: ["/etc/hostname"])
            try FileManager.default.createDirectory(atPath: directory + "/in", withIntermediateDirectories: true)
            try FileManager.default.createSymbolicLink(atPath: directory + "/link", withDestinationPath: "/etc")
            #expect(try project.absolutePath(of: ProjectPath("in/./new.txt")) == directory + "/in/new.txt")
            #expect(try project.absolutePath(of: ProjectPath("/etc/hostname")) == "/etc/hostname")
            func code(_ path: String) -> String? {
                do throws(StepError) {
                    _ = try project.absolutePath(of: ProjectPath(path))
                    return nil
                } catch {
                    return error.code
                }
            }
            #expect(code("link/passwd") == "path-is-link")
            #expect(code("link") == "path-is-link")
            #expect(code("/etc/passwd") == "path-outside")
            #expect(code("../x") == "path-outside")
            #expect(code("plugins/x") == "path-protected")
            #expect(code("a\0b") == "bad-path")
            #expect(code("") == "bad-path")
        }
    }
}
