import HTTPTestServer
import Marketplace
import MarketplaceSimulator
import RunnelKit
import RunnelTesting
import Synchronization
import Testing

@testable import ChatPlugin

private let head =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nConnection: close\r\n\r\n"
private let hello = "data: {\"choices\":[{\"delta\":{\"content\":\"Hello you\"}}]}\n\n"
private let done = "data: [DONE]\n\n"

@Suite("What a chat has used") struct UsageTests {
    @Test("the tokens of the last chunk are kept with agent, model, finish reason and time to the first token")
    func known() async throws {
        let usage =
            "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":12,\"completion_tokens\":3,\"prompt_tokens_details\":{\"cached_tokens\":8}}}\n\n"
        let stop = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
        let harness = StepHarness()
        let output = try await TestServer.run { _ in
            .raw(head + hello + stop + usage + done)
        } body: { server in
            let settings = try MarketplaceConfiguration(
                baseURL: server.url, authentication: .none, agentID: "helper", model: "small")
            return try await harness.chat(settings, with: ["prompt": "Hi"]).get()
        }
        #expect(output["usage"]?["prompt_tokens"] == 12)
        #expect(output["usage"]?["cached_tokens"] == 8)
        #expect(
            harness.journal.usage == [
                UsageRecord(
                    agent: "helper", model: "small", inputTokens: 12, outputTokens: 3, cachedTokens: 8,
                    estimatedInput: 0, estimatedOutput: 2)
            ])
        let attributes = harness.journal.attributes
        #expect(attributes["agent"] == "helper")
        #expect(attributes["model"] == "small")
        #expect(attributes["finish_reason"] == "stop")
        #expect(attributes["input_tokens"] == 12)
        #expect(attributes["output_tokens"] == 3)
        #expect((attributes["time_to_first_token_ms"]?.asInt ?? -1) >= 0)
        #expect(attributes["prompt"] == nil)
    }

    @Test(
        "tokens of reasoning beside those of the answer count, and so do those of a usage in two parts",
        arguments: [
            (
                [
                    #"{"prompt_tokens":32,"completion_tokens":9,"total_tokens":100041,"completion_tokens_details":{"reasoning_tokens":100000}}"#
                ], 32, 100_009
            ),
            ([#"{"prompt_tokens":50,"completion_tokens":0}"#, #"{"completion_tokens":9}"#], 50, 9),
            (
                [
                    #"{"prompt_tokens":5,"completion_tokens":7,"total_tokens":12}"#,
                    #"{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}"#,
                ], 5, 7
            ),
        ])
    func parts(usages: [String], input: Int, output: Int) async throws {
        let harness = StepHarness()
        let parts = usages.map { "data: {\"choices\":[],\"usage\":\($0)}\n\n" }.joined()
        try await TestServer.run { _ in
            .raw(head + hello + parts + done)
        } body: { server in
            _ = try await harness.chat(
                try MarketplaceConfiguration(baseURL: server.url, authentication: .none), with: ["prompt": "Hi"]
            ).get()
        }
        #expect(harness.journal.usage.map(\.inputTokens) == [input])
        #expect(harness.journal.usage.map(\.outputTokens) == [output])
    }

    @Test("the tokens of an answer that failed are those that its last chunk tells")
    func failedWithUsage() async throws {
        let failure =
            "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"error\"}],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":7}}\n\n"
        let harness = StepHarness()
        let result = try await TestServer.run { _ in
            .raw(head + hello + failure)
        } body: { server in
            try await harness.chat(
                try MarketplaceConfiguration(baseURL: server.url, authentication: .none), with: ["prompt": "Hi"])
        }
        #expect(throws: StepError.self) { try result.get() }
        #expect(harness.journal.usage.map(\.inputTokens) == [5])
        #expect(harness.journal.usage.map(\.outputTokens) == [7])
    }

    @Test(
        "an answer in the events of another API counts once, with the tokens that it tells, or an estimate",
        arguments: [
            (#","response":{"usage":{"input_tokens":10,"output_tokens":900}}"#, 10, 900), ("", nil, nil),
        ] as [(String, Int?, Int?)])
    func otherAPI(usage: String, input: Int?, output: Int?) async throws {
        let events =
            "data: {\"type\":\"response.output_text.delta\",\"delta\":\"hi\"}\n\n"
            + "data: {\"type\":\"response.completed\"\(usage)}\n\n"
        let harness = StepHarness()
        try await TestServer.run { _ in
            .raw(head + events)
        } body: { server in
            let result = try await harness.chat(
                try MarketplaceConfiguration(baseURL: server.url, authentication: .none),
                with: ["prompt": "A question of 28 characters."])
            #expect(throws: StepError.self) { try result.get() }
            #expect(server.requests.count == 1)
        }
        #expect(harness.journal.usage.map(\.inputTokens) == [input])
        #expect(harness.journal.usage.map(\.outputTokens) == [output])
        #expect(harness.journal.usage.map(\.estimatedInput) == [7])
    }

    @Test("a model and an agent that the body names are those of the journal and of the usage")
    func members() async throws {
        let harness = StepHarness()
        try await TestServer.run { _ in
            .raw(head + hello + done)
        } body: { server in
            let settings = try MarketplaceConfiguration(
                baseURL: server.url, authentication: .none, agentID: "helper", model: "small", streamEnd: .done)
            _ = try await harness.chat(
                settings, with: ["prompt": "Hi", "model": "medium", "body": ["model": "large", "agentId": "other"]]
            ).get()
            let body = try Value.json(try #require(server.requests.first).body)
            #expect(body["model"] == "large")
            #expect(body["agentId"] == "other")
        }
        #expect(harness.journal.attributes["model"] == "large")
        #expect(harness.journal.attributes["agent"] == "other")
        #expect(harness.journal.usage.map(\.model) == ["large"])
        #expect(harness.journal.usage.map(\.agent) == ["other"])
    }

    @Test("a prompt that came through the pipe is kept, since it does not stand in `with:`")
    func piped() async throws {
        var harness = StepHarness()
        harness.input = "What now?"
        try await TestServer.run { _ in
            .raw(head + hello + done)
        } body: { server in
            _ = try await harness.chat(
                try MarketplaceConfiguration(baseURL: server.url, authentication: .none, streamEnd: .done), with: [:]
            ).get()
        }
        #expect(harness.journal.attributes["prompt"] == "What now?")
    }

    @Test("tokens that the server does not tell are unknown, with an estimate beside them")
    func unknown() async throws {
        let harness = StepHarness()
        try await TestServer.run { _ in
            .raw(head + hello + done)
        } body: { server in
            _ = try await harness.chat(
                try MarketplaceConfiguration(baseURL: server.url, authentication: .none, streamEnd: .done),
                with: ["prompt": "A question of 28 characters."]
            ).get()
        }
        let record = try #require(harness.journal.usage.first)
        #expect(record.inputTokens == nil)
        #expect(record.outputTokens == nil)
        #expect(record.estimatedInput == 7)
        #expect(record.estimatedOutput == 2)
    }

    @Test("a chat that failed behind its first words counts; one that was refused does not")
    func failed() async throws {
        let broken = StepHarness()
        try await TestServer.run { _ in
            .raw(head + hello)
        } body: { server in
            let settings = try MarketplaceConfiguration(
                baseURL: server.url, authentication: .none, streamEnd: .done)
            let result = try await broken.chat(settings, with: ["prompt": "Hi"])
            guard case .failure = result else {
                Issue.record("it succeeded")
                return
            }
        }
        #expect(broken.journal.usage.count == 1)
        #expect(broken.journal.usage.first?.isKnown == false)
        let refused = StepHarness()
        try await TestServer.run { _ in
            .raw("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n")
        } body: { server in
            _ = try await refused.chat(
                try MarketplaceConfiguration(baseURL: server.url, authentication: .none), with: ["prompt": "Hi"])
        }
        #expect(refused.journal.usage.isEmpty)
    }

    @Test(
        "a server that refuses to be asked for the usage is asked once more without, and never again",
        arguments: [
            (MarketplaceConfiguration.Dialect.UsageRequest.auto, [true, false, false]), (.never, [false, false]),
        ])
    func refused(request: MarketplaceConfiguration.Dialect.UsageRequest, asked: [Bool]) async throws {
        let bodies = Mutex<[Bool]>([])
        try await TestServer.run { request in
            let asks = request.body.contains("stream_options")
            bodies.withLock { $0.append(asks) }
            let refusal = #"{"error":{"message":"Unknown parameter: 'stream_options'"}}"#
            return asks
                ? .raw(
                    "HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nContent-Length: \(refusal.utf8.count)\r\nConnection: close\r\n\r\n\(refusal)"
                ) : .raw(head + hello + done)
        } body: { server in
            let settings = try MarketplaceConfiguration(
                baseURL: server.url, authentication: .none, streamEnd: .done, dialect: .init(usage: request))
            // One client for two chats.
            let harness = StepHarness()
            await MarketplaceService.register(in: harness.services) { _ in try .init(settings) }
            for _ in 0..<2 { _ = try await harness.run(Chat.self, with: ["prompt": "Hi"]) }
            await harness.services.shutDown()
        }
        #expect(bodies.withLock(\.self) == asked)
    }

    /// Runs two chats of one client, and returns which requests asked for the usage, and how the chats failed.
    private func twoChats(
        models: [String] = ["m", "m"],
        _ answer: @escaping @Sendable (_ asks: Bool, _ number: Int) -> TestServer.Answer
    ) async throws -> (asked: [Bool], failures: [StepError]) {
        let requests = Mutex<[Bool]>([])
        var failures: [StepError] = []
        try await TestServer.run { request in
            let asks = request.body.contains("stream_options")
            let number = requests.withLock { requests in
                requests.append(asks)
                return requests.count
            }
            return answer(asks, number)
        } body: { server in
            let settings = try MarketplaceConfiguration(baseURL: server.url, authentication: .none, streamEnd: .done)
            let harness = StepHarness()
            await MarketplaceService.register(in: harness.services) { _ in try .init(settings) }
            for model in models {
                do {
                    _ = try await harness.run(Chat.self, with: ["prompt": "Hi", "model": .string(model)])
                } catch let error as StepError {
                    failures.append(error)
                }
            }
            await harness.services.shutDown()
        }
        return (requests.withLock(\.self), failures)
    }

    private static func refusal(_ words: String) -> TestServer.Answer {
        .reply(400, [("content-type", "application/json")], #"{"error":"\#(words)"}"#)
    }

    @Test("a refusal that does not say why is tried once more without, and is not remembered, for the reason may pass")
    func terse() async throws {
        let (asked, failures) = try await twoChats { _, number in
            number == 1 ? Self.refusal("the model is being loaded") : .raw(head + hello + done)
        }
        #expect(asked == [true, false, true])
        #expect(failures.isEmpty)
    }

    @Test("what one model refuses says nothing of another")
    func perModel() async throws {
        let named = try await twoChats(models: ["b", "a"]) { asks, number in
            asks && number == 1 ? Self.refusal("unknown parameter: stream_options") : .raw(head + hello + done)
        }
        #expect(named.asked == [true, false, true])
        let unnamed = try await twoChats(models: ["a", "b"]) { asks, number in
            asks && number > 1 ? Self.refusal("extra inputs are not permitted") : .raw(head + hello + done)
        }
        #expect(unnamed.asked == [true, true, false])
        #expect(unnamed.failures.isEmpty)
    }

    @Test("a request that is refused in either way fails with the first refusal, and nothing is remembered")
    func refusedAnyway() async throws {
        let (asked, failures) = try await twoChats { asks, _ in Self.refusal(asks ? "first" : "second") }
        #expect(asked == [true, false, true, false])
        #expect(failures.map(\.code) == ["bad-request", "bad-request"])
        #expect(failures.first?.message == #"the server does not accept the request: 400 Bad Request, "first""#)
        #expect(
            failures.first?.hint
                == "check the messages, the model and the agent id; if the server does not take `stream_options`, set "
                + "`marketplace.usage: never`")
    }

    @Test("a server that has taken a request for the usage is not asked again without after another refusal")
    func takenBefore() async throws {
        let (asked, failures) = try await twoChats { _, number in
            number == 1 ? .raw(head + hello + done) : Self.refusal("too long")
        }
        #expect(asked == [true, true])
        #expect(failures.map(\.hint) == ["check the messages, the model and the agent id"])
    }
}

@Suite("Budgets of chats") struct BudgetTests {
    /// 2026-01-01T00:00:00Z, a Thursday.
    private static let newYear: Int64 = 1_767_225_600_000_000_000
    private static let hour: Int64 = 3_600_000_000_000

    private func limit(_ fields: ValueObject) throws -> BudgetLimit { try BudgetLimit(fields: fields) }

    @Test(
        "a period begins where the calendar says, in the zone of the budget",
        arguments: [
            (["per": "hour"], 1, 2), (["per": "day"], 0, 24), (["per": "week"], -72, 96), (["per": "month"], 0, 744),
            (["per": "day", "timezone": "+09:00"], -9, 15), (["per": "month", "timezone": "-02:30"], -741, 2),
        ] as [(ValueObject, Int64, Int64)])
    func periods(fields: ValueObject, start: Int64, end: Int64) throws {
        var fields = fields
        fields["tokens"] = 1
        let half = fields["timezone"] == "-02:30" ? Self.hour / 2 : 0
        let period = try limit(fields).period(at: Self.newYear + Self.hour)
        #expect(period == (Self.newYear + start * Self.hour - half)..<(Self.newYear + end * Self.hour + half))
    }

    /// Nanoseconds since 1970 of a time in UTC.
    private static func instant(_ text: String) throws -> Int64 { try #require(Timestamp.parse(text)) }

    @Test(
        "a day of a named zone begins at its midnight, also when clocks are changed",
        arguments: [
            ("Asia/Tokyo", "2026-01-01T01:00:00Z", "2025-12-31T15:00:00Z", "2026-01-01T15:00:00Z"),
            // 23 and 25 hours.
            ("Europe/Berlin", "2026-03-29T12:00:00Z", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"),
            ("Europe/Berlin", "2026-10-25T12:00:00Z", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"),
            // Clocks go from 23:59:59 to 01:00:00: that day has no midnight.
            ("Africa/Cairo", "2026-04-24T12:00:00Z", "2026-04-23T22:00:00Z", "2026-04-24T21:00:00Z"),
            // Midnight is shown twice, and the day begins with the first.
            ("America/Havana", "2026-11-01T12:00:00Z", "2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z"),
        ])
    func zones(zone: String, now: String, start: String, end: String) throws {
        let period = try limit(["tokens": 1, "timezone": .string(zone)]).period(at: Self.instant(now))
        #expect(try period == Self.instant(start)..<Self.instant(end))
    }

    @Test("periods of a zone follow each other without a gap, through a year with both changes of clocks")
    func adjacent() throws {
        for per in ["hour", "day", "week", "month"] {
            let limit = try limit(["tokens": 1, "per": .string(per), "timezone": "America/New_York"])
            var now = try Self.instant("2026-01-01T12:00:00Z")
            let end = try Self.instant("2027-01-02T00:00:00Z")
            while now < end {
                let period = limit.period(at: now)
                #expect(period.contains(now))
                #expect(limit.period(at: period.upperBound).lowerBound == period.upperBound)
                now = period.upperBound
            }
        }
    }

    @Test(
        "a zone that is none is quoted, with what is meant",
        arguments: [
            ("Asia/Tokio", "unknown time zone \"Asia/Tokio\"", "did you mean \"Asia/Tokyo\"?"),
            ("+9", "expected a difference to UTC such as \"+09:00\", found \"+9\"", nil),
        ] as [(Value, String, String?)])
    func unknownZones(zone: Value, message: String, hint: String?) {
        #expect {
            try limit(["tokens": 1, "timezone": zone])
        } throws: { error in
            let error = error as? FieldError
            return error?.message == message && error?.hint == hint
        }
    }

    private func chat(
        _ spent: UsageTotal, _ budget: ValueObject, prices: Value = [:], scope: String? = nil
    ) async throws -> (result: Result<Value, any Error>, notes: [StepProgress], requests: Int) {
        try await TestServer.run { _ in
            .raw(head + hello + done)
        } body: { server in
            var section = MarketplaceSettings()
            let limit = try BudgetLimit(fields: budget)
            if let scope { section.pipelineBudgets[scope] = limit } else { section.budget = limit }
            var harness = StepHarness()
            harness.prices = try PriceTable(field: prices)
            harness.journal.spent = spent
            let settings = try MarketplaceConfiguration(
                baseURL: server.url, authentication: .none, model: "m", streamEnd: .done)
            do {
                let result = try await harness.chat(settings, section, with: ["prompt": "Hi"])
                return (result.mapError { $0 }, harness.progress, server.requests.count)
            } catch {
                return (.failure(error), harness.progress, server.requests.count)
            }
        }
    }

    private var spent: UsageTotal {
        var total = UsageTotal()
        (total.calls, total.unknownCalls) = (3, 1)
        (total.inputTokens, total.outputTokens, total.estimatedOutput) = (700, 250, 50)
        total.cost = Money(4, "USD")
        return total
    }

    @Test("beyond a budget the step is put off until the next period, and nothing is sent")
    func waits() async throws {
        let (result, _, requests) = try await chat(spent, ["tokens": "1k", "per": "day"])
        #expect(
            throws: StepPostponement(
                until: Self.newYear + 24 * Self.hour,
                reason: "waiting for the next day: 1k of 1k tokens, of which some are estimated are used in this day")
        ) { try result.get() }
        #expect(requests == 0)
    }

    @Test("`then: fail` fails the step, with its own words")
    func fails() async throws {
        let prices: Value = ["m": ["call": "1 USD"]]
        let (result, _, requests) = try await chat(
            spent, ["cost": "4 USD", "per": "month", "then": "fail"], prices: prices, scope: "test")
        guard case .failure(let error as StepError) = result else {
            Issue.record("\(result)")
            return
        }
        #expect(error.code == "budget-exceeded")
        #expect(error.message == "the budget of test is used up: 4.00 USD of 4.00 USD are used in this month")
        #expect(requests == 0)
    }

    @Test("from 80 % on a note says so, and the chat goes on")
    func warns() async throws {
        let (result, notes, requests) = try await chat(spent, ["tokens": 1200])
        #expect(try result.get()["text"] == "Hello you")
        #expect(
            notes.first
                == .note("83 % of the budget: 1k of 1.2k tokens, of which some are estimated are used in this day"))
        #expect(requests == 1)
        let (_, quiet, _) = try await chat(spent, ["tokens": 2000])
        #expect(!quiet.contains { if case .note = $0 { true } else { false } })
    }

    @Test("the budget of another pipeline does not count")
    func otherPipeline() async throws {
        let (result, _, _) = try await chat(spent, ["tokens": 1], scope: "other")
        #expect(try result.get()["text"] == "Hello you")
    }

    @Test("a budget of cost needs a price: an unknown cost is never nothing")
    func unpriced() async throws {
        let (result, _, requests) = try await chat(spent, ["cost": "4 USD"])
        guard case .failure(let error as StepError) = result else {
            Issue.record("\(result)")
            return
        }
        #expect(error.code == "price-unknown")
        #expect(error.message == #"the budget has a cost, and `prices` has no price for "m""#)
        #expect(requests == 0)
    }

    @Test(
        "a number of tokens is read with its unit",
        arguments: [("2M", 2_000_000), ("1.5k", 1500), ("500 k", 500_000), (7, 7)] as [(Value, Int)])
    func counts(value: Value, number: Int) throws {
        #expect(try TokenCount(field: value).number == number)
    }

    @Test("what is no number of tokens is quoted", arguments: ["2m", "M", -1, 0, "k", "1e9M", "many"] as [Value])
    func noCounts(value: Value) {
        #expect(throws: FieldError.self) { try TokenCount(field: value) }
    }
}
