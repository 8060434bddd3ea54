import NIOHTTP1
import RunnelSupport
import TestSupport
import Testing

@testable import Marketplace

@Suite("Tokens")
struct TokenTests {
    private let grant = TokenGrant(token: "t", lifetime: .seconds(3600))

    // MARK: Rules

    @Test("one fetch, however many wait; all get its token")
    func singleFlightRules() throws {
        var state = TokenState()
        #expect(state.request(waiter: 1, now: .zero) == .fetch(generation: 1))
        #expect(state.request(waiter: 2, now: .zero) == .wait)
        let tokenOutcome = state.succeeded(generation: 1, grant: grant, now: .zero)
        let (token, waiters) = try #require(tokenOutcome)
        #expect(waiters == [1, 2])
        #expect(state.request(waiter: 3, now: .seconds(1)) == .use(token))
    }

    @Test("a token is renewed a minute before it expires, a short one after nine tenths of its life")
    func renewal() throws {
        for (lifetime, useful) in [(3600, 3540), (1800, 1740), (600, 540), (100, 90)] {
            var state = TokenState()
            _ = state.request(waiter: 1, now: .zero)
            let grant = TokenGrant(token: "t", lifetime: .seconds(lifetime))
            let tokenOutcome = state.succeeded(generation: 1, grant: grant, now: .zero)
            let (token, _) = try #require(tokenOutcome)
            #expect(state.request(waiter: 2, now: .seconds(useful) - .nanoseconds(1)) == .use(token))
            #expect(state.request(waiter: 3, now: .seconds(useful)) == .fetch(generation: 2))
        }
    }

    @Test("a failed fetch fails those who wait, not those who come later")
    func failedFetch() {
        var state = TokenState()
        _ = state.request(waiter: 1, now: .zero)
        _ = state.request(waiter: 2, now: .zero)
        #expect(state.failed(generation: 1) == [1, 2])
        #expect(state.request(waiter: 3, now: .zero) == .fetch(generation: 2))
    }

    @Test("the fetch ends only when the last one who waits has gone; what it still brings is ignored")
    func leaving() {
        var state = TokenState()
        _ = state.request(waiter: 1, now: .zero)
        _ = state.request(waiter: 2, now: .zero)
        #expect(state.leave(waiter: 1) == nil)
        #expect(state.leave(waiter: 1) == nil)
        #expect(state.leave(waiter: 2) == 1)
        #expect(state.succeeded(generation: 1, grant: grant, now: .zero) == nil)
        #expect(state.request(waiter: 3, now: .zero) == .fetch(generation: 2))
    }

    @Test("the refusal of an old token does not throw the new one away")
    func refusal() throws {
        var state = TokenState()
        _ = state.request(waiter: 1, now: .zero)
        let oldOutcome = state.succeeded(generation: 1, grant: grant, now: .zero)
        let (old, _) = try #require(oldOutcome)
        state.refused(generation: old.generation)
        #expect(state.request(waiter: 2, now: .zero) == .fetch(generation: 2))
        let newOutcome = state.succeeded(generation: 2, grant: grant, now: .zero)
        let (new, _) = try #require(newOutcome)
        state.refused(generation: old.generation)
        #expect(state.request(waiter: 3, now: .zero) == .use(new))
    }

