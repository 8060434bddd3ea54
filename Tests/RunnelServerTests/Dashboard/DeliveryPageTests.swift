import RunnelKit
import Testing

@testable import RunnelEngine
@testable import RunnelServer

@Suite("The pages of deliveries", .timeLimit(.minutes(5))) struct DeliveryPageTests {
    /// A server with a new journal and one hook.
    private static func rig(scheme: String = "bearer") -> ServerRig {
        var rig = ServerRig(
            pipelines: [
                "h.yaml": Pipelines.hook(
                    "verify: { scheme: \(scheme), secret: \"{{ secrets.hook }}\" }",
                    steps: "{ id: say, uses: log, with: { message: \"got {{ trigger.raw }}\" } }")
            ], secrets: ["hook": "s3cr3t-value"])
        rig.options.token = Browsing.token
        return rig
    }

    @Test("list them by filters that are links, show one whole, and replay it by a form")
    func replay() async throws {
        try await Self.rig().serve { server in
            let browser = try await Browsing.signedIn(server)
            #expect(try await browser.page("/triggers").contains("No hook has been called yet."))
            let refused = try await server.call(
                "POST", "/hooks/h", [("Content-Type", "text/plain"), ("X-Note", "<b>hi</b>")],
                body: "<script>alert(1)</script>")
            #expect(refused.status == 401)
            let list = try await browser.page("/triggers?outcome=refused")
            #expect(list.contains(#"href="/triggers?outcome=accepted#deliveries""#))
            #expect(list.contains(#"href="/deliveries/1""#))
            #expect(list.contains("the header authorization is missing"))
            #expect(try await browser.page("/triggers?outcome=accepted").contains("No delivery matches these filters."))
            // A click on the active filter removes it.
            #expect(
                try await browser.page("/triggers?pipeline=gone").contains(
                    #"<a class="name" href="/triggers#deliveries" aria-current="true"><bdi>gone</bdi></a>"#))
            let page = try await browser.page("/deliveries/1")
            #expect(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"))
            #expect(page.contains("&lt;b&gt;hi&lt;/b&gt;"))
            #expect(page.contains("The signature is not checked again."))
            let answer = try await browser.send("/deliveries/1/replay", [:])
            #expect(answer.status == 303)
            let location = try #require(answer.headers["location"])
            let run = String(location.dropFirst("/runs/".count).prefix { $0 != "?" })
            try await server.end(of: run)
            let shown = try await browser.page(location + "&step=say")
            #expect(shown.contains("The delivery was replayed."))
            #expect(shown.contains("Settings as rendered (with)"))
            #expect(shown.contains("got &lt;script&gt;"))
            #expect(try await browser.page("/audit").contains(#"href="/deliveries/1""#))
            let japanese = Browsing(server: server, cookie: browser.cookie, language: "ja")
            #expect(try await japanese.page("/deliveries/1").contains("署名は再検証しません。"))
        }
    }

    @Test("a form that is sent twice replays a delivery once, whether or not the delivery has a run")
    func sentTwice() async throws {
        try await Self.rig(scheme: "github").serve { server in
            let browser = try await Browsing.signedIn(server)
            let refused = try await server.call(
                "POST", "/hooks/h",
                [
                    ("Content-Type", "application/json"), ("X-GitHub-Delivery", "7"),
                    ("X-Hub-Signature-256", "sha256=" + String(repeating: "0", count: 64)),
                ], body: "{}")
            #expect(refused.status == 401)
            func replay(_ form: String) async throws -> String {
                let answer = try await browser.send("/deliveries/1/replay", ["form-id": form])
                #expect(answer.status == 303)
                return try #require(answer.headers["location"])
            }
            // The first form starts the run of the event, and the others retry that run.
            let first = try await replay("one")
            #expect(try await replay("one") == first)
            let second = try await replay("two")
            #expect(second != first)
            #expect(try await replay("two") == second)
            #expect(try await replay("one") == first)
            #expect(await server.runs().count == 2)
            let actions = try await server.journal.operators.audit(before: nil, limit: 9).map(\.action)
            #expect(actions.filter { $0 == "replay-delivery" }.count == 2)
        }
    }

    @Test("the page of a run leads to the delivery that started it")
    func ofRun() async throws {
        try await Self.rig().serve { server in
            let answer = try await server.call(
                "POST", "/hooks/h", [("Content-Type", "text/plain"), ("Authorization", "Bearer s3cr3t-value")],
                body: "x")
            let run = try #require(answer.run)
            try await server.end(of: run)
            let page = try await Browsing.signedIn(server).page("/runs/\(run)")
            #expect(page.contains(#"<a class="mono" href="/deliveries/1"><bdi>POST /hooks/h</bdi></a>"#))
        }
    }

    @Test("a run that came with a trace shows its id, on its page and by REST")
    func trace() async throws {
        try await Self.rig().serve { server in
            let browser = try await Browsing.signedIn(server)
            let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
            let answer = try await server.call(
                "POST", "/hooks/h",
                [
                    ("Content-Type", "text/plain"), ("Authorization", "Bearer s3cr3t-value"),
                    ("traceparent", "00-\(trace)-00f067aa0ba902b7-01"),
                ], body: "x")
            let run = try #require(answer.run)
            try await server.end(of: run)
            #expect(try await browser.page("/runs/\(run)").contains(trace))
            let shown = try await server.call(
                "GET", "/api/v1/runs/\(run)", [("Authorization", "Bearer \(Browsing.token)")])
            #expect(try shown.json()["trace_id"] == .string(trace))
        }
    }
}
