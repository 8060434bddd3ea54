import Testing

@testable import Marketplace

@Suite("Shared limits")
struct LimiterTests {
    @Test("first come, first served, and never more than allowed at one time")
    func concurrent() {
        var state = LimiterState(.init(concurrentStreams: 2))
        #expect(state.ask(ticket: 1, now: .zero) == .granted)
        #expect(state.ask(ticket: 2, now: .zero) == .granted)
        #expect(state.ask(ticket: 3, now: .zero) == .wait)
        #expect(state.ask(ticket: 4, now: .zero) == .wait)
        #expect(state.next == nil)
        state.release()
        #expect(state.next == 3)
        #expect(state.ask(ticket: 4, now: .zero) == .wait)
        state.leave(ticket: 3)
        #expect(state.next == 4)
        #expect(state.ask(ticket: 4, now: .zero) == .granted)
    }

    @Test("never more requests than allowed in any 60 seconds")
    func perMinute() {
        var state = LimiterState(.init(concurrentStreams: 100, requestsPerMinute: 2))
        #expect(state.ask(ticket: 1, now: .seconds(0)) == .granted)
        #expect(state.ask(ticket: 2, now: .seconds(50)) == .granted)
        #expect(state.ask(ticket: 3, now: .seconds(55)) == .sleep(.seconds(5)))
        #expect(state.ask(ticket: 4, now: .seconds(55)) == .wait)
        #expect(state.ask(ticket: 3, now: .seconds(60)) == .granted)
        #expect(state.ask(ticket: 4, now: .seconds(60)) == .sleep(.seconds(50)))
        #expect(state.ask(ticket: 4, now: .seconds(110)) == .granted)
    }

    @Test("a stream that ends lets the next one begin; a waiting call can be cancelled")
    func streams() async throws {
        try await withBench(limits: .init(concurrentStreams: 1)) { bench in
            async let first = bench.ask("1").collect()
            let exchange = try await bench.server.next()
            let waiting = Task { try await bench.ask("2").failure().error }
            waiting.cancel()
            #expect(try await waiting.value.code == .cancelled)
            async let third = bench.ask("3").collect()
            exchange.beginStream()
            exchange.text("a")
            exchange.done()
            _ = try await first
            let next = try await bench.server.next()
            next.beginStream()
            next.text("a")
            next.done()
            _ = try await third
            #expect(bench.server.log.requests(to: chatPath).count == 2)
        }
    }

    @Test("requests above the limit a minute wait for their time")
    func minute() async throws {
        try await withBench(
            limits: .init(requestsPerMinute: 1),
            answer: { exchange in
                if !issuingTokens(exchange) {
                    exchange.beginStream()
                    exchange.text("a")
                    exchange.done()
                }
                return true
            }
        ) { bench in
            _ = try await bench.ask().collect()
            async let second = bench.ask().collect()
            await bench.clock.untilSleeping(for: .seconds(60))
            #expect(bench.server.log.requests(to: chatPath).count == 1)
            bench.clock.advance(by: .seconds(60))
            _ = try await second
            #expect(bench.server.log.requests(to: chatPath).count == 2)
        }
    }
}
