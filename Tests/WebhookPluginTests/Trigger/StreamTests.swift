import RunnelKit
import RunnelTesting
import Testing

@testable import WebhookPlugin

@Suite("A caller who listens to the run") struct StreamTests {
    private static let streaming: ValueObject = ["path": "p", "verify": ["scheme": "none"], "respond": "stream"]

    /// Writes into a channel that a test reads from, one piece at a time.
    private struct Writer: IngressBodyWriter {
        let reader: StreamReader

        mutating func write(_ bytes: [UInt8]) async throws {
            try await reader.receive(String(decoding: bytes, as: UTF8.self))
        }
    }

    /// Calls the hook and streams its answer into the reader.
    private static func stream(_ hook: Hook, into reader: StreamReader) async throws {
        let response = try await hook.response()
        guard case .stream(let write) = response.body else { throw Hook.Answer.Unexpected() }
        var writer: any IngressBodyWriter = Writer(reader: reader)
        try await write(&writer)
    }

    private static let start = "event: run\ndata: {\"run\":\"run-1\"}\n\n"

    @Test("gets the text as it comes, and the end with the output")
    func deltas() async throws {
        try await Hook.run(Self.streaming) { hook in
            let reader = StreamReader()
            async let stream: Void = Self.stream(hook, into: reader)
            try await reader.expect(Self.start)
            await hook.runs.update("run-1", .stepStarted(step: "answer"))
            await hook.runs.update("run-1", .text(step: "answer", "Hel"))
            try await reader.expect("event: delta\ndata: {\"step\":\"answer\",\"text\":\"Hel\"}\n\n")
            await hook.runs.update("run-1", .note(step: "answer", "thinking"))
            await hook.runs.update("run-1", .text(step: "answer", "lo\n\n"))
            try await reader.expect("event: delta\ndata: {\"step\":\"answer\",\"text\":\"lo\\n\\n\"}\n\n")
            await hook.runs.finish("run-1", .succeeded(output: ["text": "Hello"]))
            try await reader.expect(
                "event: end\ndata: {\"run\":\"run-1\",\"status\":\"succeeded\",\"output\":{\"text\":\"Hello\"}}\n\n"
            )
            try await stream
        }
    }

    @Test("gets headers that keep caches and proxies from holding the text back")
    func headers() async throws {
        try await Hook.run(Self.streaming) { hook in
            let response = try await hook.response()
            #expect(response.status == 200)
            #expect(response.headers["Content-Type"] == ["text/event-stream"])
            #expect(response.headers["Cache-Control"] == ["no-store"])
            #expect(response.headers["X-Accel-Buffering"] == ["no"])
            #expect(response.headers["Runnel-Run-Id"] == ["run-1"])
        }
    }

