import Foundation
import RunnelKit
import Testing

@testable import RunnelCLI

@Suite("runnel doctor") struct DoctorTests {
    @Test("what is well is said in a line each, and nothing is left behind")
    func well() async throws {
        let files = [
            "runnel.yaml": "secrets: { key: { env: THE_KEY } }\nserver: { port: 9 }\n",
            "p.yaml": "name: p\non: { watch: { path: inbox } }\nsteps:\n  - { uses: template, with: { text: a } }\n",
            "inbox/readme.txt": "",
        ]
        try await withProject(files, environment: ["THE_KEY": "s3cr3t"]) { runnel in
            let ended = try await runnel.run(["doctor", "--simulate"])
            #expect(ended.status == 0, "\(ended.output)")
            for line in [
                "✓ configuration runnel.yaml", "✓ secrets       1 secret, with a value",
                "✓ pipelines     1 pipeline, valid",
                "✓ folders       \"inbox\" is watched by p", "takes the credentials",
                "✓ journal       does not exist yet; the first run creates it in \(runnel.directory)/.runnel",
                "✓ server        no server is running at 127.0.0.1:9",
            ] { #expect(ended.output.contains(line), "\(line)") }
            #expect(try FileManager.default.contentsOfDirectory(atPath: runnel.directory).count == 3)
        }
    }

    @Test("with --simulate, pipelines that need an agent are valid without a Marketplace")
    func simulated() async throws {
        let files = [
            "runnel.yaml": "server: { port: 9 }\n",
            "p.yaml": "name: p\non: { watch: { path: in } }\nsteps: [ { uses: chat, with: { prompt: hello } } ]\n",
            "in/readme.txt": "",
        ]
        try await withProject(files) { runnel in
            let ended = try await runnel.run(["doctor", "--simulate"])
            #expect(ended.status == 0, "\(ended.output)")
            #expect(ended.output.contains("✓ pipelines     1 pipeline, valid"), "\(ended.output)")
            #expect(!ended.output.contains("base_url"), "\(ended.output)")
        }
    }

    @Test("what is broken is named, with what to do, and is the exit status")
    func broken() async throws {
        let files = [
            "runnel.yaml": "secrets: { key: { env: THE_KEY } }\nserver: { port: 9 }\n",
            "p.yaml": "name: p\non: { watch: { path: inbox } }\nsteps:\n  - { uses: tempalte }\n",
        ]
        try await withProject(files) { runnel in
            let ended = try await runnel.run(["doctor", "--offline"])
            #expect(ended.status == 1)
            for line in [
                "✗ secrets       the secret \"key\" has no value: the environment variable THE_KEY is not set",
                "! marketplace   `marketplace.base_url` is not set\n                = set it in runnel.yaml",
                "✗ pipelines     p.yaml:4: unknown step \"tempalte\"\n"
                    + "                = `runnel validate p.yaml` shows all errors",
            ] { #expect(ended.output.contains(line), "\(line)") }
        }
    }

    @Test("runs whose process has ended are interrupted, as `runs` says, and not queued")
    func interrupted() async throws {
        let files = [
            "runnel.yaml": "runs: { grace: 1ms }\n",
            "p.yaml": "name: p\nsteps: [ { id: answer, uses: chat, with: { prompt: Tell me a story } } ]\n",
        ]
        try await withProject(files) { runnel in
            let run = ["run", "p", "--simulate", "--fault", "stall"]
            _ = try await runnel.terminate(run, after: "▸ answer chat")
            let one = try await runnel.run(["doctor", "--offline"]).output
            #expect(
                one.contains(
                    "! journal       1 run is interrupted: the process that worked on it has ended\n"
                        + "                = `runnel serve` goes on with it, or `runnel runs resume --all`\n"), "\(one)"
            )
            // This one is not even released.
            _ = try await runnel.kill(run, after: "▸ answer chat")
            let two = try await runnel.run(["doctor", "--offline"]).output
            #expect(two.contains(", 0 runs queued, 0 waiting\n"), "\(two)")
            #expect(
                two.contains(
                    "! journal       2 runs are interrupted: the process that worked on them has ended\n"
                        + "                = `runnel serve` goes on with them, or `runnel runs resume --all`\n"),
                "\(two)")
            let listed = try await runnel.run(["runs"]).output
            #expect(listed.components(separatedBy: "  interrupted  ").count == 3, "\(listed)")
        }
    }

