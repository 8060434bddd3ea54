import Foundation
import RunnelKit
import Testing

@Suite("runnel workers", .timeLimit(.minutes(5))) struct DrainCommandTests {
    @Test("what waits for a server begins in the order of its priority")
    func priority() async throws {
        let files = [
            "runnel.yaml": "server: { port: 0 }\nruns: { limit: 1 }\n",
            "pipelines/hello.yaml": "steps: [ { uses: template, with: { text: hello } } ]\n",
        ]
        try await withProject(files) { runnel in
            try await runnel.serving("pipelines") { runnel in
                let workers = try Value.json(try await runnel.run(["workers", "list", "--json"]).output)
                let name = try #require(workers[0]?["host"]?.asString)
                #expect(try await runnel.run(["workers", "drain", name, "--wait"]).status == 0)
                var runs: [String] = []
                for priority in [["--priority", "-7"], [], ["--priority", "10"]] {
                    let ended = try await runnel.run(["trigger", "hello"] + priority)
                    #expect(ended.status == 0, "\(ended.error)")
                    runs.append(String(ended.output.dropLast()))
                }
                #expect(try await runnel.run(["workers", "undrain", name]).status == 0)
                for run in runs { #expect(try await runnel.run(["runs", "watch", run]).status == 0) }
                let listed = try Value.json(try await runnel.run(["runs", "list", "--json"]).output).asList ?? []
                let begun = listed.sorted {
                    ($0["started_at"]?.asString ?? "") < ($1["started_at"]?.asString ?? "")
                }
                #expect(begun.map { $0["id"] } == [2, 1, 0].map { .string(runs[$0]) })
                #expect(begun.map { $0["priority"] } == [10, nil, -7])
            }
        }
    }

    @Test("drain lets a server finish and take no more, and returns with --wait when it has; undrain ends that")
    func drain() async throws {
        let files = [
            "runnel.yaml": "server: { port: 0 }\n",
            "pipelines/hello.yaml": "steps: [ { uses: template, with: { text: hello } } ]\n",
        ]
        try await withProject(files) { runnel in
            try await runnel.serving("pipelines") { runnel in
                let none = try await runnel.run(["workers", "drain", "no-such-host"])
                #expect(none.status == 2)
                #expect(none.error.hasPrefix("error: there is no worker \"no-such-host\"; the workers are "))
                let list = try await runnel.run(["workers"])
                let lines = list.output.split(separator: "\n")
                #expect(lines.count == 2 && lines.allSatisfy { $0.count <= 80 }, "\(list.output)")
                #expect(lines.first?.hasPrefix("WORKER") == true && lines.last?.contains("working") == true)
                let json = try await runnel.run(["workers", "list", "--json"])
                let workers = try #require(
                    try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [[String: Any]])
                let name = try #require(workers.first?["host"] as? String)
                #expect(workers.first?["version"] as? String == "0.1.0")

                let drained = try await runnel.run(["workers", "drain", name, "--wait"])
                #expect(drained.status == 0)
                #expect(drained.output.contains(" takes no more runs\n"))
                #expect(drained.output.contains(" has finished its runs\n"))
                #expect(
                    drained.error == "warning: no other worker takes runs; what is accepted waits in the queue\n")
                #expect(try await runnel.run(["workers"]).output.contains("drained"))
                let doctor = try await runnel.run(["doctor"])
                #expect(doctor.output.contains("all are drained, so nobody takes runs"))
                // The server learns of it with its next heartbeat.
                var status = ""
                while !status.contains("this server is drained") { status = try await runnel.run(["status"]).output }
                #expect(status.contains("it takes no runs; `runnel workers undrain NAME` ends that\n"))

                let undrained = try await runnel.run(["workers", "undrain", name])
                #expect(undrained.output.hasSuffix(" takes runs again\n"))
                #expect(try await runnel.run(["workers"]).output.contains("working"))
                let audit = try await runnel.run(["audit"])
                #expect(audit.output.contains("  drain-worker    \(name)/"))
                #expect(audit.output.contains("  undrain-worker  \(name)/"))
            }
        }
    }
}
