import HTTPTestServer
import RunnelHTTP
import RunnelKit
import RunnelTesting
import TestSupport
import Testing

@testable import WebhookPlugin

@Suite("webhook.send", .timeLimit(.minutes(5))) struct WebhookSendTests {
    private let id = "0198c0de-0000-7000-8000-000000000001_notify"

    @Test("without a body of its own the last output is sent as JSON, with an id and a time")
    func input() async throws {
        try await Receiver.run { _ in
            .init(status: 202, headers: [("content-type", "text/plain")], body: "thanks")
        } body: { receiver in
            let output = try await Sending(input: ["label": "bug"]).run(["url": .string(receiver.url)])
            #expect(output["status"] == 202)
            #expect(output["body"] == "thanks")
            #expect(output["attempts"] == 1)
            #expect(output.asObject?.keys.sorted() == WebhookSend.outputSchema?["properties"]?.asObject?.keys.sorted())
            #expect(output["id"] == .string(id))
            #expect(output["headers"]?["content-type"] == "text/plain")
            let delivery = try #require(receiver.deliveries.first)
            #expect(delivery.method == "POST")
            #expect(delivery.body == #"{"label":"bug"}"#)
            #expect(delivery.headers["content-type"] == ["application/json"])
            #expect(delivery.headers["webhook-id"] == [id])
            #expect(delivery.headers["webhook-timestamp"] == ["1767225600"])
            #expect(delivery.headers["webhook-signature"] == [])
            #expect(delivery.headers["user-agent"] == ["Runnel"])
        }
    }

    @Test("beside the id stands the epoch of the run's claim, where the run is kept")
    func epoch() async throws {
        try await Receiver.run { _ in
            .init(status: 204)
        } body: { receiver in
            _ = try await Sending(input: 1, epoch: 17).run(["url": .string(receiver.url)])
            _ = try await Sending(input: 1).run(["url": .string(receiver.url)])
            #expect(receiver.deliveries.map { $0.headers["runnel-epoch"] } == [["17"], []])
            #expect(receiver.deliveries.map { $0.headers["webhook-id"] } == [[id], [id]])
        }
    }

    @Test("the trace of the run goes along, and a header of the pipeline wins over it")
    func trace() async throws {
        let text = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        let trace = try #require(TraceContext(traceparent: text, tracestate: "a=1"))
        try await Receiver.run { _ in
            .init(status: 204)
        } body: { receiver in
            let url = Value.string(receiver.url)
            _ = try await Sending(trace: trace).run(["url": url])
            _ = try await Sending(trace: trace).run(["url": url, "headers": ["Traceparent": "own"]])
            _ = try await Sending().run(["url": url])
            #expect(receiver.deliveries.map { $0.headers["traceparent"] } == [[text], ["own"], []])
            #expect(receiver.deliveries.map { $0.headers["tracestate"] } == [["a=1"], [], []])
        }
    }

    @Test("each kind of body, method and headers arrive")
    func bodies() async throws {
        try await Receiver.run { _ in
            .init(status: 204)
        } body: { receiver in
            let url = Value.string(receiver.url)
            _ = try await Sending().run(["url": url, "json": ["a": 1], "headers": ["X-Kind": "test"]])
            _ = try await Sending().run(["url": url, "form": ["a": "b c"], "method": "PUT"])
            _ = try await Sending().run(["url": url, "text": "ü", "method": "PATCH"])
            _ = try await Sending().run(["url": url, "body": .bytes([0x41]), "headers": ["Content-Type": "image/png"]])
            let all = receiver.deliveries
            #expect(all.map(\.body) == [#"{"a":1}"#, "a=b+c", "ü", "A"])
            #expect(all.map(\.method) == ["POST", "PUT", "PATCH", "POST"])
            #expect(
                all.map { $0.headers["content-type"] } == [
                    ["application/json"], ["application/x-www-form-urlencoded"], ["text/plain; charset=utf-8"],
                    ["image/png"],
                ])
            #expect(all[0].headers["x-kind"] == ["test"])
        }
    }

    @Test("a null under `json` is what is sent, and not the last output")
    func nullBody() async throws {
        try await Receiver.run { _ in
            .init(status: 204)
        } body: { receiver in
            _ = try await Sending(input: "ANOTHER STEP'S OUTPUT").run(["url": .string(receiver.url), "json": .null])
            #expect(receiver.deliveries.map(\.body) == ["null"])
            #expect(receiver.deliveries.first?.headers["content-type"] == ["application/json"])
        }
    }

    @Test(
        "a null secret is an error: nothing is sent without a signature",
        arguments: [
            (.null, "`secret`: expected a string, found null"),
            (["a secret", .null], "`secret[1]`: expected a string, found null"),
        ] as [(Value, String)])
    func nullSecret(secret: Value, message: String) async throws {
        try await Receiver.run { _ in
            .init(status: 204)
        } body: { receiver in
            let error = try await Sending().failure(["url": .string(receiver.url), "text": "a", "secret": secret])
            #expect(error.code == "empty-value")
            #expect(error.message == message)
            #expect(receiver.deliveries.isEmpty)
        }
    }

    @Test("a signed webhook carries the reference implementation's signature")
    func signed() async throws {
        let vector = try #require(SignatureVector.all().first { $0.id == id && $0.timestamp == 1_767_225_600 })
        try await Receiver.run { _ in
            .init(status: 200)
        } body: { receiver in
            _ = try await Sending().run([
                "url": .string(receiver.url), "text": .string(vector.body), "secret": .string(vector.secret),
            ])
            let headers = try #require(receiver.deliveries.first).headers
            #expect(headers["webhook-signature"] == [vector.signature])
        }
    }

    @Test("a busy receiver is tried again with the same id, each time with a note")
    func retries() async throws {
        let statuses = [503, 429, 500]
        try await Receiver.run { count in
            count > 3
                ? .init(status: 200)
                : .init(status: statuses[count - 1], headers: count == 2 ? [("retry-after", "7")] : [])
        } body: { receiver in
            let sending = Sending()
            async let run = sending.run(["url": .string(receiver.url), "text": "x", "secret": "key"])
            let delays = try [await sending.skipDelay(), await sending.skipDelay(), await sending.skipDelay()]
            let output = try await run
            #expect(output["attempts"] == 4)
            #expect(delays[0] >= .milliseconds(500) && delays[0] <= .seconds(1))
            #expect(delays[1] == .seconds(7))
            #expect(delays[2] >= .seconds(2) && delays[2] <= .seconds(4))
            #expect(
                sending.notes == [
                    "HTTP 503; trying again in \(DurationText.format(delays[0])) (attempt 2 of 5)",
                    "HTTP 429; trying again in 7s (attempt 3 of 5)",
                    "HTTP 500; trying again in \(DurationText.format(delays[2])) (attempt 4 of 5)",
                ])
            #expect(Set(receiver.deliveries.map { $0.headers["webhook-id"] }) == [[id]])
        }
    }

    @Test("a webhook whose response breaks off after the status 200 counts as accepted, and is not sent again")
    func cutAnswer() async throws {
        try await TestServer.run { _ in
            .raw("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 100\r\n\r\nthanks")
        } body: { server in
            let sending = Sending(input: 1)
            let output = try await sending.run(["url": .string(server.url)])
            #expect(output["status"] == 200)
            #expect(output["attempts"] == 1)
            let note = try #require(sending.notes.first)
            #expect(note.hasPrefix("accepted; the rest of the answer is missing: connection "))
            #expect(server.requests.count == 1)
        }
    }

    @Test("the status decides whether a webhook is sent again, even if the rest of the answer is missing")
    func cutRefusal() async throws {
        try await TestServer.run { _ in
            .raw("HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 100\r\n\r\nno label")
        } body: { server in
            let sending = Sending(input: 1)
            let error = try await sending.failure(["url": .string(server.url + "/hook")])
            #expect(error.message == "POST http://127.0.0.1:\(server.port)/… answered 400 Bad Request")
            #expect(!error.isTransient)
            #expect(sending.notes.isEmpty)
            #expect(server.requests.count == 1)
        }
    }

    @Test("a response that breaks off in a secret shows no part of it")
    func cutSecret() async throws {
        try await TestServer.run { _ in
            .raw(
                "HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain\r\nContent-Length: 100\r\n\r\nbad token token-12")
        } body: { server in
            let error = try await Sending(secrets: ["token-123"]).failure(["url": .string(server.url + "/hook")])
            #expect(error.message == "POST http://127.0.0.1:\(server.port)/… answered 403 Forbidden")
        }
    }

    @Test("an output that is cut ends before what may be the first part of a secret", arguments: [true, false])
    func cutOutput(isLong: Bool) async throws {
        let words = "token-123 " + String(repeating: "x", count: isLong ? 65_519 : 20)
        let answer =
            isLong
            ? "Content-Length: 65538\r\n\r\n\(words)token-123" : "Content-Length: 100\r\n\r\n\(words)token-"
        try await TestServer.run { _ in
            .raw("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\(answer)")
        } body: { server in
            let output = try await Sending(secrets: ["token-123"]).run(["url": .string(server.url)])
            #expect(output["body"] == .string(words))
        }
    }

    @Test("when all attempts fail the error says how many there were")
    func exhausted() async throws {
        try await Receiver.run { _ in
            .init(status: 503, headers: [("retry-after", "3")], body: "down for\nmaintenance")
        } body: { receiver in
            let sending = Sending()
            async let failure = sending.failure(["url": .string(receiver.url), "attempts": 2])
            _ = try await sending.skipDelay()
            let error = try await failure
            #expect(error.code == "http-status")
            #expect(
                error.message
                    == #"POST http://127.0.0.1:\#(receiver.port)/… answered 503 Service Unavailable: "down for" (tried 2 times)"#
            )
            #expect(error.isTransient)
            #expect(error.retryAfter == .seconds(3))
        }
    }

    @Test("a receiver that asks for too long a wait is not bothered again")
    func tooLong() async throws {
        try await Receiver.run { _ in
            .init(status: 429, headers: [("retry-after", "7200")])
        } body: { receiver in
            let error = try await Sending().failure(["url": .string(receiver.url)])
            #expect(error.message == "POST http://127.0.0.1:\(receiver.port)/… answered 429 Too Many Requests")
            #expect(error.hint == "the receiver asks to wait 2h, and a step waits 10m at most: run it again later")
            #expect(error.retryAfter == .seconds(7200))
            #expect(receiver.deliveries.count == 1)
        }
    }

    @Test("a status that does not pass is final; 410 says what it means")
    func final() async throws {
        try await Receiver.run { count in
            .init(status: count == 1 ? 400 : 410, body: #"{"message":"no label"}"#)
        } body: { receiver in
            let host = "http://127.0.0.1:\(receiver.port)/…"
            let bad = try await Sending().failure(["url": .string(receiver.url)])
            #expect(bad.message == #"POST \#(host) answered 400 Bad Request: "no label""#)
            #expect(!bad.isTransient)
            let gone = try await Sending().failure(["url": .string(receiver.url)])
            #expect(gone.code == "webhook-gone")
            #expect(gone.message == #"POST \#(host) answered 410 Gone: "no label""#)
            #expect(
                gone.hint == "the receiver wants no more webhooks at this URL: remove the step or ask for a new URL")
            #expect(receiver.deliveries.count == 2)
        }
    }

    @Test("a redirect is not followed, and the error says where it points without the password in its path")
    func redirect() async throws {
        try await Receiver.run { _ in
            .init(status: 307, headers: [("location", "/moved/opensesame?key=1")])
        } body: { receiver in
            let error = try await Sending().failure(["url": .string(receiver.url)])
            let origin = "http://127.0.0.1:\(receiver.port)"
            #expect(error.code == "redirect-not-followed")
            #expect(
                error.message
                    == #"POST \#(origin)/… answered 307 Temporary Redirect and points to "\#(origin)/moved/***?…""#)
            #expect(error.hint == "webhooks are not sent on to other places; put that URL into `url` if you trust it")
        }
    }

    @Test("neither the path nor the secret appears in an error, even if the receiver repeats them")
    func secrets() async throws {
        try await Receiver.run { _ in
            .init(status: 401, body: "bad key for opensesame: swordfish, token-123")
        } body: { receiver in
            let error = try await Sending(secrets: ["token-123"]).failure([
                "url": .string(receiver.url), "secret": "swordfish",
            ])
            #expect(
                error.message
                    == #"POST http://127.0.0.1:\#(receiver.port)/… answered 401 Unauthorized: "bad key for ***: ***, ***""#
            )
        }
    }

    @Test("nobody listening is tried again, and then said so")
    func refused() async throws {
        let port = try #require(refusingPort())
        let sending = Sending()
        async let failure = sending.failure(["url": .string("http://127.0.0.1:\(port)/hook"), "attempts": 2])
        let delay = try DurationText.format(await sending.skipDelay())
        let error = try await failure
        #expect(error.message == "POST http://127.0.0.1:\(port)/… failed: the connection was refused (tried 2 times)")
        #expect(sending.notes == ["connection refused; trying again in \(delay) (attempt 2 of 2)"])
    }

    @Test("a receiver that says nothing is given up for this attempt and tried again")
    func timeout() async throws {
        try await Receiver.run { count in
            count == 1 ? nil : .init(status: 200)
        } body: { receiver in
            let sending = Sending()
            async let run = sending.run(["url": .string(receiver.url), "timeout": "20m"])
            while receiver.deliveries.isEmpty { try await waitTurn() }
            sending.clock.advance(by: .seconds(1200))
            let delay = try DurationText.format(await sending.skipDelay())
            let output = try await run
            #expect(output["attempts"] == 2)
            #expect(sending.notes == ["no answer within 20m; trying again in \(delay) (attempt 2 of 5)"])
        }
    }

    @Test("a cancelled webhook ends at once, also between two attempts")
    func cancelled() async throws {
        try await Receiver.run { _ in
            .init(status: 503)
        } body: { receiver in
            let sending = Sending()
            let task = Task { try await sending.run(["url": .string(receiver.url)]) }
            while sending.notes.isEmpty { try await waitTurn() }
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
        }
    }

    @Test("a long answer is cut between two characters")
    func longAnswer() async throws {
        try await Receiver.run { _ in
            .init(status: 200, body: "x" + String(repeating: "日", count: 30_000))
        } body: { receiver in
            let body = try await Sending().run(["url": .string(receiver.url)])["body"]?.asString
            #expect(body == "x" + String(repeating: "日", count: 21_845))
        }
    }

    @Test(
        "a wrong `with` is refused before anything is sent",
        arguments: [
            (["url": "htp://x"], #"`url`: "htp://x" is not an http or https URL"#),
            (["url": "http://h", "json": 1, "text": "a"], #""json" and "text" are mutually exclusive"#),
            (["url": "http://h", "attempts": 0], "`attempts`: expected a number from 1 to 100, found the number 0"),
            (["url": "http://h", "timeout": "0s"], "`timeout`: 0s is too short"),
            (["url": "http://h", "method": "GET"], #"`method`: expected one of "POST", "PUT", "PATCH", found "GET""#),
            (
                ["url": "http://h", "headers": ["Webhook-Id": "1"]],
                #"`headers.Webhook-Id`: Runnel sets the header "Webhook-Id" itself"#
            ),
        ] as [(ValueObject, String)])
    func wrong(with: ValueObject, message: String) async throws {
        let error = try await Sending().failure(with)
        #expect(error.code == "bad-with")
        #expect(error.message == message)
    }

    @Test("an id that a header cannot hold is encoded")
    func encodedID() {
        #expect(HeaderFields.encoded("run.step-1.0") == "run.step-1.0")
        #expect(HeaderFields.encoded("run.schritt ü\n%") == "run.schritt%20%C3%BC%0A%25")
    }
}
