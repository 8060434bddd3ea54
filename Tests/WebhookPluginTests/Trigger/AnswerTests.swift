import RunnelKit
import RunnelTesting
import Testing

@testable import WebhookPlugin

@Suite("A caller who waits for the result") struct AnswerTests {
    private static let waiting: ValueObject = [
        "path": "p", "verify": ["scheme": "none"], "respond": "result", "timeout": "1m",
    ]

    /// Calls, lets the run end, and returns the answer.
    private static func answer(_ end: RunEnd) async throws -> Hook.Answer {
        try await Hook.run(waiting) { hook in
            async let answer = hook.call()
            try await hook.runs.waitForAccepted(1)
            await hook.runs.finish("run-1", end)
            return try await answer
        }
    }

    @Test("gets the output: text as text, anything else as JSON, bytes as they are")
    func output() async throws {
        let text = try await Self.answer(.succeeded(output: "done"))
        #expect(
            text
                == Hook.Answer(
                    status: 200,
                    headers: [
                        "content-type": "text/plain; charset=utf-8", "x-content-type-options": "nosniff",
                        "runnel-run-id": "run-1",
                    ], body: "done"))
        let json = ["content-type": "application/json", "runnel-run-id": "run-1"]
        let object = try await Self.answer(.succeeded(output: ["label": "bug"]))
        #expect(object == Hook.Answer(status: 200, headers: json, body: #"{"label":"bug"}"#))
        let null = try await Self.answer(.succeeded(output: .null))
        #expect(null == Hook.Answer(status: 200, headers: json, body: "null"))
        let bytes = try await Self.answer(.succeeded(output: .bytes([0x61])))
        #expect(bytes.headers["content-type"] == "application/octet-stream")
        #expect(bytes.body == "a")
    }

    @Test("is told by code that the run failed, and not in words that are for its owner")
    func failure() async throws {
        let json = ["content-type": "application/json", "runnel-run-id": "run-1"]
        let failed = try await Self.answer(.failed(code: "file-not-found", message: "no file \"/srv/x\""))
        #expect(
            failed
                == Hook.Answer(
                    status: 500, headers: json,
                    body: #"{"run":"run-1","status":"failed","error":{"code":"file-not-found"}}"#))
        let cancelled = try await Self.answer(.cancelled)
        #expect(
            cancelled == Hook.Answer(status: 500, headers: json, body: #"{"run":"run-1","status":"cancelled"}"#))
    }

    @Test("gets 202 and the status if the run was skipped, so that senders do not retry")
    func skipped() async throws {
        let answer = try await Self.answer(.skipped)
        let json = ["content-type": "application/json", "runnel-run-id": "run-1"]
        #expect(answer == Hook.Answer(status: 202, headers: json, body: #"{"run":"run-1","status":"skipped"}"#))
    }

    @Test("is told after the time-out where to look, and the run goes on")
    func timeout() async throws {
        try await Hook.run(Self.waiting) { hook in
            async let answer = hook.call()
            await hook.clock.waitForSleepers()
            #expect(hook.clock.timeUntilNextDeadline == .seconds(60))
            hook.clock.advance(by: .seconds(60))
            let late = try await answer
            #expect(late == .accepted("run-1"))
            #expect(await hook.runs.cancelled == [])
        }
    }

    @Test("gets the first run's result when it delivers again")
    func again() async throws {
        try await Hook.run(Self.waiting) { hook in
            async let first = hook.call(headers: ["webhook-id": "1"])
            try await hook.runs.waitForAccepted(1)
            await hook.runs.finish("run-1", .succeeded(output: "done"))
            let (answer, again) = try await (first, hook.call(headers: ["webhook-id": "1"]))
            #expect(answer.body == "done")
            #expect(again == answer)
            #expect(await hook.runs.accepted.count == 1)
        }
    }

    @Test("does not end the run by going away, unless the pipeline says so", arguments: [false, true])
    func disconnect(cancels: Bool) async throws {
        var entry = Self.waiting
        entry["cancel_on_disconnect"] = .bool(cancels)
        try await Hook.run(entry) { hook in
            let call = Task { try await hook.call() }
            await hook.clock.waitForSleepers()
            call.cancel()
            let answer = try await call.value
            #expect(answer == .accepted("run-1"))
            #expect(await hook.runs.cancelled == (cancels ? ["run-1"] : []))
        }
    }

    @Test("cancels the run on disconnect only if no other caller waits for it")
    func lastCaller() async throws {
        var entry = Self.waiting
        entry["cancel_on_disconnect"] = true
        try await Hook.run(entry) { hook in
            let calls = (0..<2).map { _ in Task { try await hook.call(headers: ["webhook-id": "1"]) } }
            await hook.clock.waitForSleepers(2)
            for (call, expected) in zip(calls, [[], ["run-1"]]) {
                call.cancel()
                let answer = try await call.value
                #expect(answer == .accepted("run-1"))
                #expect(await hook.runs.cancelled == expected)
            }
        }
    }

    @Test("does not end the run when it is Runnel that leaves")
    func shutDown() async throws {
        var entry = Self.waiting
        entry["cancel_on_disconnect"] = true
        try await Hook.run(entry) { hook in
            let call = Task { try await hook.call() }
            await hook.clock.waitForSleepers()
            hook.hub.shutDown()
            call.cancel()
            let answer = try await call.value
            #expect(answer == .accepted("run-1"))
            #expect(await hook.runs.cancelled == [])
            #expect(hook.hub.route("p") == nil)
        }
    }
}
