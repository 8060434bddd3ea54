import HTTPTypes
import RunnelEngine
import RunnelKit
import RunnelTesting
import TestSupport
import Testing

@testable import RunnelServer

@Suite("Workers by REST and on the dashboard", .timeLimit(.minutes(5))) struct WorkerRoutesTests {
    private static func other(_ server: RunningServer, _ id: String = "0190aaaa-2") async {
        var worker = WorkerRecord(
            id: WorkerID(id), processID: 8, host: "there", role: "serve", version: "1.2.2", startedAt: 1)
        worker.clockLead = .seconds(-3)
        await server.journal.join(worker, replacing: [], at: 1)
    }

    @Test("all workers of the journal are listed, also in the status")
    func list() async throws {
        try await ServerRig().serve { server in
            await Self.other(server)
            let list = try #require(try await server.call("GET", "/api/v1/workers").json().asList)
            #expect(list.map { $0["host"] } == ["here", "there"])
            #expect(list[1]["version"] == "1.2.2" && list[1]["process"] == 8 && list[1]["state"] == "working")
            #expect(list[1]["clock_ms"] == -3000)
            #expect(
                list[1]["problem"]?.asString?.hasPrefix("the clock of there is 3.0 s behind the database's") == true)
            let status = try await server.call("GET", "/api/v1/status").json()
            #expect(status["workers"]?.asList?.map { $0["host"] } == ["here", "there"])
            #expect(status["drained"] == false)
        }
    }

    @Test("a worker of another machine is drained and undrained, which is in the audit log")
    func drain() async throws {
        try await ServerRig().serve { server in
            await Self.other(server)
            let drained = try await server.call("POST", "/api/v1/workers/there/drain")
            #expect(drained.status == 200)
            #expect(try drained.json()["state"] == "drained")
            #expect(await server.journal.beat(WorkerID("0190aaaa-2"))?.isDrained == true)
            #expect(try await server.call("POST", "/api/v1/workers/there%2F8/undrain").json()["state"] == "working")
            let entries = try await server.journal.operators.audit(before: nil, limit: 9).reversed()
            #expect(entries.map(\.action) == ["drain-worker", "undrain-worker"])
            #expect(entries.allSatisfy { $0.subject == "there/8" && $0.outcome == "0190aaaa-2" })
            let unknown = try await server.call("POST", "/api/v1/workers/nowhere/drain")
            #expect(unknown.status == 404)
            #expect(
                try unknown.json()["error"] == [
                    "code": "no-such-worker",
                    "message": "there is no worker \"nowhere\"; the workers are here/1, there/8",
                ])
            await Self.other(server, "0190bbbb-3")
            let both = try await server.call("POST", "/api/v1/workers/there/drain")
            #expect(both.status == 409)
            #expect(try both.json()["error"]?["code"] == "ambiguous-worker")
        }
    }

    @Test("a drained server says so, and is not ready for new connections of a load balancer")
    func readiness() async throws {
        try await ServerRig().serve { server in
            #expect(try await server.call("GET", "/health/ready").status == 200)
            #expect(try await server.call("POST", "/api/v1/workers/here/drain").status == 200)
            // It learns of it with its next heartbeat.
            while try await server.call("GET", "/health/ready").status == 200 { try await waitTurn() }
            #expect(
                try await server.call("GET", "/health/ready").json() == ["status": "failing", "reason": "drained"])
            #expect(try await server.call("GET", "/api/v1/status").json()["drained"] == true)
            #expect(server.log.lines.contains { $0.contains("this worker was drained by an operator: it has no runs") })
        }
    }

    @Test("the dashboard shows all workers, and drains them with a form")
    func page() async throws {
        try await ServerRig.dashboard().serve { server in
            await Self.other(server)
            let browser = try await Browsing.signedIn(server)
            let page = try await browser.page("/workers")
            for text in ["there · 8", "1.2.2", "working", "−3.0 s", "problem", "Drain"] {
                #expect(page.contains(text), "\(text)")
            }
            #expect(try await browser.page("/").contains("The clock of there is wrong."))
            let answer = try await browser.send("/workers/drain", ["worker": "0190aaaa-2", "drained": "true"])
            #expect(answer.status == 303)
            let after = try await browser.page("/workers?done=drained")
            #expect(after.contains("The worker finishes its runs and takes no more, within five seconds."))
            #expect(after.contains("Undrain"))
            _ = try await browser.send("/workers/drain", ["worker": "0190aaaa-2", "drained": "false"])
            #expect(await server.journal.beat(WorkerID("0190aaaa-2"))?.isDrained == false)
        }
    }

    @Test("draining needs the scope admin")
    func scope() {
        #expect(AccessRule.scope(.post, "/api/v1/workers/a/drain") == .admin)
        #expect(AccessRule.scope(.post, "/workers/drain") == .admin)
        #expect(AccessRule.scope(.get, "/api/v1/workers") == .read)
    }
}