    @Test("outside of a project, pipelines are looked for in the folder and its `pipelines` only, and that is said")
    func home() async throws {
        let pipeline = "steps: [ { uses: template, with: { text: a } } ]\n"
        try await withProject(["deep/er/hidden.yaml": pipeline]) { runnel in
            func write(_ name: String, _ text: String) throws {
                let path = runnel.directory + "/" + name
                let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
                try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
                try text.write(toFile: path, atomically: true, encoding: .utf8)
            }
            let place =
                "in \(runnel.directory) and its `pipelines`; other folders are searched only below a runnel.yaml"
            let missing = try await runnel.run(["run", "hidden"])
            #expect(missing.status == 2)
            #expect(
                missing.error == """
                    error: there is no pipeline "hidden"
                      = no pipelines were found \(place)
                      = `runnel init` makes a project with a pipeline

                    """)
            let none = try await runnel.run(["doctor", "--offline"]).output
            #expect(none.contains("! pipelines     none were found \(place)\n"), "\(none)")
            try write("pipelines/near.yaml", pipeline)
            #expect(try await runnel.run(["run", "near"]).output == "a\n")
            let one = try await runnel.run(["doctor", "--offline"]).output
            #expect(one.contains("✓ pipelines     1 pipeline, valid, \(place)\n"), "\(one)")
            try write("runnel.yaml", "server: { port: 9 }\n")
            #expect(try await runnel.run(["run", "hidden"]).output == "a\n")
            let all = try await runnel.run(["doctor", "--offline"]).output
            #expect(all.contains("✓ pipelines     1 pipeline, valid\n"), "\(all)")
        }
    }

    @Test("a damaged journal is a problem, not a crash")
    func damaged() async throws {
        let files = [
            "runnel.yaml": "server: { port: 9 }\n", ".runnel/journal.db": "no database at all, but long enough",
        ]
        try await withProject(files) { runnel in
            let ended = try await runnel.run(["doctor", "--offline"])
            #expect(ended.status == 1)
            #expect(ended.output.contains("✗ journal       "))
        }
    }

    /// Runs a script of bash in a mount namespace of its own, with the path of `runnel` as `$1`.
    private func mounting(_ script: String, _ runnel: RunnelProcess) async throws -> RunnelProcess.Ended {
        var shell = runnel
        shell.program = "/usr/bin/unshare"
        return try await shell.run(["-m", "/bin/bash", "-c", script, "-", RunnelProcess.path])
    }

    private static let canMount = geteuid() == 0 && access("/usr/bin/unshare", X_OK) == 0
    private static let kept = [
        "runnel.yaml": "server: { port: 9 }\n", "p.yaml": "steps: [ { uses: template, with: { text: a } } ]\n",
    ]

    @Test("a full disk is a problem, of the journal and of the machine", .enabled(if: canMount))
    func fullDisk() async throws {
        try await withProject(Self.kept) { runnel in
            let ended = try await mounting(
                """
                mkdir full && mount -t tmpfs -o size=6m,mode=0700 tmpfs full && cp runnel.yaml p.yaml full && cd full \
                && "$1" run p >/dev/null && ! dd if=/dev/zero of=fill bs=1k && exec "$1" doctor --offline
                """, runnel)
            #expect(ended.status == 1, "\(ended.output)\(ended.error)")
            let full = "✗ journal       there is no space left to write \(runnel.directory)/full/.runnel/"
            #expect(ended.output.contains(full), "\(ended.output)")
            #expect(
                ended.output.contains("\n                = make room on the disk; nothing that was accepted is lost\n"))
            #expect(ended.output.contains("✗ disk          the disk is full: "), "\(ended.output)")
            #expect(
                ended.output.contains(
                    " free\n                = make room, or keep fewer runs: `journal: { keep: 7d }` in runnel.yaml\n"))
        }
    }

    @Test("a journal that can be read and not written is a problem", .enabled(if: canMount))
    func readOnly() async throws {
        try await withProject(Self.kept) { runnel in
            let ended = try await mounting(
                """
                "$1" run p >/dev/null && for file in .runnel/journal.db*; do
                mount --bind $file $file && mount -o remount,ro,bind $file; done && exec "$1" doctor --offline
                """, runnel)
            #expect(ended.status == 1, "\(ended.output)\(ended.error)")
            let path = runnel.directory + "/.runnel/journal.db"
            #expect(
                ended.output.contains(
                    """
                    ✗ journal       \(path) cannot be written: attempt to write a readonly database
                                    = let the user who runs Runnel write there

                    """), "\(ended.output)")
            #expect(!ended.output.contains("✓ journal"), "\(ended.output)")
        }
    }

    @Test("`runs list` and `usage` work on a read-only disk", .enabled(if: canMount))
    func readOnlyDisk() async throws {
        try await withProject(Self.kept) { runnel in
            let ended = try await mounting(
                """
                "$1" run p >/dev/null && mount --bind . . && mount -o remount,ro,bind . && cd "$PWD" && ! touch file \
                && "$1" usage && exec "$1" runs list
                """, runnel)
            #expect(ended.status == 0, "\(ended.output)\(ended.error)")
            #expect(ended.output.contains("succeeded"), "\(ended.output)\(ended.error)")
        }
    }

    @Test("a subject with a problem loses its good findings and keeps its warnings")
    func oneVerdict() {
        let findings: [HealthFinding] = [
            .good("journal", "sound"), .warning("journal", "1 run is interrupted"), .problem("clock", "it is wrong"),
            .good("clock", "2026-11-28T12:00:00Z"),
        ]
        #expect(DoctorCommand.verdicts(findings) == Array(findings.prefix(3)))
    }

    @Test("what a server does not use before it is restarted is named, also by `status`")
    func pendingRestart() async throws {
        let configuration = "server: { port: 0 }\nruns: { grace: 1s }\n"
        let files = ["runnel.yaml": configuration, "pipelines/p.yaml": "steps: [ { uses: log } ]\n"]
        try await withProject(files) { runnel in
            try await runnel.serving("pipelines") { client in
                try configuration.replacing("1s", with: "2s")
                    .write(toFile: runnel.directory + "/runnel.yaml", atomically: true, encoding: .utf8)
                var status = ""
                while !status.contains("restart") { status = try await client.run(["status"]).output }
                #expect(status.contains("\nrestart Runnel to apply `runs.grace`\n"), "\(status)")
                let found = try await client.run(["doctor", "--offline"]).output
                let port = client.environment["RUNNEL_SERVER_PORT"] ?? ""
                #expect(
                    found.contains(
                        "! server        the server at 127.0.0.1:\(port) does not use `runs.grace` yet\n"
                            + "                = restart it\n"), "\(found)")
            }
        }
    }

    @Test("commands for a server that is not there say so, and what to do")
    func noServer() async throws {
        try await withProject(["runnel.yaml": "server: { port: 9 }\n"]) { runnel in
            let ended = try await runnel.run(["status"])
            #expect(ended.status == 1)
            #expect(
                ended.error == """
                    error: no server is listening at http://127.0.0.1:9/api/v1
                      = start `runnel serve`, or set `server` in runnel.yaml to its address

                    """)
        }
    }
}
