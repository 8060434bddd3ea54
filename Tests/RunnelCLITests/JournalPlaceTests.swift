import Foundation
import Testing

@Suite("Where the journal is") struct JournalPlaceTests {
    private let hello = "name: hello\nsteps: [ { uses: template, with: { text: hello } } ]\n"

    @Test("a backup is restored, and a copy has the same runs")
    func backup() async throws {
        try await withProject(["hello.yaml": hello]) { runnel in
            #expect(try await runnel.run(["run", "hello"]).status == 0)
            let backup = try await runnel.run(["journal", "backup", "backups/day/saved"])
            #expect(backup.output == "1 run backed up to backups/day/saved\n")
            #expect(try await runnel.run(["run", "hello"]).status == 0)
            let refused = try await runnel.run(["journal", "restore", "backups/day/saved"])
            #expect(refused.status == 1)
            #expect(refused.error.hasPrefix("error: there is a journal already: "))
            #expect(refused.error.hasSuffix("/.runnel/journal.db [journal-failed]\n  = --replace moves it aside\n"))
            for number in ["", "-2"] {
                let restored = try await runnel.run(["journal", "restore", "backups/day/saved", "--replace"])
                #expect(restored.status == 0)
                let aside = "/.runnel/before-restore\(number)"
                #expect(restored.error.hasSuffix(aside + " is now the journal that was there\n"), "\(restored.error)")
                #expect(FileManager.default.fileExists(atPath: runnel.directory + aside + "/journal.db"))
            }
            let list = try await runnel.run(["runs", "list", "--json"])
            #expect(list.output.components(separatedBy: "\"pipeline\"").count == 2)
            let copy = try await runnel.run(["journal", "copy", ".runnel", "copies/day/.runnel"])
            #expect(copy.status == 0, "\(copy.error)")
            #expect(copy.output.hasSuffix("runs              1\ncopied: both journals have the same numbers of rows\n"))
            let again = try await runnel.run(["journal", "copy", ".runnel", "copies/day/.runnel"])
            #expect(again.status == 1)
            #expect(again.error.hasPrefix("error: the journal to be copied to is not empty: it has 1 run "))
        }
    }

    @Test("a restore tells of runs that go on and of large values that are lost, and `doctor` names their runs")
    func restored() async throws {
        let large = "name: large\nsteps: [ { uses: template, with: { text: '{{ input }}' } } ]\n"
        let input = String(repeating: "x", count: 300_000)
        try await withProject(["runnel.yaml": "server: { port: 1 }\n", "large.yaml": large, "in.txt": input]) {
            runnel in
            #expect(try await runnel.run(["run", "large", "--input-file", "in.txt"]).status == 0)
            #expect(try await runnel.run(["journal", "backup", "saved"]).status == 0)
            try FileManager.default.removeItem(atPath: runnel.directory + "/saved/outputs")
            try FileManager.default.removeItem(atPath: runnel.directory + "/.runnel")
            let restored = try await runnel.run(["journal", "restore", "saved"])
            #expect(restored.error.contains(" not restored: "), "\(restored.error)")
            #expect(restored.error.hasSuffix(" missing or damaged\n  = `runnel doctor` names the runs\n"))
            let doctor = try await runnel.run(["doctor", "--offline"])
            #expect(doctor.status == 0, "\(doctor.output)")
            #expect(doctor.output.contains("✓ journal       sound, "), "\(doctor.output)")
            #expect(doctor.output.contains(" missing or damaged, of the run "), "\(doctor.output)")
        }
    }

    @Test("the command of `journal.password` is run by what opens the journal, and by nothing else")
    func passwordOfACommand() async throws {
        let settings = """
            journal:
              url: "postgres://u@/db?host=/nonexistent"
              password: { command: [sh, -c, "echo a-password; echo x >> asked.txt"] }

            """
        let files = ["runnel.yaml": settings, "p.yaml": "name: p\nsteps: [ { uses: template, with: { text: x } } ]\n"]
        try await withProject(files) { runnel in
            let asked = runnel.directory + "/asked.txt"
            for command in ["validate p.yaml", "explain p", "steps"] {
                let ended = try await runnel.run(command.split(separator: " ").map(String.init))
                #expect(ended.status == 0, "\(ended.error)")
                #expect(!FileManager.default.fileExists(atPath: asked), "\(command)")
            }
            for command in ["runs", "logs last", "usage", "audit"] {
                _ = try await runnel.run(command.split(separator: " ").map(String.init))
                #expect(FileManager.default.fileExists(atPath: asked), "\(command)")
                try? FileManager.default.removeItem(atPath: asked)
            }
        }
    }