    @Test(
        "the lifetime may be a number or a numeric string, missing or nonsense",
        arguments: [
            ("3600", 3600), ("\"1800\"", 1800), ("59.5e1", 595), ("null", 300), ("\"soon\"", 300), ("true", 300),
            ("-5", 0),
            ("1e300", 86_400),
        ])
    func lifetimes(_ written: String, _ seconds: Int) throws {
        let body = Array(#"{"access_token":"t","expires_in":\#(written)}"#.utf8)
        let grant = try TokenResponse.read(body, url: "u", redactor: ResponseRedactor(secrets: []))
        #expect(grant == TokenGrant(token: "t", lifetime: .seconds(seconds)))
    }

    @Test(
        "an answer without a usable token says why",
        arguments: [
            ("<html>", "it is not a JSON object"), ("[]", "it is not a JSON object"),
            (#"{"success":false,"error":"locked"}"#, #"it holds no access_token, "locked""#),
            (#"{"access_token":"a\nb"}"#, "its access_token holds characters that a header cannot carry"),
        ])
    func unusable(_ body: String, _ why: String) throws {
        let error = try #require(throws: MarketplaceError.self) {
            try TokenResponse.read(Array(body.utf8), url: "https://h/token", redactor: ResponseRedactor(secrets: []))
        }
        expect(
            error, .invalidTokenResponse, "the answer of https://h/token cannot be used: \(why)",
            hint: "check that the base URL is the API's address")
    }

    // MARK: On the network

    @Test("ten calls at once fetch one token, and later ones none")
    func singleFlight() async throws {
        try await withBench(
            limits: .init(concurrentStreams: 20),
            answer: { exchange in
                guard exchange.head.uri == chatPath else { return false }
                exchange.streamAnswer("a")
                return true
            }
        ) { bench in
            try await withThrowingTaskGroup(of: [ChatEvent].self) { group in
                for _ in 0..<10 { group.addTask { try await bench.ask().collect() } }
                let token = try await bench.server.next()
                _ = issuingTokens(token)
                for try await events in group { #expect(events == [.text("a")]) }
            }
            _ = try await bench.ask().collect()
            #expect(bench.server.log.requests(to: tokenPath).count == 1)
            #expect(bench.server.log.requests(to: chatPath).count == 11)
        }
    }

    @Test("cancelling the call that began the fetch does not hurt the others that wait for it")
    func cancelledLeader() async throws {
        try await withBench(answer: { exchange in
            guard exchange.head.uri == chatPath else { return false }
            exchange.streamAnswer("a")
            return true
        }) { bench in
            let tokens = try #require(bench.client.tokens)
            let leader = Task { try await bench.ask().failure().error }
            let request = try await bench.server.next()
            async let follower = bench.ask().collect()
            while tokens.waitingCount < 2 { try await waitTurn() }
            leader.cancel()
            #expect(try await leader.value.code == .cancelled)
            _ = issuingTokens(request)
            #expect(try await follower == [.text("a")])
            #expect(bench.server.log.requests(to: tokenPath).count == 1)
        }
    }

    @Test("when the last call that waits is cancelled, the request for the token is given up")
    func cancelledAlone() async throws {
        try await withBench(answer: { _ in false }) { bench in
            let only = Task { try await bench.ask().failure().error }
            let request = try await bench.server.next()
            only.cancel()
            #expect(try await only.value.code == .cancelled)
            try await request.untilClosed()
        }
    }

    @Test("a token is fetched anew before it expires")
    func renewedInTime() async throws {
        let numbers = Locked(0)
        try await withBench(answer: { exchange in
            if exchange.head.uri == tokenPath {
                let number = numbers.next()
                exchange.reply(200, #"{"access_token":"jwt-\#(number)","expires_in":"1800"}"#)
            } else {
                exchange.streamAnswer("a")
            }
            return true
        }) { bench in
            _ = try await bench.ask().collect()
            bench.clock.advance(by: .seconds(1739))
            _ = try await bench.ask().collect()
            bench.clock.advance(by: .seconds(1))
            _ = try await bench.ask().collect()
            let sent = bench.server.log.requests(to: chatPath).map { $0.head.headers["Authorization"] }
            #expect(sent == [["Bearer jwt-1"], ["Bearer jwt-1"], ["Bearer jwt-2"]])
        }
    }

    @Test("a token believed good that is refused is fetched once more, and the call goes on")
    func refetch() async throws {
        let numbers = Locked(0)
        try await withBench(answer: { exchange in
            if exchange.head.uri == tokenPath {
                let number = numbers.next()
                exchange.reply(200, #"{"access_token":"jwt-\#(number)","expires_in":3600}"#)
            } else if exchange.head.headers["Authorization"] == ["Bearer jwt-1"] {
                exchange.reply(401, #"{"error":"token expired"}"#)
            } else {
                exchange.streamAnswer("a")
            }
            return true
        }) { bench in
            let events = try await bench.ask().collect()
            #expect(events == [.text("a")])
            #expect(bench.server.log.requests(to: tokenPath).count == 2)
        }
    }

    @Test("wrong credentials fail at once and say what to check; no secret is in the error")
    func wrongCredentials() async throws {
        try await withBench(answer: { exchange in
            exchange.reply(
                401,
                #"{"error":"invalid_client","error_description":"no such secret: s3cr3t/+ value? or s3cr3t%2F%2B%20value%3F"}"#
            )
            return true
        }) { bench in
            let (_, error) = try await bench.ask().failure()
            expect(
                error, .wrongCredentials,
                #"the server refused the client id and secret: 401 Unauthorized, "no such secret: *** or ***""#,
                hint:
                    "check client id and client secret (Admin panel), and that they belong to \(bench.client.configuration.tokenURL)",
                status: 401)
            #expect(bench.server.log.requests(to: tokenPath).count == 1)
        }
    }

    @Test("a missing token endpoint is reported, even if its error page is large", arguments: [0, 300_000])
    func tokenNotFound(size: Int) async throws {
        try await withBench(answer: { exchange in
            exchange.reply(404, "<h1>Not here</h1>" + String(repeating: "x", count: size), type: "text/html")
            return true
        }) { bench in
            let (_, error) = try await bench.ask().failure()
            expect(
                error, .notFound, #"nothing is at \#(bench.client.configuration.tokenURL): 404 Not Found, "Not here""#,
                hint: "check the base URL; it should be the deployment's domain", status: 404)
        }
    }

    @Test("a failing token end point is asked again")
    func tokenRetry() async throws {
        let requests = Locked(0)
        try await withBench(answer: { exchange in
            if exchange.head.uri == chatPath {
                exchange.streamAnswer("a")
                return true
            }
            let number = requests.next()
            if number == 1 {
                exchange.reply(503, "", headers: ["Retry-After": "7"])
            } else {
                return issuingTokens(exchange)
            }
            return true
        }) { bench in
            let notices = Locked<[RetryNotice]>([])
            async let events = bench.ask(onRetry: { notice in notices.withLock { $0.append(notice) } }).collect()
            await bench.clock.untilSleeping(for: .seconds(7))
            // Who waits for the answer can see what it waits for.
            #expect(notices.value.map(\.failedAttempt) == [1])
            #expect(notices.value.map(\.delay) == [.seconds(7)])
            #expect(notices.value.first?.error.code == .serverError)
            bench.clock.advance(by: .seconds(7))
            let received = try await events
            #expect(received == [.text("a")])
            #expect(bench.server.log.requests(to: tokenPath).count == 2)
        }
    }

    @Test("a rotated secret is used to fetch the next access token; the current token is used until it is refused")
    func rotatedSecret() async throws {
        try await withBench(answer: { exchange in
            if exchange.head.uri == tokenPath { return issuingTokens(exchange) }
            exchange.streamAnswer("a")
            return true
        }) { bench in
            _ = try await bench.ask().collect()
            bench.client.setAuthentication(.clientCredentials(clientID: "mp-2", clientSecret: "second-secret"))
            _ = try await bench.ask().collect()
            let first = bench.server.log.requests(to: tokenPath).map(\.body)
            #expect(first.count == 1)
            #expect(first.first?.contains(clientID) == true)
            let tokens = try #require(bench.client.tokens)
            tokens.refused(try await tokens.token())
            _ = try await bench.ask().collect()
            let all = bench.server.log.requests(to: tokenPath).map(\.body)
            #expect(all.count == 2)
            #expect(all.last?.contains("mp-2") == true && all.last?.contains("second-secret") == true)
        }
    }

    @Test("a rotated key is sent with the next request; credentials of another kind are ignored")
    func rotatedKey() async throws {
        try await withBench(
            authentication: .bearer("first-key"),
            answer: { exchange in
                exchange.streamAnswer("a")
                return true
            }
        ) { bench in
            for authentication in [
                MarketplaceConfiguration.Authentication.bearer("second-key"), .none,
                .clientCredentials(clientID: clientID, clientSecret: clientSecret),
            ] {
                _ = try await bench.ask().collect()
                bench.client.setAuthentication(authentication)
            }
            _ = try await bench.ask().collect()
            let sent = bench.server.log.requests(to: "/v1/chat/completions").map { $0.head.headers["Authorization"] }
            #expect(sent == [["Bearer first-key"]] + Array(repeating: ["Bearer second-key"], count: 3))
        }
    }

    @Test("a server that closes the connection with its answer takes nothing down")
    func closedWithAnswer() async throws {
        try await withBench(answer: { exchange in
            exchange.reply(200, #"{"access_token":"jwt","token_type":"Bearer","expires_in":3600}"#)
            exchange.breakConnection()
            return true
        }) { bench in
            let fetcher = TokenFetcher(
                authentication: Watched(bench.client.authentication), url: bench.client.configuration.tokenURL,
                timeouts: .init(), retry: RetryPolicy(attempts: 1), httpClient: bench.client.httpClient,
                logger: bench.client.logger,
                time: TimeSource(ContinuousClock()), wallClock: { 0 })
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<16 {
                    group.addTask {
                        for _ in 0..<50 {
                            switch await fetcher.fetch() {
                            case .success(let grant): #expect(grant.token == "jwt")
                            // The next request may have been sent to the connection before it was known to be closed.
                            case .failure(let error): #expect(error.code == .connectionFailed)
                            }
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
    }
}
