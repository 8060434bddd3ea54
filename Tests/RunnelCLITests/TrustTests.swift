import Foundation
import Testing

@testable import RunnelCLI

@Suite("Projects of other users") struct TrustTests {
    private static let isRoot = geteuid() == 0
    private static let stranger: uid_t = 65_534

    private static let files = [
        "runnel.yaml": "", "p.yaml": "name: p\nsteps:\n  - { uses: template, with: { text: well } }\n",
        "plugins/server/plugin.yaml": "name: server\nprotocol: mcp\ncommand: [sh, trace.sh]\n",
        "plugins/server/trace.sh": "echo >\"$RUNNEL_PROJECT/started\"\n",
    ]

    private func give(_ path: String) throws { try #require(chown(path, Self.stranger, Self.stranger) == 0) }

    /// A home of its own, so that nothing of this machine's user is read or changed.
    private func withStrangersProject(
        _ body: (RunnelProcess) async throws -> Void
    ) async throws {
        try await withProject(Self.files) { runnel in
            var runnel = runnel
            let home = runnel.directory + "-home"
            try FileManager.default.createDirectory(atPath: home, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(atPath: home) }
            runnel.environment = ["HOME": home, "XDG_CONFIG_HOME": ""]
            try await body(runnel)
        }
    }

    @Test(
        "the configuration of another user is not used by any command, and the message says whose it is",
        .enabled(if: isRoot),
        arguments: [
            "validate p.yaml", "run p", "run p --dry-run", "steps", "schema", "plugins", "plugins refresh",
            "doctor --offline",
            "explain p", "serve .", "mcp .", "runs", "status", "run p --config runnel.yaml",
        ])
    func refused(command: String) async throws {
        try await withStrangersProject { runnel in
            try give(runnel.directory + "/runnel.yaml")
            let ended = try await runnel.run(command.split(separator: " ").map(String.init))
            #expect(ended.status == 2)
            #expect(ended.error.contains("error: \"runnel.yaml\" belongs to "), "\(ended.error)")
            #expect(ended.error.contains("(uid 65534), and you are \"root\" (uid 0)\n"))
            #expect(
                ended.error.contains("`runnel trust \(runnel.directory)`, or set RUNNEL_TRUST=\(runnel.directory)\n"))
            #expect(!FileManager.default.fileExists(atPath: runnel.directory + "/started"))
            #expect(!FileManager.default.fileExists(atPath: runnel.directory + "/.runnel"))
        }
    }

    @Test("a folder, its journal and its plugins belong to a project too", .enabled(if: isRoot))
    func parts() async throws {
        for part in ["", "/.runnel", "/plugins"] {
            try await withStrangersProject { runnel in
                let path = runnel.directory + part
                try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
                try give(path)
                #expect(try await runnel.run(["run", "p"]).error.contains("(uid 65534), and you are"), "\(part)")
            }
        }
    }

