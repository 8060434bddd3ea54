import TestSupport
import Testing

@testable import Marketplace

@Suite("Time-outs, on a clock that a test moves")
struct TimeoutTests {
    private typealias Answer = @Sendable (ServerExchange) -> Bool
    private let nobody: Answer = { _ in false }

    @Test("nothing for 90 seconds ends a stream, and keeps the text so far")
    func idle() async throws {
        try await withBench(authentication: .none, answer: nobody) { bench in
            let call = bench.call()
            async let first = call.next()
            let exchange = try await bench.server.next()
            exchange.beginStream()
            exchange.text("a")
            #expect(try await first == [.text("a")])
            let failure = Task { try await call.failure() }
            try await call.untilAwaited(.answered)
            let error = try await bench.clock.passing { try await failure.value }
            expect(
                error, .idleTimeout, "nothing was received for 1m30s",
                hint: "the server may hang or the network be gone: try again, or raise the idle time-out",
                transient: true,
                partialText: "a")
            #expect(bench.clock.now.offset == .seconds(90))
            try await exchange.untilClosed()
        }
    }

    @Test("a heartbeat is life")
    func heartbeat() async throws {
        try await withBench(authentication: .none, answer: nobody) { bench in
            let call = bench.call()
            async let events = call.next()
            let exchange = try await bench.server.next()
            exchange.beginStream()
            try await call.untilAwaited(.answered)
            for _ in 0..<5 {
                // Each time more than half of what is allowed: without the heartbeats the second would be too much.
                bench.clock.advance(by: .seconds(60))
                exchange.send(": heartbeat\n\n")
                while call.vitals?.alive != bench.clock.now.offset { try await waitTurn() }
            }
            exchange.text("a")
            #expect(try await events == [.text("a")])
        }
    }

    @Test("a server that accepts the request and then says nothing")
    func silent() async throws {
        try await withBench(authentication: .none, answer: nobody) { bench in
            let call = bench.call()
            let task = Task { try await call.failure() }
            _ = try await bench.server.next()
            try await call.untilAwaited(.connected)
            let error = try await bench.clock.passing { try await task.value }
            #expect(error.message == "nothing was received for 1m30s")
            #expect(bench.clock.now.offset == .seconds(90))
            #expect(bench.server.log.requests(to: "/v1/chat/completions").count == 1)
        }
    }

    @Test("the whole call has an end, also when something keeps coming")
    func total() async throws {
        try await withBench(
            authentication: .none, timeouts: .init(idle: .seconds(3600), total: .seconds(1800)), answer: nobody
        ) { bench in
            let call = bench.call()
            async let first = call.next()
            let exchange = try await bench.server.next()
            exchange.beginStream()
            exchange.text("so far")
            #expect(try await first == [.text("so far")])
            // Nobody waits for events: the time of the whole call runs nevertheless.
            try await bench.clock.passing { try await exchange.untilClosed() }
            #expect(bench.clock.now.offset == .seconds(1800))
            expect(
                try await call.failure(), .totalTimeout, "the answer was not complete after 30m",
                hint: "ask for less at once, or raise the total time-out", partialText: "so far")
        }
    }

    @Test("a chat whose access token comes after the total time is not sent")
    func lateToken() async throws {
        try await withBench(timeouts: .init(total: .seconds(10)), answer: nobody) { bench in
            async let failure = bench.ask().failure()
            let token = try await bench.server.next()
            await bench.clock.untilSleeping(for: .seconds(10))
            bench.clock.advance(by: .seconds(10))
            expect(
                try await failure.error, .totalTimeout, "the answer was not complete after 10s",
                hint: "ask for less at once, or raise the total time-out")
            // Nobody waits for the token any more.
            try await token.untilClosed()
            #expect(bench.server.log.requests(to: chatPath).isEmpty)
        }
    }

    @Test("a repeated chat waits for its place no longer than the total time")
    func latePlace() async throws {
        try await withBench(
            authentication: .none, timeouts: .init(total: .seconds(60)), limits: .init(concurrentStreams: 1),
            answer: nobody
        ) { bench in
            async let first = bench.ask("1").failure()
            try await bench.server.next().reply(500, "")
            await bench.clock.untilSleeping { $0 <= .milliseconds(500) }
            bench.clock.advance(by: .milliseconds(100))
            async let second = bench.ask("2").collect()
            let other = try await bench.server.next()
            other.beginStream()
            bench.clock.advance(by: .milliseconds(400))
            await bench.clock.untilSleeping(for: .milliseconds(59_500))
            bench.clock.advance(by: .milliseconds(59_500))
            expect(
                try await first.error, .totalTimeout, "the answer was not complete after 1m",
                hint: "ask for less at once, or raise the total time-out")
            other.text("a")
            other.done()
            #expect(try await second == [.text("a")])
            #expect(bench.server.log.requests(to: "/v1/chat/completions").count == 2)
        }
    }

    @Test("no connection in time")
    func connect() {
        let watch = Watchdog(timeouts: .init(), deadline: .seconds(1800), url: "https://h/x")
        guard case .sleep(.seconds(10)) = watch.check(.init(), now: .zero),
            case .expired(let error) = watch.check(.init(), now: .seconds(10))
        else {
            Issue.record("it sleeps for ten seconds and has expired after them")
            return
        }
        expect(
            error, .connectTimeout, "no connection to https://h/x within 10s",
            hint: "check the base URL, the network and the firewall, or raise the connect time-out", transient: true)
    }

    @Test("a server that accepts a connection and does not answer is reported after the connect time-out")
    func unreachable() async throws {
        try await withBench(authentication: .none, answer: { _ in true }) { bench in
            async let connection: Void = bench.client.connect()
            await bench.clock.untilSleeping(for: .seconds(10))
            bench.clock.advance(by: .seconds(10))
            do {
                try await connection
                Issue.record("it was reached")
            } catch let error as MarketplaceError {
                expect(
                    error, .connectTimeout, "no connection to \(bench.client.configuration.baseURL) within 10s",
                    hint: "check the base URL, the network and the firewall, or raise the connect time-out",
                    transient: true)
            }
        }
    }

    @Test("a consumer that is not reading does not count towards the idle time-out")
    func slowConsumer() {
        let watch = Watchdog(timeouts: .init(), deadline: .seconds(1800), url: "https://h/x")
        guard case .sleep(.seconds(90)) = watch.check(.init(phase: .answered, isAwaited: false), now: .seconds(600))
        else {
            Issue.record("time in which nobody waits does not count")
            return
        }
    }

    @Test("no token in time")
    func token() async throws {
        try await withBench(retry: RetryPolicy(attempts: 1), answer: nobody) { bench in
            async let failure = bench.ask().failure()
            _ = try await bench.server.next()
            await bench.clock.untilSleeping(for: .seconds(30))
            bench.clock.advance(by: .seconds(30))
            let (_, error) = try await failure
            expect(
                error, .tokenTimeout, "\(bench.client.configuration.tokenURL) gave no token within 30s",
                hint: "check the base URL and the network, or raise the token time-out", transient: true)
        }
    }
}

extension ChatCall {
    /// Waits until the exchange is so far, and somebody waits for its events: from then on the idle time counts.
    fileprivate func untilAwaited(_ phase: EventBuffer.Phase) async throws {
        while vitals.map({ $0.phase == phase && $0.isAwaited }) != true { try await waitTurn() }
    }
}
