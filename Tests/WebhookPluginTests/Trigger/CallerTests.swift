import RunnelKit
import RunnelTesting
import Testing

@testable import WebhookPlugin

@Suite("How a hook is called") struct CallerTests {
    private static let open: Value = ["scheme": "none"]

    @Test("a part of the path is a value, decoded, and part of what an event is known by")
    func parameters() async throws {
        try await Hook.run(["path": "scan/{id}/{part}", "verify": Self.open], pipeline: "p") { hook in
            for (path, run) in [("scan/4%C3%A9/a%2Fb", "run-1"), ("scan/5/x", "run-2"), ("scan/5/x/", "run-2")] {
                let route = try #require(hook.hub.route(path))
                let request = IngressRequest(
                    method: "POST", path: "/hooks/" + path, headers: ["idempotency-key": "k"])
                let response = try await hook.hub.answer(request, by: route)
                #expect(try Hook.Answer(response) == .accepted(run))
            }
            #expect(await hook.runs.accepted.first?.payload["params"] == ["id": "4é", "part": "a/b"])
            for path in ["scan/5", "scan//x", "scan/../x", "scan/%2e%2e/x", "scan/%zz/x"] {
                #expect(hook.hub.route(path) == nil, "\(path)")
            }
        }
    }

    @Test("a character that needs no encoding is the same with it", arguments: ["a/b", "%61/b", "%61/%62/", "/a%2Fb"])
    func encoding(path: String) async throws {
        try await Hook.run(["path": "a/b", "verify": Self.open]) { hook in
            #expect((hook.hub.route(path) != nil) == !path.contains("2F"))
            guard let route = hook.hub.route(path) else { return }
            _ = try await hook.hub.answer(IngressRequest(method: "POST", path: "/hooks/" + path), by: route)
            #expect(try await hook.payload()["path"] == "/hooks/a/b")
        }
    }

    @Test("HEAD finds the URL and starts nothing, whatever the hook is called with")
    func head() async throws {
        for verify: Value in [Self.open, ["scheme": "github", "secret": "s"]] {
            try await Hook.run(["path": "p", "verify": verify, "methods": ["POST", "GET"]]) { hook in
                let answer = try await hook.call("HEAD")
                #expect(answer == Hook.Answer(status: 200, headers: [:], body: ""))
                #expect(await hook.runs.accepted.isEmpty)
            }
        }
    }

    @Test("a page of a permitted origin is told that it may call, another one is not")
    func origins() async throws {
        try await Hook.run(["path": "p", "verify": Self.open, "origins": ["https://Example.org/"]]) { hook in
            let question: [(String, String)] = [
                ("access-control-request-method", "POST"), ("access-control-request-headers", "content-type, x-y, (z"),
            ]
            let allowed = try await hook.call(
                "OPTIONS", headers: HeaderList([("origin", "https://example.org")] + question))
            #expect(
                allowed
                    == Hook.Answer(
                        status: 204,
                        headers: [
                            "access-control-allow-methods": "POST", "access-control-max-age": "600",
                            "access-control-allow-headers": "content-type, x-y",
                        ], body: ""))
            let other = try await hook.call("OPTIONS", headers: HeaderList([("origin", "https://evil.org")] + question))
            #expect(other == Hook.Answer(status: 204, headers: ["allow": "POST, HEAD, OPTIONS"], body: ""))
            #expect(await hook.runs.accepted.isEmpty)
            let route = try #require(hook.hub.route("p")).route
            let request = IngressRequest(method: "POST", path: "/hooks/p", headers: ["origin": "https://example.org"])
            #expect(
                try Hook.Answer(route.sharing(IngressResponse(status: 202), with: request)).headers == [
                    "vary": "Origin", "access-control-allow-origin": "https://example.org",
                    "access-control-expose-headers": "Location, Retry-After, Runnel-Run-Id",
                ])
        }
    }

    @Test("a hook with a rate is refused beyond it, until there is room again; a wrong proof counts for nothing")
    func rate() async throws {
        try await Hook.run(["path": "p", "verify": ["scheme": "bearer", "secret": "t"], "rate": "2/min"]) { hook in
            let right: HeaderList = ["authorization": "Bearer t"]
            for _ in 0..<5 {
                let wrong = try await hook.call()
                #expect(wrong.status == 401)
            }
            for run in ["run-1", "run-2"] {
                let answer = try await hook.call(headers: right)
                #expect(answer == .accepted(run))
            }
            let busy = try await hook.call(headers: right)
            #expect(
                busy
                    == .error(
                        429, "too-many-requests", "this hook is called too often; try again in 30 s",
                        headers: ["retry-after": "30"]))
            hook.clock.advance(by: .seconds(30))
            let answer = try await hook.call(headers: right)
            #expect(answer == .accepted("run-3"))
        }
    }

    @Test("credentials in the query are not stored; words that look like them are")
    func query() async throws {
        try await Hook.run(["path": "p", "verify": Self.open]) { hook in
            _ = try await hook.call(query: "api_key=1&access_token=2&sig=3&keyword=k&author=a&page=4")
            #expect(try await hook.payload()["query"] == ["keyword": "k", "author": "a", "page": "4"])
        }
    }

    @Test(
        "what cannot be is said with its reason",
        arguments: [
            (
                ["path": "scan/{id", "verify": ["scheme": "none"]],
                "\"scan/{id\" cannot be the path of a hook: \"{id\" is no parameter"
            ),
            (
                ["path": "{a}/{a}", "verify": ["scheme": "none"]],
                "\"{a}/{a}\" cannot be the path of a hook: it has the parameter {a} twice"
            ),
            (
                ["path": "p", "verify": ["scheme": "none"], "rate": "60"],
                "expected a number of calls in a time, such as \"60/min\"; the times are s, min, h and day, found \"60\""
            ),
            (
                ["path": "p", "verify": ["scheme": "none"], "origins": ["example.org"]],
                "\"example.org\" is not an origin"
            ),
        ] as [(ValueObject, String)])
    func wrong(entry: ValueObject, message: String) {
        #expect(TriggerDefinition(WebhookTrigger.self).check(entry)?.message == message)
    }

    @Test(
        "an origin that no browser sends is refused, with what to write instead",
        arguments: [
            "https://*.example.org", "*.example.org", "example.org", "https://example.org/app", "https://",
            "https://a.example, https://b.example", "https://bücher.example",
        ])
    func wrongOrigins(origin: String) {
        let entry: ValueObject = ["verify": ["scheme": "none"], "origins": [.string(origin)]]
        let error = TriggerDefinition(WebhookTrigger.self).check(entry)
        #expect(error?.message == "\"\(origin)\" is not an origin")
        #expect(
            error?.hint
                == (origin.contains("*")
                    ? "an origin has no wildcards: list each one, such as \"https://app.example.org\"; \"*\" alone lets "
                        + "every page call"
                    : "write scheme and host, without a path: \"https://example.org\"; \"*\" lets every page call"))
        #expect(error?.path == [.key("origins"), .index(0)])
    }
}