    @Test("is told how the run ended when it did not end well")
    func failure() async throws {
        for (end, data) in [
            (
                .failed(code: "http-status", message: "secret words"),
                #"{"run":"run-1","status":"failed","error":{"code":"http-status"}}"#
            ), (.cancelled, #"{"run":"run-1","status":"cancelled"}"#),
            (.skipped, #"{"run":"run-1","status":"skipped"}"#),
        ] as [(RunEnd, String)] {
            try await Hook.run(Self.streaming) { hook in
                let reader = StreamReader()
                async let stream: Void = Self.stream(hook, into: reader)
                try await reader.expect(Self.start)
                await hook.runs.finish("run-1", end)
                try await reader.expect("event: end\ndata: \(data)\n\n")
                try await stream
            }
        }
    }

    @Test("gets a sign of life every 15 seconds in which the run says nothing")
    func heartbeats() async throws {
        try await Hook.run(Self.streaming) { hook in
            let reader = StreamReader()
            async let stream: Void = Self.stream(hook, into: reader)
            try await reader.expect(Self.start)
            for _ in 0..<3 {
                await hook.clock.waitForSleepers()
                hook.clock.advance(by: .seconds(15))
                try await reader.expect(": still running\n\n")
            }
            await hook.runs.finish("run-1", .cancelled)
            let end = try await reader.next()
            #expect(end.hasPrefix("event: end\n"))
            try await stream
        }
    }

    @Test("who is slow gets larger pieces; the run does not wait")
    func slow() async throws {
        try await Hook.run(Self.streaming) { hook in
            let reader = StreamReader()
            async let stream: Void = Self.stream(hook, into: reader)
            try await reader.expect(Self.start)
            await hook.runs.update("run-1", .text(step: "a", "0"))
            try await reader.waitForWriter()
            for index in 1...1000 { await hook.runs.update("run-1", .text(step: "a", "\(index % 10)")) }
            await hook.runs.finish("run-1", .succeeded(output: .null))
            var text = ""
            while !text.hasSuffix("\"output\":null}\n\n") { text += try await reader.next() }
            let deltas = text.split(separator: "event: delta\ndata: {\"step\":\"a\",\"text\":\"")
            #expect(deltas.count < 1000)
            let digits = deltas.map { $0.prefix { $0 != "\"" } }.joined()
            #expect(digits == "0" + (1...1000).map { "\($0 % 10)" }.joined())
            try await stream
        }
    }

    @Test("who goes away does not end the run, unless the pipeline says so", arguments: [false, true])
    func disconnect(cancels: Bool) async throws {
        var entry = Self.streaming
        entry["cancel_on_disconnect"] = .bool(cancels)
        try await Hook.run(entry) { hook in
            let reader = StreamReader()
            let stream = Task { try await Self.stream(hook, into: reader) }
            try await reader.expect(Self.start)
            await reader.leave()
            await hook.runs.update("run-1", .text(step: "a", "anybody?"))
            await #expect(throws: StreamReader.Gone.self) { try await stream.value }
            #expect(await hook.runs.cancelled == (cancels ? ["run-1"] : []))
        }
    }

    @Test("whose task is cancelled has gone, but not when Runnel leaves", arguments: [false, true])
    func cancelled(isShutDown: Bool) async throws {
        var entry = Self.streaming
        entry["cancel_on_disconnect"] = true
        try await Hook.run(entry) { hook in
            let reader = StreamReader()
            let stream = Task { try await Self.stream(hook, into: reader) }
            try await reader.expect(Self.start)
            await hook.clock.waitForSleepers()
            if isShutDown { hook.hub.shutDown() }
            stream.cancel()
            if isShutDown {
                try await reader.expect("event: end\ndata: {\"run\":\"run-1\",\"status\":\"accepted\"}\n\n")
                try await stream.value
            } else {
                await #expect(throws: CancellationError.self) { try await stream.value }
            }
            #expect(await hook.runs.cancelled == (isShutDown ? [] : ["run-1"]))
        }
    }
}

@Suite("What is held for a slow reader") struct StreamMailboxTests {
    @Test("is bounded: what does not fit is counted, in its place")
    func bounded() {
        let mailbox = StreamMailbox(limit: 200)
        let text = { (step: String, count: Int) in RunUpdate.text(step: step, String(repeating: "x", count: count)) }
        for update in [text("a", 50), text("a", 50), text("a", 50), text("b", 7), text("a", 30), text("a", 0)] {
            mailbox.put(update)
        }
        let held = String(repeating: "x", count: 100)
        #expect(mailbox.take() == [.text(step: "a", held), .gap(bytes: 87)])
        mailbox.put(text("a", 1))
        #expect(mailbox.take() == [.text(step: "a", "x")])
        #expect(mailbox.take() == [])
    }

    @Test("is bounded too when many steps speak in turn")
    func many() {
        let mailbox = StreamMailbox(limit: 1000)
        for index in 0..<10_000 { mailbox.put(.text(step: "s\(index % 2)", "x")) }
        #expect(mailbox.take().count == 16)
    }

    @Test("holds a sign of life only while there is nothing else")
    func heartbeat() {
        let mailbox = StreamMailbox(limit: 1000)
        mailbox.beat()
        mailbox.beat()
        #expect(mailbox.take() == [.heartbeat])
        mailbox.beat()
        mailbox.put(.text(step: "a", "x"))
        mailbox.beat()
        #expect(mailbox.take() == [.text(step: "a", "x")])
    }
}
