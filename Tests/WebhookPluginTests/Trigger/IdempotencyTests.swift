import RunnelKit
import RunnelTesting
import Testing

@testable import WebhookPlugin

@Suite("An event that is delivered again") struct IdempotencyTests {
    @Test(
        "is known by the header fields that senders use, and answered as the first time",
        arguments: ["webhook-id", "X-GitHub-Delivery", "Idempotency-Key"])
    func headers(name: String) async throws {
        try await Hook.run(["path": "p", "verify": ["scheme": "none"]]) { hook in
            for (id, run) in [("a", "run-1"), ("b", "run-2"), ("a", "run-1")] {
                let answer = try await hook.call(headers: HeaderList([(name, id)]))
                #expect(answer == .accepted(run))
            }
            #expect(await hook.runs.duplicates == 1)
            #expect(
                await hook.runs.accepted.map(\.dedupeKey) == ["a", "b"].map { "webhook:p:\(name.lowercased()):\($0)" })
        }
    }

    @Test("is its own event each time where it says nothing of itself")
    func none() async throws {
        try await Hook.run(["path": "p", "verify": ["scheme": "none"]]) { hook in
            for run in ["run-1", "run-2"] {
                let answer = try await hook.call(headers: ["webhook-id": ""])
                #expect(answer == .accepted(run))
            }
            #expect(await hook.runs.accepted.map(\.dedupeKey) == [nil, nil])
        }
    }

    @Test("is known by the place that the pipeline names, and only by that")
    func configured() async throws {
        let json = { (body: String) in (["content-type": "application/json", "webhook-id": "same"] as HeaderList, body)
        }
        try await Hook.run(["path": "p", "verify": ["scheme": "none"], "idempotency": ["body": "/data/0/id"]]) { hook in
            for (body, run) in [
                (#"{"data": [{"id": 7}]}"#, "run-1"), (#"{"data": [{"id": "8"}]}"#, "run-2"),
                (#"{"n": 1, "data": [{"id": 7}]}"#, "run-1"), (#"{"data": []}"#, "run-3"), (#"{"data": []}"#, "run-4"),
                (#"{"data": [{"id": {}}]}"#, "run-5"),
            ] {
                let (headers, body) = json(body)
                let answer = try await hook.call(headers: headers, body: body)
                #expect(answer == .accepted(run))
            }
        }
        try await Hook.run(["path": "p", "verify": ["scheme": "none"], "idempotency": ["header": "X-Event"]]) { hook in
            for (id, run) in [("1", "run-1"), ("2", "run-2"), ("1", "run-1")] {
                let answer = try await hook.call(headers: ["webhook-id": "same", "x-event": id])
                #expect(answer == .accepted(run))
            }
        }
    }

    @Test("is known by the event's id with senders that repeat that")
    func schemes() throws {
        let request = IngressRequest(
            method: "POST", path: "/hooks/p", headers: ["idempotency-key": "k"], body: [], remoteAddress: "")
        let body: Value = ["id": "evt_1", "event_id": "Ev1"]
        let expected = [
            "stripe": "webhook:p:/id:evt_1", "slack": "webhook:p:/event_id:Ev1",
            "github": "webhook:p:idempotency-key:k",
        ]
        for (scheme, key) in expected {
            let verification = try Verification(field: ["scheme": .string(scheme), "secret": "s"])
            let keys = DeliveryKey(path: "p", source: nil, verification: verification)
            #expect(keys.key(request, body: body) == key)
            #expect(keys.key(request, body: .null) == "webhook:p:idempotency-key:k")
        }
    }

    @Test("has a key of bounded length, however long its id is")
    func long() throws {
        let keys = DeliveryKey(
            path: "p", source: .header("x"), verification: try Verification(field: ["scheme": "none"]))
        let key = { (id: String) in
            keys.key(
                IngressRequest(method: "POST", path: "", headers: ["x": id], body: [], remoteAddress: ""), body: .null)
        }
        let (long, other) = (String(repeating: "x", count: 201), String(repeating: "x", count: 202))
        #expect(key(String(long.dropLast())) == "webhook:p:x:" + long.dropLast())
        #expect(key(long)?.count == 63)
        #expect(key(long) == key(long))
        #expect(key(long) != key(other))
    }

    @Test("is found where the pointer points")
    func pointers() throws {
        let document: Value = ["a": ["b/c": [10, ["~": true]]], "": ["": "x"]]
        for (text, value) in [
            ("/a/b~1c/0", 10), ("/a/b~1c/1/~0", true), ("//", "x"), ("/a/b~1c/2", nil), ("/a/b~1c/00", nil),
            ("/a/b~1c/-", nil), ("/z", nil), ("/a/b~1c/0/x", nil),
        ] as [(String, Value?)] {
            #expect(try #require(JSONPointer(text)).value(in: document) == value, "\(text)")
        }
        for text in ["a", "/~", "/~2", "/a~"] { #expect(JSONPointer(text) == nil) }
        #expect(throws: FieldError.self) { try JSONPointer(field: "") }
    }
}
