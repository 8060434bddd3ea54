import Foundation
import RunnelKit
import Testing

@Suite("Runs that wait", .timeLimit(.minutes(5))) struct WaitingTests {
    /// Nobody listens there, and somebody may later.
    private let poll = """
        name: poll
        steps:
          - id: ask
            uses: http.fetch
            with: { url: "http://127.0.0.1:1/" }
            retry: { attempts: 5, backoff: 10m, max_backoff: 10m }
        """

    private func lastRun(_ runnel: RunnelProcess) async throws -> ValueObject {
        let ended = try await runnel.run(["runs", "show", "last", "--json"])
        return try #require(try Value.json(ended.output).asObject)
    }

    @Test("a run waits in the journal and not in a process, and is cancelled at once from another terminal")
    func waiting() async throws {
        try await withProject(["poll.yaml": poll]) { runnel in
            let killed = try await runnel.kill(["run", "poll"], after: "waiting until ")
            #expect(killed.status == SIGKILL)
            let list = try await runnel.run(["runs"])
            #expect(list.output.contains("  waiting  poll "))
            #expect(list.output.contains("  until "))
            let run = try await lastRun(runnel)
            let id = try #require(run["id"]?.asString)
            #expect(run["state"] == "waiting")
            #expect(run["interruptions"] == 0)
            let wakeAt = try #require(run["wake_at"])
            let step = run["steps"]?.asList?.first?.asObject
            #expect(step?["state"] == "waiting")
            #expect(step?["retry_at"] == wakeAt)
            let resumed = try await runnel.run(["runs", "resume", "last"])
            #expect(resumed.status == 2)
            #expect(resumed.error.hasPrefix("error: the run \(id) cannot be resumed: it waits until "))
            #expect(resumed.error.hasSuffix("; `runnel serve` resumes it then\n"))
            let cancelled = try await runnel.run(["runs", "cancel", "last"])
            #expect(cancelled.output == "\(id): cancelled\n")
            #expect(try await lastRun(runnel)["state"] == "cancelled")
        }
    }

    @Test("an interrupt cancels a run that waits, and its `finally` runs")
    func interrupted() async throws {
        let pipeline = poll + "\nfinally: [ { uses: file.write, with: { path: done.txt, content: done } } ]\n"
        try await withProject(["poll.yaml": pipeline]) { runnel in
            let ended = try await runnel.interrupt(["run", "poll"], after: "waiting until ")
            #expect(ended.status == 130)
            #expect(try await lastRun(runnel)["state"] == "cancelled")
            #expect(FileManager.default.fileExists(atPath: runnel.directory + "/done.txt"))
        }
    }

    @Test("after an interrupt no step begins again, also where `finally` waits for a retry")
    func interruptedOnce() async throws {
        let pipeline = """
            name: p
            steps: [ { id: nap, uses: shell, with: { run: "echo x >> began.txt; echo begun >&2; exec sleep 600" } } ]
            finally:
              - uses: http.fetch
                with: { url: "http://127.0.0.1:1/" }
                retry: { attempts: 2, backoff: 3s, growth: constant }
            """
        try await withProject(["p.yaml": pipeline]) { runnel in
            let ended = try await runnel.interrupt(["run", "p"], after: "nap: begun")
            #expect(ended.error.contains("waiting until "), "\(ended.error)")
            #expect(ended.status == 130)
            #expect(try await lastRun(runnel)["state"] == "cancelled")
            #expect(try String(contentsOfFile: runnel.directory + "/began.txt", encoding: .utf8) == "x\n")
        }
    }

    @Test("a second request ends a `finally` that waits, and says so")
    func finallyTwice() async throws {
        let pipeline = """
            name: last
            steps: [ { uses: template, with: { text: done } } ]
            finally:
              - id: ask
                uses: http.fetch
                with: { url: "http://127.0.0.1:1/" }
                retry: { attempts: 5, backoff: 10m, max_backoff: 10m }
            """
        try await withProject(["last.yaml": pipeline]) { runnel in
            _ = try await runnel.kill(["run", "last"], after: "waiting until ")
            let id = try #require(try await lastRun(runnel)["id"]?.asString)
            let (serve, resume) = ("`runnel serve`", "`runnel runs resume \(id)`")
            let ended = "is cancelled when \(serve) or \(resume) goes on with it"
            for words in ["runs with \(serve) or \(resume)", ended, ended] {
                let cancelled = try await runnel.run(["runs", "cancel", "last"])
                #expect(cancelled.output == "\(id): cancellation requested; its `finally` \(words)\n")
            }
            #expect(try await lastRun(runnel)["finally_cancelled"] == true)
            let resumed = try await runnel.run(["runs", "resume", "last"])
            #expect(resumed.status == 0)
            #expect(try await lastRun(runnel)["state"] == "succeeded")
        }
    }

    @Test("an interrupt ends a run that waits for its turn, and a termination leaves it in the queue")
    func turn() async throws {
        let pipeline = """
            name: alone
            concurrency: { limit: 1 }
            steps:
              - uses: shell
                with: { run: "cat gate" }
            """
        try await withProject(["alone.yaml": pipeline]) { runnel in
            // The first run waits for somebody who writes into the pipe.
            let gate = runnel.directory + "/gate"
            #expect(mkfifo(gate, 0o600) == 0)
            async let first = runnel.run(["run", "alone"])
            // It is open for writing as soon as the step reads it.
            let writer = try await Task.detached { try FileHandle(forWritingTo: URL(fileURLWithPath: gate)) }.value
            let mark = "waiting: as many runs of alone go on"
            #expect(try await runnel.interrupt(["run", "alone"], after: mark).status == 130)
            #expect(try await lastRun(runnel)["state"] == "cancelled")
            #expect(try await runnel.terminate(["run", "alone"], after: mark).status == 130)
            #expect(try await lastRun(runnel)["state"] == "queued")
            try writer.close()
            #expect(try await first.status == 0)
        }
    }

    @Test("a cancelled run that waits with a `finally` and without a process says what ends it")
    func finallyLater() async throws {
        let pipeline = poll + "\nfinally: [ { uses: file.write, with: { path: done.txt, content: done } } ]\n"
        try await withProject(["poll.yaml": pipeline]) { runnel in
            _ = try await runnel.kill(["run", "poll"], after: "waiting until ")
            let id = try #require(try await lastRun(runnel)["id"]?.asString)
            let cancelled = try await runnel.run(["runs", "cancel", "last"])
            #expect(
                cancelled.output
                    == "\(id): cancellation requested; its `finally` runs with `runnel serve` or `runnel runs resume \(id)`\n"
            )
            let resumed = try await runnel.run(["runs", "resume", "last"])
            #expect(resumed.status == 130)
            #expect(try await lastRun(runnel)["state"] == "cancelled")
            #expect(FileManager.default.fileExists(atPath: runnel.directory + "/done.txt"))
            let audit = try await runnel.run(["audit"]).output.split(separator: "\n")
            #expect(audit.count == 3)
            let rest = "\(id)           local   command line"
            #expect(audit.dropFirst().first?.hasSuffix("  resume-run  \(rest)") == true)
            #expect(audit.last?.hasSuffix("  cancel-run  \(rest)") == true)
        }
    }
}
