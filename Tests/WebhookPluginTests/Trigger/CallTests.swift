import RunnelKit
import RunnelTesting
import Testing

@testable import WebhookPlugin

@Suite("A call to a hook") struct CallTests {
    private static let open: ValueObject = ["path": "p", "verify": ["scheme": "none"]]
    private static let json: HeaderList = ["content-type": "application/json"]

    @Test("what was called becomes the payload, without credentials, and the body the first input")
    func payload() async throws {
        try await Hook.run([
            "path": "p", "verify": ["scheme": "bearer", "secret": "token-1", "header": "X-Shop-Proof"],
        ]) { hook in
            let answer = try await hook.call(
                headers: [
                    "Content-Type": "application/json", "X-Shop-Proof": "token-1", "Authorization": "Bearer x",
                    "Cookie": "a=b", "X-Api-Key": "k", "X-Hub-Signature": "s", "X-Event": "push", "x-event": "more",
                    "Idempotency-Key": "i",
                ], body: #"{"a": 1}"#, query: "q=1&r=a+b&q=2")
            #expect(answer == .accepted("run-1"))
            let expected: ValueObject = [
                "method": "POST", "path": "/hooks/p", "params": [:],
                "headers": ["content-type": "application/json", "x-event": "push, more", "idempotency-key": "i"],
                "query": ["q": ["1", "2"], "r": "a b"], "body": ["a": 1], "raw": #"{"a": 1}"#,
            ]
            #expect(try await hook.payload() == expected)
            #expect(await hook.runs.accepted.first?.input == ["a": 1])
        }
    }

    @Test("a caller's trace context stands in the payload; a malformed or repeated one does not")
    func trace() async throws {
        let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        let calls: [(HeaderList, Value?, Value?)] = [
            (["Traceparent": parent, "tracestate": "a=1", "Tracestate": "b=2"], .string(parent), "a=1,b=2"),
            (["traceparent": parent, "tracestate": "no"], .string(parent), nil),
            (["tracestate": "a=1"], nil, nil),
            (["traceparent": "00-00000000000000000000000000000000-00f067aa0ba902b7-01"], nil, nil),
            (["traceparent": "garbage", "tracestate": "a=1"], nil, nil),
            (["traceparent": parent, "Traceparent": parent], nil, nil),
        ]
        for (headers, parent, state) in calls {
            try await Hook.run(Self.open) { hook in
                let answer = try await hook.call(headers: headers)
                #expect(answer == .accepted("run-1"))
                let payload = try await hook.payload()
                #expect(payload["traceparent"] == parent)
                #expect(payload["tracestate"] == state)
            }
        }
    }

    @Test("each refusal has its status, its code and its words")
    func refusals() async throws {
        try await Hook.run([
            "path": "p", "verify": ["scheme": "none"], "methods": ["POST", "PUT"], "max_body": "1KiB",
        ]) { hook in
            let get = try await hook.call("GET")
            #expect(
                get
                    == .error(
                        405, "method-not-allowed", "this hook is called with POST or PUT",
                        headers: ["allow": "POST, PUT, HEAD, OPTIONS"]))
            let large = try await hook.call(headers: Self.json, body: String(repeating: "1", count: 1025))
            #expect(
                large == .error(413, "body-too-large", "the body is larger than the 1KiB that this hook takes"))
            let full = try await hook.call(headers: Self.json, body: "\"" + String(repeating: "1", count: 1022) + "\"")
            #expect(full == .accepted("run-1"))
            let image = try await hook.call(headers: ["content-type": "image/png"], body: "x")
            #expect(
                image
                    == .error(
                        415, "unsupported-media-type", "this hook does not take bodies of the type \"image/png\""))
            let zipped = try await hook.call(
                headers: ["content-type": "text/plain", "content-encoding": "gzip"], body: "x")
            #expect(
                zipped
                    == .error(
                        400, "malformed-body", "the body is not \"gzip\" as its Content-Encoding says"))
            let broken = try await hook.call("PUT", headers: Self.json, body: "[1,")
            #expect(
                broken
                    == .error(
                        400, "malformed-body",
                        "the body is not JSON: line 1, column 4: expected a JSON value, found the end"))
            #expect(await hook.runs.accepted.count == 1)
        }
    }

    @Test("what Runnel cannot take is refused with the time to wait, in whole seconds rounded up, and its reason kept")
    func overload() async throws {
        try await Hook.run(Self.open) { hook in
            await hook.runs.refuse(TriggerRefusal(.overloaded, "4096 wait", retryAfter: .milliseconds(2001)))
            let busy = try await hook.call()
            #expect(
                busy
                    == .error(
                        429, "overloaded", "too many runs are waiting; try again in 3 s", headers: ["retry-after": "3"])
            )
            await hook.runs.refuse(TriggerRefusal(.shuttingDown, "bye", retryAfter: .seconds(5)))
            let leaving = try await hook.call()
            #expect(
                leaving
                    == .error(
                        503, "shutting-down", "Runnel is shutting down; try again in 5 s",
                        headers: ["retry-after": "5"]))
            await hook.runs.refuse(TriggerRefusal(.journal, "/var/lib/x: disk full", retryAfter: .zero))
            let unwritable = try await hook.call()
            #expect(
                unwritable
                    == .error(
                        503, "unavailable", "runs cannot be stored now; try again in 1 s",
                        headers: ["retry-after": "1"]))
            #expect(await hook.runs.accepted.isEmpty)
            await hook.runs.refuse(nil)
            let answer = try await hook.call()
            #expect(answer == .accepted("run-1"))
        }
    }

    // MARK: - Questions

    @Test("Slack's question is answered once its signature was right, and starts no run")
    func slack() async throws {
        let entry: ValueObject = ["path": "p", "verify": ["scheme": "slack", "secret": "s3cret-of-slack"]]
        let body = #"{"type":"url_verification","token":"t","challenge":"3eZbrw1aB"}"#
        try await Hook.run(entry) { hook in
            let signed = { (code: String) -> HeaderList in
                [
                    "X-Slack-Request-Timestamp": "1700000000", "X-Slack-Signature": "v0=\(code)",
                    "content-type": "application/json",
                ]
            }
            let answer = try await hook.call(
                headers: signed("7ba8f8eaace4c9b967070a2512783bc947df1e4c19f4fa42dea6110c1ac442ab"), body: body)
            #expect(
                answer
                    == Hook.Answer(
                        status: 200,
                        headers: [
                            "content-type": "text/plain; charset=utf-8", "x-content-type-options": "nosniff",
                        ], body: "3eZbrw1aB"))
            let wrong = try await hook.call(headers: signed(String(repeating: "0", count: 64)), body: body)
            #expect(wrong == .unauthorized)
            #expect(await hook.runs.accepted.isEmpty)
        }
        try await Hook.run(Self.open) { hook in
            let answer = try await hook.call(headers: Self.json, body: body)
            #expect(answer == .accepted("run-1"), "for anybody else it is an event")
        }
    }

    private static func question(_ more: String = "") -> String { "hub.mode=subscribe&hub.challenge=a%2Bb" + more }

    @Test("a hub's question is answered with its challenge")
    func hub() async throws {
        let signed: ValueObject = ["path": "p", "verify": ["scheme": "github", "secret": "s"]]
        try await Hook.run(signed) { hook in
            let answer = try await hook.call("GET", query: Self.question())
            #expect(answer.status == 200)
            #expect(answer.body == "a+b")
            for query in ["hub.mode=denied&hub.challenge=a", "hub.mode=subscribe", "hub.challenge=a", ""] {
                let answer = try await hook.call("GET", query: query)
                #expect(answer.status == 405)
            }
        }
        try await Hook.run(["path": "p", "verify": ["scheme": "bearer", "secret": "token-1"]]) { hook in
            let stranger = try await hook.call("GET", query: Self.question())
            #expect(stranger.status == 401)
            let known = try await hook.call("GET", headers: ["authorization": "Bearer token-1"], query: Self.question())
            #expect(known.status == 200)
        }
    }

    @Test("with a token in the pipeline only who brings it is answered")
    func hubToken() async throws {
        try await Hook.run([
            "path": "p", "verify": ["scheme": "github", "secret": "s"], "challenge_token": ["old", "new"],
        ]) { hook in
            for (token, status) in [
                ("&hub.verify_token=new", 200), ("&hub.verify_token=old", 200), ("&hub.verify_token=n", 401), ("", 401),
            ] {
                let answer = try await hook.call("GET", query: Self.question(token))
                #expect(answer.status == status)
                #expect(answer.body == (status == 200 ? "a+b" : ""))
            }
            #expect(await hook.runs.accepted.isEmpty)
        }
    }
}
