import RunnelKit
import RunnelTesting
import TestSupport
import Testing

@testable import RunnelEngine

@Suite("A hook whose pipeline changes while a delivery is being stored", .timeLimit(.minutes(5)))
struct HookRenameTests {
    private static func pipeline(_ name: String, text: String = "done") -> String {
        "name: \(name)\non: { webhook: { path: h, verify: { scheme: none } } }\n"
            + "steps: [ { uses: template, with: { text: \(text) } } ]"
    }

    private static func rig() -> ServerRig {
        var rig = ServerRig(pipelines: ["h.yaml": pipeline("old")])
        rig.journal.gates = rig.gates
        return rig
    }

    private static func deliver(_ server: RunningServer) async throws -> Answer {
        try await server.post("/hooks/h", "{}", [("webhook-id", "e1")])
    }

    @Test("it starts one run when the pipeline is renamed, also when it is delivered again meanwhile and afterwards")
    func renamed() async throws {
        let rig = Self.rig()
        try await rig.serve { server in
            async let first = Self.deliver(server)
            await server.gates.waitForArrivals(at: "commit")
            rig.edits.write(Self.pipeline("new"), to: "h.yaml")
            while await server.host.pipeline(named: "new") == nil { try await waitTurn() }

            let meanwhile = try await Self.deliver(server)
            #expect(meanwhile.status == 503)
            #expect(meanwhile.headers["retry-after"] == "1")
            #expect(meanwhile.error == "unavailable runs cannot be stored now; try again in 1 s")

            await server.gates.open("commit")
            let run = try #require(try await first.run)
            var again = try await Self.deliver(server)
            while again.status == 503 { again = try await Self.deliver(server) }
            #expect(again.status == 202)
            #expect(again.run == run)
            #expect(await server.runs().map(\.pipeline) == ["old"])

            // The new version takes other deliveries.
            let other = try #require(try await server.post("/hooks/h", "{}", [("webhook-id", "e2")]).run)
            #expect(try await server.journal.run(other)?.pipeline == "new")
        }
        let log = rig.log.messages
        #expect(log.contains("the pipeline \"old\" is named \"new\" now; what its triggers know goes with it"))
        #expect(!log.contains { $0.contains("has a problem") })
    }

    @Test("none is refused when something else changes")
    func edited() async throws {
        let rig = Self.rig()
        try await rig.serve { server in
            async let first = Self.deliver(server)
            await server.gates.waitForArrivals(at: "commit")
            let changes = server.host.changes
            rig.edits.write(Self.pipeline("old", text: "changed"), to: "h.yaml")
            while server.host.changes == changes { try await waitTurn() }
            async let again = Self.deliver(server)
            await server.gates.waitForArrivals(2, at: "commit")
            await server.gates.open("commit")
            let answers = try await [first, again]
            #expect(answers.map(\.status) == [202, 202])
            #expect(Set(answers.map(\.run)).count == 1)
            #expect(await server.runs().count == 1)
        }
    }
}