    @Test("a backup is not restored where the journal is in PostgreSQL, and no password is passed over")
    func elsewhere() async throws {
        let settings = """
            journal: { url: "postgres://u@/db?host=/nonexistent", password: { env: RUNNEL_TEST_UNSET_KEY } }

            """
        try await withProject(["runnel.yaml": settings]) { runnel in
            let restored = try await runnel.run(["journal", "restore", "saved", "--replace"])
            #expect(
                restored.error == """
                    error: the journal is in PostgreSQL [journal-failed]
                      = `runnel journal copy saved URL` puts this backup into an empty schema; `psql` and `pg_restore` read \
                    what `pg_dump` wrote

                    """)
            #expect(restored.status == 1)
            #expect(!FileManager.default.fileExists(atPath: runnel.directory + "/.runnel/journal.db"))
            for command in ["runs", "journal copy postgres://u@/db?host=/nonexistent other"] {
                let ended = try await runnel.run(command.split(separator: " ").map(String.init))
                #expect(
                    ended.error == """
                        error: the journal cannot be opened: `journal.password`: the environment variable \
                        RUNNEL_TEST_UNSET_KEY is not set [journal-unreachable]
                          = set it where Runnel is started, or change `journal.password` in runnel.yaml

                        """, "\(command)")
            }
        }
    }

    @Test("the URL of an unsupported database is refused, and the error does not quote it")
    func otherURL() async throws {
        try await withProject(["hello.yaml": hello]) { runnel in
            let ended = try await runnel.run(["journal", "copy", "mysql://u:s3cret@host/db", "other"])
            #expect(
                ended.error == """
                    error: the journal cannot be opened: the URL of the database begins with no "postgres://" \
                    [journal-failed]
                      = write "postgres://user@host/database"

                    """)
            #expect(ended.status == 1)
        }
    }

    @Test("the workers of a journal are listed, and where there are none that is said")
    func workers() async throws {
        try await withProject(["hello.yaml": hello]) { runnel in
            #expect(try await runnel.run(["run", "hello"]).status == 0)
            let none = try await runnel.run(["workers"])
            #expect(none.error == "no workers\n" && none.status == 0)
            let list = try await runnel.run(["workers", "--json"])
            #expect(list.output == "[]\n")
        }
    }

    @Test("a database that cannot be reached is named without its password")
    func unreachable() async throws {
        let settings = "journal: { url: \"postgres://u:pass-in-url@/db?host=/nonexistent\" }\n"
        try await withProject(["hello.yaml": hello, "runnel.yaml": settings]) { runnel in
            let ended = try await runnel.run(["run", "hello"])
            #expect(ended.status == 1)
            #expect(!(ended.error + ended.output).contains("pass-in-url"))
            // Without the client library, the error names the package instead.
            #expect(
                ended.error.contains("the journal postgres:///nonexistent/db cannot be reached: ")
                    || ended.error.contains("install the package libpq5"))
        }
    }

    /// The client library, where this process may hide it from a child: as root, in a mount namespace of its own.
    private static let library: String? = {
        let all = ["/lib/x86_64-linux-gnu", "/lib/aarch64-linux-gnu", "/usr/lib64"].map { $0 + "/libpq.so.5" }
        guard geteuid() == 0, access("/usr/bin/unshare", X_OK) == 0 else { return nil }
        return all.first { access($0, R_OK) == 0 }
    }()

    @Test("without the client library, an error names the package, with status 1", .enabled(if: library != nil))
    func missingLibrary() async throws {
        let settings = "journal: { url: \"postgres://u:pass-in-url@/db?host=/nonexistent\" }\n"
        try await withProject(["hello.yaml": hello, "runnel.yaml": settings]) { runnel in
            var hidden = runnel
            hidden.program = "/usr/bin/unshare"
            for command in [["run", "hello"], ["serve", "--port", "0"], ["workers"]] {
                let ended = try await hidden.run(
                    [
                        "-m", "/bin/bash", "-c",
                        "mount --bind /dev/null \"$(realpath \"$1\")\" && shift && exec \"$@\"", "-",
                        Self.library ?? "", RunnelProcess.path,
                    ] + command)
                #expect(ended.status == 1, "\(command)")
                #expect(
                    ended.error.contains(
                        """
                        the client library of PostgreSQL, libpq.so.5, is not installed [journal-failed]
                          = install the package libpq5 (Debian, Ubuntu: sudo apt-get install libpq5; Fedora: sudo dnf \
                        install libpq)
                        """), "\(ended.error)")
                #expect(!ended.error.contains("pass-in-url"))
            }
        }
    }

    @Test("a URL of another database is an error that does not quote it")
    func otherDatabase() async throws {
        let settings = "journal: { url: \"mysql://u:pass-in-url@host/db\" }\n"
        try await withProject(["hello.yaml": hello, "runnel.yaml": settings]) { runnel in
            let ended = try await runnel.run(["validate", "hello.yaml"])
            #expect(ended.status == 2)
            #expect(ended.error.contains("`journal.url`: "))
            #expect(!(ended.error + ended.output).contains("pass-in-url"))
        }
    }
}
