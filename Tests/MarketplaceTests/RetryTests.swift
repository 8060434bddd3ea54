import NIOHTTP1
import RunnelSupport
import Testing

@testable import Marketplace

@Suite("Repetitions")
struct RetryTests {
    private let policy = RetryPolicy()

    private func failure(
        _ code: MarketplaceError.Code = .serverError, retryAfter: Duration? = nil, mayRepeat: Bool = true
    )
        -> FailedAttempt
    {
        FailedAttempt(
            error: MarketplaceError(
                code, "it failed", hint: "wait", isTransient: true, httpStatus: 503, retryAfter: retryAfter),
            mayRepeat: mayRepeat)
    }

    @Test("the delay doubles from the base up to the maximum, less a random half")
    func backoff() {
        let full = (1...9).map { RetryDecision.backoff(attempt: $0, policy: policy, jitter: 0) }
        #expect(full.map { $0 / .seconds(1) } == [0.5, 1, 2, 4, 8, 16, 30, 30, 30])
        #expect(RetryDecision.backoff(attempt: 2, policy: policy, jitter: 1) == .milliseconds(500))
    }

    @Test("the last attempt's failure says how often it was tried, and keeps the server's Retry-After")
    func lastAttempt() {
        let last = failure(retryAfter: .seconds(9))
        guard case .fail(let error) = RetryDecision.decide(last, attempt: 4, policy: policy, jitter: 0) else {
            Issue.record("four attempts are all there are")
            return
        }
        expect(error, .serverError, "it failed (tried 4 times)", hint: "wait", transient: true, status: 503)
        #expect(error.retryAfter == .seconds(9))
    }

    @Test("what must not be repeated is not")
    func notRepeated() {
        let decision = RetryDecision.decide(failure(mayRepeat: false), attempt: 1, policy: policy, jitter: 0)
        #expect(decision == .fail(failure().error))
    }