    @Test("runnel trust makes it usable, keeps a private list, and takes it back", .enabled(if: isRoot))
    func trusting() async throws {
        try await withStrangersProject { runnel in
            try give(runnel.directory + "/runnel.yaml")
            let trusted = try await runnel.run(["trust", "."])
            #expect(trusted.error == "\(runnel.directory) and everything below it is now trusted\n")
            #expect(trusted.status == 0)
            #expect(try await runnel.run(["run", "p"]).output == "well\n")
            #expect(try await runnel.run(["trust", "--list"]).output == "\(runnel.directory)\n")
            let file = (runnel.environment["HOME"] ?? "") + "/.config/runnel/trust"
            let mode = try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? Int
            #expect(mode == 0o600)
            // A list that others could have written counts for nothing.
            #expect(chmod(file, 0o666) == 0)
            #expect(try await runnel.run(["run", "p"]).status == 2)
            #expect(chmod(file, 0o600) == 0)
            #expect(try await runnel.run(["trust", "--remove", runnel.directory]).status == 0)
            #expect(try await runnel.run(["run", "p"]).status == 2)
            #expect(try await runnel.run(["trust", "--list"]).output == "")
            let again = try await runnel.run(["trust", "--remove", "."])
            #expect(
                again.error
                    == "error: \"\(runnel.directory)\" is not trusted\n  = `runnel trust --list` lists the trusted folders\n"
            )
        }
    }

    @Test("in a container a variable says it; a folder beside is none of it", .enabled(if: isRoot))
    func variable() async throws {
        try await withStrangersProject { runnel in
            try give(runnel.directory + "/runnel.yaml")
            var runnel = runnel
            for (value, status) in [
                ("/nowhere:\(runnel.directory)", 0), (runnel.directory + "/", 0), ("/", 0), ("/nowhere", 2),
                (String(runnel.directory.dropLast()), 2), ("", 2),
            ] as [(String, Int32)] {
                runnel.environment["RUNNEL_TRUST"] = value
                let ended = try await runnel.run(["run", "p"])
                #expect(ended.status == status, "\(value): \(ended.error)")
                #expect(!ended.error.contains("RUNNEL_TRUST is not a setting"))
            }
        }
    }

    @Test("with sudo, the files of whoever typed it are fine", .enabled(if: isRoot))
    func sudo() async throws {
        try await withStrangersProject { runnel in
            try give(runnel.directory + "/runnel.yaml")
            var runnel = runnel
            runnel.environment["SUDO_UID"] = "\(Self.stranger)"
            #expect(try await runnel.run(["run", "p"]).status == 0)
            runnel.environment["SUDO_UID"] = "4711"
            #expect(try await runnel.run(["run", "p"]).status == 2)
        }
    }

    @Test("a plugin of another user is left out, and not started when it is asked for", .enabled(if: isRoot))
    func plugin() async throws {
        for part in ["plugins/server", "plugins/server/plugin.yaml"] {
            try await withStrangersProject { runnel in
                try give(runnel.directory + "/" + part)
                let ended = try await runnel.run(["run", "p"])
                #expect(ended.output == "well\n")
                #expect(ended.error.contains("warning: \"\(part)\" belongs to "), "\(ended.error)")
                for arguments in [["plugins", "refresh", "server"], ["plugins", "refresh"]] {
                    let refreshed = try await runnel.run(arguments)
                    #expect(refreshed.status == 2)
                    #expect(refreshed.error.contains("`runnel trust \(runnel.directory)/plugins/server`"))
                }
                #expect(!FileManager.default.fileExists(atPath: runnel.directory + "/started"))
            }
        }
    }

    @Test("a plugin is left out if a file that its command names is another user's, or a folder or link on the way")
    func program() async throws {
        let files = [
            "plugins/s/plugin.yaml": """
            name: s
            protocol: exec
            command: [sh, -eu, ./lib/linked.sh, ../../lib/all.sh]
            steps: { a: { summary: A. } }
            """,
            "plugins/s/lib/s.sh": "", "plugins/s/other.sh": "", "lib/all.sh": "",
        ]
        try await withProject(files) { runnel in
            let folder = runnel.directory + "/plugins/s"
            try FileManager.default.createSymbolicLink(
                atPath: folder + "/lib/linked.sh", withDestinationPath: "s.sh")
            #expect(chmod(folder + "/lib/s.sh", 0o666) == 0)
            let ended = try await runnel.run(["doctor", "--offline"])
            #expect(ended.output.contains("\"plugins/s/lib/linked.sh\" is writable by every user"), "\(ended.output)")
            #expect(chmod(folder + "/lib/s.sh", 0o644) == 0)
            #expect(!(try await runnel.run(["doctor", "--offline"]).output.contains("permissions")))
            guard Self.isRoot else { return }
            for part in ["plugins/s/lib", "plugins/s/lib/s.sh", "lib/all.sh"] {
                try give(runnel.directory + "/" + part)
                #expect(try await runnel.run(["steps"]).error.contains(" belongs to "), "\(part)")
                try #require(chown(runnel.directory + "/" + part, 0, 0) == 0)
            }
            try give(folder + "/other.sh")
            #expect(!(try await runnel.run(["steps"]).error.contains(" belongs to ")))
        }
    }

    @Test(
        "a script in a file of another user is not executed, in a pipeline or an included file; other pipelines are run",
        .enabled(if: isRoot), arguments: ["script.yaml", "steps/disk.yaml"])
    func script(file: String) async throws {
        var files = Self.files
        files["script.yaml"] = "steps:\n  - { uses: shell, with: { run: touch hit } }\n"
        files["steps/disk.yaml"] = "steps:\n  - { uses: shell, with: { run: touch hit } }\n"
        files["including.yaml"] = "steps:\n  - { uses: ./steps/disk.yaml }\n"
        try await withProject(files) { runnel in
            var runnel = runnel
            runnel.environment["XDG_CONFIG_HOME"] = runnel.directory + "/config"
            try give(runnel.directory + "/" + file)
            try give(runnel.directory + "/p.yaml")
            let name = file == "script.yaml" ? "script" : "including"
            for command in [["run", name], ["validate", name + ".yaml"]] {
                let ended = try await runnel.run(command)
                #expect(ended.status == 2)
                #expect(ended.error.contains("\(file):2:"), "\(ended.error)")
                #expect(ended.error.contains("error: \"\(file)\" belongs to "), "\(ended.error)")
                #expect(ended.error.contains("and you are \"root\" (uid 0) [pipeline-untrusted]"), "\(ended.error)")
                #expect(ended.error.contains("`runnel trust \(runnel.directory)`"), "\(ended.error)")
            }
            #expect(!FileManager.default.fileExists(atPath: runnel.directory + "/hit"))
            let harmless = try await runnel.run(["run", "p"])
            #expect(harmless.output == "well\n", "\(harmless.error)")
            let trusted = try await runnel.run(["trust", "."])
            #expect(trusted.status == 0)
            let executed = try await runnel.run(["run", name])
            #expect(executed.status == 0, "\(executed.error)")
            #expect(FileManager.default.fileExists(atPath: runnel.directory + "/hit"))
        }
    }

    @Test(
        "the search for a project stops at a folder of another user, and does not use its configuration",
        .enabled(if: isRoot))
    func above() async throws {
        let files = [
            "a/b/p.yaml": Self.files["p.yaml"] ?? "",
            "runnel.yaml": "secrets: { key: { env: HOME } }\nlog: { level: wrong }\n",
        ]
        try await withProject(files) { runnel in
            // Of one's own, it is found.
            #expect(try await runnel.run(["run", "a/b/p"]).error.contains("runnel.yaml:2:"))
            try give(runnel.directory + "/a")
            let ended = try await runnel.run(["run", "a/b/p", "--no-journal"])
            #expect(ended.output == "well\n", "\(ended.error)")
            try Data().write(to: URL(fileURLWithPath: runnel.directory + "/a/runnel.yaml"))
            #expect(try await runnel.run(["run", "a/b/p"]).error.contains("error: \"a\" belongs to "))
        }
    }

    @Test("the search for runnel.yaml ends at the home folder")
    func home() async throws {
        let files = ["home/sub/p.yaml": Self.files["p.yaml"] ?? "", "runnel.yaml": "log: { level: wrong }\n"]
        try await withProject(files) { runnel in
            var runnel = runnel
            #expect(try await runnel.run(["run", "home/sub/p"]).status == 2)
            runnel.environment["HOME"] = runnel.directory + "/home"
            #expect(try await runnel.run(["run", "home/sub/p", "--no-journal"]).output == "well\n")
            try Data("log: { level: worse }\n".utf8).write(
                to: URL(fileURLWithPath: runnel.directory + "/home/runnel.yaml"))
            #expect(try await runnel.run(["run", "home/sub/p"]).error.contains("home/runnel.yaml:1:"))
        }
    }

    @Test("whose files are used, by owner")
    func owners() async throws {
        try await withProject(["runnel.yaml": ""]) { runnel in
            let (folder, file) = (runnel.directory, runnel.directory + "/runnel.yaml")
            func isFine(_ trust: Trust) -> Bool { trust.problem(withProject: folder, configuration: file) == nil }
            #expect(isFine(Trust(user: geteuid(), home: "/nowhere", folders: [])))
            if !Self.isRoot { #expect(!isFine(Trust(user: 4711, home: "/nowhere", folders: []))) }
            #expect(isFine(Trust(user: 4711, home: "/nowhere", folders: [folder])))
            #expect(Trust(user: 0, home: "/nowhere", folders: []).problem(with: "/etc/passwd", in: "/etc") == nil)
            // What is not there is nobody's.
            #expect(Trust(user: 4711, home: "/nowhere", folders: []).problem(with: folder + "/none", in: folder) == nil)
        }
    }

    @Test("what every user could change is warned of by doctor")
    func worldWritable() async throws {
        try await withProject(Self.files.merging(["runnel.yaml": "server: { port: 9 }\n"]) { $1 }) { runnel in
            #expect(chmod(runnel.directory + "/plugins", 0o777) == 0)
            let ended = try await runnel.run(["doctor", "--offline"])
            #expect(
                ended.output.contains(
                    """
                    ! permissions   "plugins" is writable by every user of this machine, who could start programs through it
                                    = remove that permission: chmod o-w \(runnel.directory)/plugins

                    """), "\(ended.output)")
            #expect(chmod(runnel.directory + "/plugins", 0o755) == 0)
            #expect(!(try await runnel.run(["doctor", "--offline"]).output.contains("permissions")))
        }
    }
}
