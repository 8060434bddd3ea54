import AsyncHTTPClient
import NIOCore
import RunnelSupport
import Testing

@testable import Marketplace

@Suite("Cancellation and a slow consumer")
struct CancellationTests {
    @Test("cancelling the consuming task closes the connection at once")
    func cancel() async throws {
        try await withBench(authentication: .none, answer: { _ in false }) { bench in
            try await withThrowingTaskGroup(of: MarketplaceError.self) { group in
                group.addTask { try await bench.ask().failure().error }
                let exchange = try await bench.server.next()
                exchange.beginStream()
                exchange.text("a")
                group.cancelAll()
                try await exchange.untilClosed()
                let error = try await #require(group.next())
                expect(
                    error, .cancelled, "the call was cancelled",
                    hint: "the connection was closed; nothing is left to do")
            }
        }
    }

    @Test("a request that may not be sent any more when its connection is there, is not")
    func heldBack() async throws {
        try await withBench(authentication: .none, answer: { _ in false }) { bench in
            let asked = Locked(0)
            var request = ChatRequest(messages: [ChatMessage(role: "user", content: "x")])
            request.willSend = {
                asked.withLock { $0 += 1 }
                throw CancellationError()
            }
            let error = try await bench.client.chat(request).failure().error
            expect(
                error, .cancelled, "the call was cancelled",
                hint: "the connection was closed; nothing is left to do")
            #expect(asked.withLock(\.self) == 1)
            // The first whole request that the server gets is the next one.
            async let answer = bench.ask("next").collect()
            let exchange = try await bench.server.next()
            #expect(exchange.body.contains("next"))
            exchange.beginStream()
            exchange.text("a")
            exchange.done()
            _ = try await answer
        }
    }

    @Test("the cancel request takes at most 5s, even if it waits for an access token")
    func slowToken() async throws {
        let dialect = try MarketplaceConfiguration.Dialect(cancel: .init("/cancel/{message_id}", method: "POST"))
        try await withBench(dialect: dialect, answer: { _ in false }) { bench in
            async let isTold = bench.client.cancel(MessageInfo(messageID: "m"))
            _ = try await bench.server.next()
            await bench.clock.untilSleeping(for: .seconds(5))
            bench.clock.advance(by: .seconds(5))
            #expect(await isTold == false)
        }
    }

    @Test("letting go of the iterator closes the connection at once")
    func drop() async throws {
        try await withBench(authentication: .none, answer: { _ in false }) { bench in
            async let first: Void = {
                for try await event in bench.ask() {
                    #expect(event == .text("a"))
                    break
                }
            }()
            let exchange = try await bench.server.next()
            exchange.beginStream()
            exchange.text("a")
            try await first
            try await exchange.untilClosed()
        }
    }

    @Test("a consumer that takes nothing stops the reading, and what is held stays bounded")
    func backpressure() async throws {
        try await withBench(authentication: .none, answer: { _ in false }) { bench in
            let count = 200_000
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    let exchange = try await bench.server.next()
                    exchange.beginStream()
                    let events = Array(
                        String(repeating: "data: {\"choices\":[{\"delta\":{\"content\":\"abcd\"}}]}\n\n", count: 1000)
                            .utf8)
                    // Each part is waited for: the server goes on only as fast as the socket takes it.
                    for _ in 0..<(count / 1000) { try await exchange.sendAndWait(events) }
                    exchange.done()
                }
                var received = 0
                var largest = 0
                for try await batch in bench.ask().batches {
                    received += batch.count
                    largest = max(largest, batch.count)
                    // The server is given every chance to run ahead.
                    for _ in 0..<200 { await Task.yield() }
                }
                #expect(received == count)
                // The high-water mark, one batch of the event loop, and the events of one read.
                #expect(largest <= EventBuffer.highWater.events + 512 + 65_536 / 45)
                try await group.waitForAll()
            }
        }
    }

    @Test("a full buffer asks for a pause, and the taking of it ends the pause")
    func highWater() async throws {
        try await withBench(authentication: .none) { bench in
            let eventLoop = bench.client.httpClient.eventLoopGroup.next()
            let buffer = EventBuffer(time: TimeSource(bench.clock))
            var events = [ChatEvent](repeating: .text("x"), count: EventBuffer.highWater.events - 1)
            #expect(buffer.put(&events, bytes: 1, pause: { eventLoop.makePromise() }) == nil)
            events = [.text("x")]
            let room = try #require(buffer.put(&events, bytes: 1, pause: { eventLoop.makePromise() }))
            #expect(buffer.held.events == EventBuffer.highWater.events)
            #expect(try await buffer.take().count == EventBuffer.highWater.events)
            try await room.get()
            #expect(buffer.held == (0, 0))
        }
    }
}