    @Test("Retry-After is obeyed when it is longer than our own delay")
    func retryAfter() {
        #expect(
            RetryDecision.decide(failure(retryAfter: .seconds(9)), attempt: 1, policy: policy, jitter: 0)
                == .retry(after: .seconds(9)))
        #expect(
            RetryDecision.decide(failure(retryAfter: .zero), attempt: 1, policy: policy, jitter: 0)
                == .retry(after: .milliseconds(500)))
    }

    @Test("a Retry-After longer than we wait fails at once and tells the time")
    func longRetryAfter() {
        let decision = RetryDecision.decide(failure(retryAfter: .seconds(3600)), attempt: 1, policy: policy, jitter: 0)
        guard case .fail(let error) = decision else {
            Issue.record("an hour is not waited for")
            return
        }
        #expect(
            error.hint
                == "the server asks to wait 1h, longer than the 2m the client waits by itself: try again after that time"
        )
        #expect(error.retryAfter == .seconds(3600))
    }

    @Test("a delay that the total time does not allow is not begun")
    func noTimeLeft() {
        let decision = RetryDecision.decide(
            failure(), attempt: 1, policy: policy, jitter: 0, remaining: .milliseconds(500))
        #expect(decision == .fail(failure().error))
    }

    @Test("a Retry-After that the total time does not allow fails at once and tells the time")
    func noTimeForRetryAfter() {
        let decision = RetryDecision.decide(
            failure(retryAfter: .seconds(60)), attempt: 1, policy: policy, jitter: 0, remaining: .seconds(59))
        guard case .fail(let error) = decision else {
            Issue.record("there is no time to wait")
            return
        }
        #expect(
            error.hint == "the server asks to wait 1m, and less than that is left of the total time-out: "
                + "try again after that time, or raise the total time-out")
        #expect(error.retryAfter == .seconds(60))
    }

    @Test(
        "Retry-After is read as seconds or as a date",
        arguments: [
            ("0", nil, 0), ("120", nil, 120), ("99999999999999999999", nil, 31_536_000),
            ("Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:07 GMT", 30),
            ("Sun, 06 Nov 1994 08:49:37 GMT", nil, 27), ("Sun, 06 Nov 1994 08:49:00 GMT", nil, 0),
            ("soon", nil, nil), ("-1", nil, nil), ("Sun, 99 Nov 1994 08:49:37 GMT", nil, nil),
        ] as [(String, String?, Int?)])
    func header(_ value: String, _ date: String?, _ seconds: Int?) {
        #expect(RetryAfter.delay(value, date: date, now: 784_111_750) == seconds.map { .seconds($0) })
    }

    @Test("dates agree with the calendar")
    func dates() {
        #expect(HTTPDate.seconds("Thu, 01 Jan 1970 00:00:00 GMT", now: 0) == 0)
        #expect(HTTPDate.seconds("Thu, 29 Feb 2024 12:00:00 GMT", now: 0) == 1_709_208_000)
        #expect(HTTPDate.seconds("Mon, 23 Nov 2026 10:00:00 GMT", now: 0) == 1_795_428_000)
    }

    // MARK: On the network

    @Test("429 and 5xx are repeated, each after its delay, and the caller is told")
    func repeated() async throws {
        let notices = Locked<[RetryNotice]>([])
        try await withBench { bench in
            async let events = bench.ask { notice in notices.withLock { $0.append(notice) } }.collect()
            try await bench.server.next().reply(429, "", headers: ["Retry-After": "3"])
            await bench.clock.untilSleeping(for: .seconds(3))
            bench.clock.advance(by: .seconds(3))
            try await bench.server.next().reply(500, "oops", type: "text/plain")
            await bench.clock.untilSleeping { $0 <= .seconds(1) }
            bench.clock.advance(by: .seconds(1))
            let last = try await bench.server.next()
            last.beginStream()
            last.text("a")
            last.done()
            #expect(try await events == [.text("a")])
            #expect(
                notices.value.map(\.error.message) == [
                    "the server is limiting requests: 429 Too Many Requests",
                    #"the server failed: 500 Internal Server Error, "oops""#,
                ])
            #expect(notices.value.map(\.failedAttempt) == [1, 2])
            #expect(notices.value.first?.delay == .seconds(3))
        }
    }

    @Test("a connection that breaks before the first text is made again; the role may come twice")
    func brokenEarly() async throws {
        try await withBench { bench in
            async let events = bench.ask().collect()
            let first = try await bench.server.next()
            first.beginStream()
            first.event(#"{"choices":[{"delta":{"role":"assistant"}}]}"#)
            first.breakConnection()
            await bench.clock.untilSleeping { $0 <= .milliseconds(500) }
            bench.clock.advance(by: .milliseconds(500))
            let second = try await bench.server.next()
            second.beginStream()
            second.event(#"{"choices":[{"delta":{"role":"assistant"}}]}"#)
            second.text("a")
            second.done()
            #expect(try await events == [.role("assistant", nil), .role("assistant", nil), .text("a")])
        }
    }

    @Test(
        "after the first text, or the first task of the agent, nothing is repeated",
        arguments: [
            #"{"choices":[{"delta":{"content":"a"}}]}"#, #"{"choices":[{"delta":{"tasks":[{"title":"search"}]}}]}"#,
        ])
    func neverSilently(_ chunk: String) async throws {
        try await withBench { bench in
            async let failure = bench.ask { _ in Issue.record("no repetition is announced") }.failure()
            let exchange = try await bench.server.next()
            exchange.beginStream()
            exchange.event(chunk)
            exchange.breakConnection()
            #expect(try await failure.error.code == .streamCutOff)
            #expect(bench.server.log.requests(to: chatPath).count == 1)
        }
    }

    @Test("a stream of another API is not asked for again")
    func otherAPI() async throws {
        try await withBench { bench in
            async let failure = bench.ask { _ in Issue.record("no repetition is announced") }.failure()
            let exchange = try await bench.server.next()
            exchange.beginStream()
            exchange.send("event: response.created\ndata: {\"type\":\"response.created\"}\n\n")
            exchange.end()
            let (events, error) = try await failure
            expect(
                error, .notAnEventStream,
                #"the server sent events that are no chat completion, such as "response.created""#,
                hint: "check the base URL and `marketplace.chat_path`: this looks like another API", status: 200)
            #expect(events == [.usage(TokenUsage())])
            #expect(bench.server.log.requests(to: chatPath).count == 1)
        }
    }

    @Test("a call that fails four times says so")
    func exhausted() async throws {
        try await withBench(answer: { exchange in
            if !issuingTokens(exchange) { exchange.reply(503, #"{"message":"down"}"#) }
            return true
        }) { bench in
            async let failure = bench.ask().failure()
            for limit in [0.5, 1, 2] {
                await bench.clock.untilSleeping { $0 <= .seconds(limit) }
                bench.clock.advance(by: .seconds(limit))
            }
            let (_, error) = try await failure
            expect(
                error, .serverError, #"the server failed: 503 Service Unavailable, "down" (tried 4 times)"#,
                hint: "try again later; if it stays so, tell the operator", transient: true, status: 503)
        }
    }
}
