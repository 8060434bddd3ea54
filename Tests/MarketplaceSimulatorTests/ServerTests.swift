import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import RunnelTesting
import Testing

@testable import MarketplaceSimulator

@Suite("Server")
struct ServerTests {
    @Test("the same prompt gets the same answer, which says that it is simulated, in the guide's form")
    func answer() async throws {
        try await MarketplaceSimulator.withSimulator(.quick()) { simulator in
            let caller = Caller(simulator)
            let first = try await caller.chat("こんにちは")
            #expect(first.status == 200)
            #expect(first.headers["content-type"] == ["text/event-stream; charset=utf-8"])
            #expect(
                try Caller.text(of: first.body)
                    == "Simulated answer: no model has read this. The message has 1 word: こんにちは")
            #expect(first.body.hasPrefix(": connected\n\n"))
            #expect(first.body.hasSuffix("data: [DONE]\n\n"))
            #expect(try await caller.chat("こんにちは").body == first.body)
            #expect(simulator.chatRequests.map(\.body) == [Caller.chatBody("こんにちは"), Caller.chatBody("こんにちは")])
            #expect(simulator.tokenRequests.map(\.status) == [200, 200])
            #expect(simulator.tokenRequests[0].description == "/api/v1/auth/external-service-token → 200")
        }
    }

    @Test("a request with a schema is answered with JSON that fits it")
    func schema() async throws {
        let schema = #"{"type":"object","required":["label"],"properties":{"label":{"enum":["bug","feature"]}}}"#
        let format = #","response_format":{"type":"json_schema","json_schema":{"name":"r","schema":\#(schema)}}"#
        let prompt = "Say bug or feature.\nA bug!"
        try await MarketplaceSimulator.withSimulator(.quick()) { simulator in
            let caller = Caller(simulator)
            let faults: [Fault?] = [nil, .schemaMismatchOnce, .schemaMismatchOnce, .fencedJSON, .proseAroundJSON]
            var texts: [String] = []
            for fault in faults {
                let headers = fault.map { [("X-Simulate", $0.rawValue)] } ?? []
                let answer = try await caller.chat(prompt, more: format, headers: headers)
                texts.append(try Caller.text(of: answer.body))
            }
            #expect(
                texts == [
                    #"{"label":"bug"}"#, "{}", #"{"label":"bug"}"#, "```json\n{\"label\":\"bug\"}\n```",
                    "Here is the simulated result:\n\n{\"label\":\"bug\"}\n\nI hope this helps.",
                ])
        }
    }

    @Test(
        "faults before the stream have their status and body",
        arguments: [
            (.unauthorizedOnce, 401, "invalid_token", "The access token is invalid or has expired."),
            (.unauthorizedAlways, 401, "invalid_token", "The access token is invalid or has expired."),
            (.tokenExpiresEarly, 401, "invalid_token", "The access token is invalid or has expired."),
            (.forbidden, 403, "insufficient_scope", #"The access token lacks the scope \"openid\"."#),
            (.notFound, 404, "agent_not_found", #"There is no agent \"agent-ai-bot\"."#),
            (.badRequest, 400, "invalid_request", "Simulated: the request is refused."),
            (.rateLimited, 429, "rate_limited", "Too many requests. Try again in 1 s."),
            (.serverErrorOnce, 500, "internal_error", "The server met an unexpected condition."),
            (.serverErrorAlways, 503, "unavailable", "The service is unavailable for the moment."),
        ] as [(Fault, Int, String, String)])
    func statuses(fault: Fault, status: Int, code: String, message: String) async throws {
        try await MarketplaceSimulator.withSimulator(.quick { $0.faults = .every(fault) }) { simulator in
            let caller = Caller(simulator)
            let answer = try await caller.chat("Hello")
            #expect(answer.status == status)
            #expect(answer.body == #"{"success":false,"error":{"code":"\#(code)","message":"\#(message)"}}"#)
            #expect(answer.headers["retry-after"] == (fault == .rateLimited ? ["1"] : []))
            let isOver: Set<Fault> = [.unauthorizedOnce, .tokenExpiresEarly, .rateLimited, .serverErrorOnce]
            #expect(try await caller.chat("Hello").status == (isOver.contains(fault) ? 200 : status))
        }
    }

    @Test("a rejected token request is answered as wrong credentials are")
    func tokenRejected() async throws {
        try await MarketplaceSimulator.withSimulator(.quick { $0.faults = .every(.tokenRejected) }) { simulator in
            let answer = try await Caller(simulator)
                .post("/api/v1/auth/external-service-token", body: Caller.credentials)
            #expect(answer.status == 401)
            #expect(answer.body.contains("The client id or the client secret is wrong."))
        }
    }

    @Test("a caller chooses a fault by a header or by a line, and an unknown one is refused with a suggestion")
    func chosen() async throws {
        try await MarketplaceSimulator.withSimulator(.quick()) { simulator in
            let caller = Caller(simulator)
            let html = try await caller.chat("Hello", headers: [("X-Simulate", "html-instead-of-stream")])
            #expect(html.headers["content-type"] == ["text/html; charset=utf-8"])
            #expect(html.body.hasPrefix("<!DOCTYPE html>"))
            let json = try await caller.chat("Hello\nsimulate: json-instead-of-stream")
            #expect(json.headers["content-type"] == ["application/json; charset=utf-8"])
            let unknown = try await caller.chat("simulate: stal")
            #expect(unknown.status == 400)
            #expect(
                unknown.body
                    == #"{"success":false,"error":{"code":"unknown-fault","message":"unknown fault \"stal\"; did you mean \"stall\"?"}}"#
            )
            let token = try await caller.token()
            #expect(try await caller.chat("simulate: token-expires-early", token: token).status == 401)
            #expect(try await caller.chat("Hello", token: token).status == 401)
            #expect(
                simulator.chatRequests.compactMap(\.fault) == [
                    .htmlInsteadOfStream, .jsonInsteadOfStream, .tokenExpiresEarly,
                ])
        }
    }

    @Test("a list of faults befalls one request each")
    func list() async throws {
        let faults = FaultPlan.each([.rateLimited, nil, .serverErrorAlways])
        try await MarketplaceSimulator.withSimulator(.quick { $0.faults = faults }) { simulator in
            let caller = Caller(simulator)
            var statuses: [Int] = []
            for _ in 0..<4 { statuses.append(try await caller.chat("Hello").status) }
            #expect(statuses == [429, 200, 503, 200])
        }
    }

    @Test("a cut-off stream ends in order without [DONE]")
    func cutOff() async throws {
        try await MarketplaceSimulator.withSimulator(.quick { $0.faults = .every(.cutOff) }) { simulator in
            let answer = try await Caller(simulator).chat("Hello")
            #expect(try Caller.text(of: answer.body) == "Simulated answer: no model has read this. ")
            #expect(!answer.body.contains("[DONE]"))
        }
    }

    @Test("a reset breaks the connection", arguments: [Fault.connectionReset, .resetMidStream])
    func resets(fault: Fault) async throws {
        try await MarketplaceSimulator.withSimulator(.quick { $0.faults = .every(fault) }) { simulator in
            let caller = Caller(simulator)
            let token = try await caller.token()
            await #expect(throws: (any Error).self) { try await caller.chat("Hello", token: token) }
            #expect(simulator.chatRequests.map(\.fault) == [fault])
            #expect(simulator.chatRequests.map(\.status) == [fault == .connectionReset ? nil : 200])
        }
    }

    @Test("characters can be split between HTTP chunks")
    func splitCharacters() async throws {
        try await MarketplaceSimulator.withSimulator(.quick { $0.splitsCharacters = true }) { simulator in
            let answer = try await Caller(simulator).chat("こんにちは")
            #expect(try Caller.text(of: answer.body).hasSuffix("こんにちは"))
        }
    }

    @Test("text comes at the pace of the clock")
    func pace() async throws {
        let clock = ManualClock()
        let configuration = SimulatorConfiguration.quick {
            $0.clock = clock
            $0.pace = .milliseconds(10)
            $0.shape = .quickstart
        }
        try await MarketplaceSimulator.withSimulator(configuration) { simulator in
            let caller = Caller(simulator)
            let response = try await caller.startChat("?", token: caller.token())
            var body = response.body.makeAsyncIterator()
            for word in ["Simulated ", "answer: ", "no "] {
                await clock.waitForSleepers(1)
                clock.advance(by: .milliseconds(10))
                let chunk = try #require(await body.next())
                #expect(String(buffer: chunk) == #"data: {"choices":[{"delta":{"content":"\#(word)"}}]}"# + "\n\n")
            }
        }
    }

    @Test("heartbeats come while the stream stalls")
    func heartbeats() async throws {
        let clock = ManualClock()
        let configuration = SimulatorConfiguration.quick {
            $0.clock = clock
            $0.faults = .every(.stallWithHeartbeats)
        }
        try await MarketplaceSimulator.withSimulator(configuration) { simulator in
            let caller = Caller(simulator)
            let response = try await caller.startChat("?", token: caller.token())
            var body = response.body.makeAsyncIterator()
            var text = ""
            for count in 1...2 {
                await clock.waitForSleepers(1)
                clock.advance(by: .seconds(30))
                while text.split(separator: "\n\n").count(where: { $0 == ": heartbeat" }) < count {
                    text += String(buffer: try #require(await body.next()))
                }
            }
        }
    }

    @Test(
        "a stream's work ends at once when its client leaves",
        arguments: [Fault.stall, .stallWithHeartbeats, .slowStart])
    func clientLeaves(fault: Fault) async throws {
        let clock = ManualClock()
        let configuration = SimulatorConfiguration.quick {
            $0.clock = clock
            $0.faults = .every(fault)
        }
        try await MarketplaceSimulator.withSimulator(configuration) { simulator in
            let caller = Caller(simulator)
            let token = try await caller.token()
            let call = Task { try await caller.chat("Hello", token: token) }
            try await simulator.waitForOpenStreams(1)
            call.cancel()
            // The clock never moves, so only the client's leaving can end the stream.
            try await simulator.waitForOpenStreams(0)
            #expect(clock.timeUntilNextDeadline == nil)
            await #expect(throws: (any Error).self) { try await call.value }
        }
    }

    @Test("stopping the server ends its streams and frees its port", .timeLimit(.minutes(5)))
    func stops() async throws {
        let clock = ManualClock()
        let configuration = SimulatorConfiguration.quick {
            $0.clock = clock
            $0.faults = .every(.stall)
        }
        let (urls, continuation) = AsyncStream.makeStream(of: String.self)
        let server = Task {
            try await MarketplaceSimulator(configuration).run { continuation.yield($0) }
        }
        var iterator = urls.makeAsyncIterator()
        let url = try #require(await iterator.next())
        let port = try #require(url.split(separator: ":").last.flatMap { Int($0) })
        let simulator = RunningSimulator(
            baseURL: url, configuration: configuration, simulation: Simulation(configuration))
        let caller = Caller(simulator)
        let response = try await caller.startChat("Hello", token: caller.token())
        server.cancel()
        try await server.value
        await #expect(throws: (any Error).self) {
            for try await _ in response.body {}
        }
        // Another test may have taken the free port for a while.
        var again: String?
        while !Task.isCancelled, again == nil {
            again = try? await MarketplaceSimulator.withSimulator(.quick { $0.port = port }) { $0.baseURL }
        }
        #expect(again == url)
    }

    @Test("a port that is taken is an error that names it")
    func portTaken() async throws {
        try await MarketplaceSimulator.withSimulator(.quick()) { simulator in
            let port = try #require(simulator.baseURL.split(separator: ":").last.flatMap { Int($0) })
            let error = await #expect(throws: SimulatorError.self) {
                try await MarketplaceSimulator.withSimulator(.quick { $0.port = port }) { _ in }
            }
            #expect(error?.code == "cannot-listen")
            #expect(error?.message.hasPrefix("the simulator cannot listen on 127.0.0.1, port \(port): ") == true)
            #expect(
                error?.hint
                    == "choose an address of this machine and a port that is free, or port 0 for any free one")
        }
    }

    @Test("a thousand streams stay open at the same time")
    func manyStreams() async {
        // In its own process, because of the descriptors: Foundation's `Process`, which other tests use, reads beyond a
        // buffer in a process with more than about 1,300 of them.
        await #expect(processExitsWith: .success) {
            let clock = ManualClock()
            let configuration = SimulatorConfiguration.quick {
                $0.clock = clock
                $0.faults = .every(.stall)
            }
            var settings = HTTPClient.Configuration()
            settings.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 1000
            let client = HTTPClient(eventLoopGroup: HTTPClient.defaultEventLoopGroup, configuration: settings)
            try await MarketplaceSimulator.withSimulator(configuration) { simulator in
                let token = try await Caller(simulator).token()
                await withTaskGroup(of: Void.self) { group in
                    for _ in 0..<1000 {
                        group.addTask {
                            var request = HTTPClientRequest(url: simulator.baseURL + "/api/v1/chat/completions")
                            request.method = .POST
                            request.headers.add(name: "Content-Type", value: "application/json")
                            request.headers.add(name: "Authorization", value: "Bearer \(token)")
                            request.body = .bytes(ByteBuffer(string: Caller.chatBody("Hello")))
                            let response = try? await client.execute(request, timeout: .seconds(60))
                            _ = try? await response?.body.collect(upTo: 1_048_576)
                        }
                    }
                    try? await simulator.waitForOpenStreams(1000)
                    #expect(simulator.openStreams == 1000)
                    group.cancelAll()
                }
                try await simulator.waitForOpenStreams(0)
            }
            try await client.shutdown()
        }
    }
}
