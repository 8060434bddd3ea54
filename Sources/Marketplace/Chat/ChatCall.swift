internal import AsyncHTTPClient
internal import Logging
internal import NIOCore
internal import NIOHTTP1
internal import RunnelSupport
internal import Synchronization

/// One call with all its attempts. Belongs to one iterator; everything happens in the task that asks for events.
final class ChatCall: Sendable {
    /// An exchange that runs, and what it holds.
    private struct Running {
        var exchange: Exchange
        var permit: Limiter.Permit
        var token: AccessToken?
    }

    private struct State {
        var running: Running?
        var attempt = 1
        var tokenWasRefused = false
        /// When the whole call must be over; set when it begins.
        var deadline: Duration?
        var isOver = false
    }

    private let client: MarketplaceClient
    private let request: ChatRequest
    private let state = Mutex(State())

    init(client: MarketplaceClient, request: ChatRequest) {
        self.client = client
        self.request = request
    }

    deinit {
        state.withLock { $0.running }?.exchange.close()
    }

    /// The next events, never none; `nil` at the end.
    func next() async throws(MarketplaceError) -> [ChatEvent]? {
        if state.withLock({ $0.isOver }) { return nil }
        do {
            while true {
                let running = try await current()
                do {
                    let batch = try await running.exchange.next()
                    if batch.isEmpty { stop() }
                    return batch.isEmpty ? nil : batch
                } catch let failure as FailedAttempt {
                    leave()
                    try await recover(from: failure, token: running.token)
                }
            }
        } catch {
            stop()
            throw error as? MarketplaceError ?? TransportFailure.cancelled
        }
    }

    /// How the exchange is; `nil` while none is under way.
    var vitals: EventBuffer.Vitals? {
        state.withLock { $0.running }?.exchange.vitals
    }

    /// The exchange that runs, or a new one.
    private func current() async throws -> Running {
        if let running = state.withLock({ $0.running }) { return running }
        let body = try RequestBody.chat(request, configuration: client.configuration)
        let permit = try await client.limiter.acquire()
        let timeouts = client.configuration.timeouts
        let deadline = state.withLock { state in
            let deadline = state.deadline ?? client.time.now() + timeouts.total
            state.deadline = deadline
            return deadline
        }
        let token = try await client.tokens?.token()
        try Task.checkCancellation()
        let exchange = Exchange(
            try httpRequest(body, token), context: context(token), httpClient: client.httpClient, time: client.time,
            deadline: deadline)
        let running = Running(exchange: exchange, permit: permit, token: token)
        state.withLock { $0.running = running }
        return running
    }

    private func leave() {
        let running = state.withLock { $0.running.take() }
        running?.exchange.close()
        running?.permit.release()
    }

    private func stop() {
        leave()
        state.withLock { $0.isOver = true }
    }

    /// Waits until the next attempt may begin.
    /// - Throws: the failure, when there is to be none.
    private func recover(from failure: FailedAttempt, token: AccessToken?) async throws {
        let (attempt, tokenWasRefused, deadline) = state.withLock { ($0.attempt, $0.tokenWasRefused, $0.deadline) }
        if failure.tokenRefused, let token, let tokens = client.tokens, !tokenWasRefused {
            client.logger.info("The server refused the access token; another one is fetched.")
            tokens.refused(token)
            state.withLock { $0.tokenWasRefused = true }
            return
        }
        let decision = RetryDecision.decide(
            failure, attempt: attempt, policy: client.configuration.retry, jitter: Double.random(in: 0..<1),
            remaining: deadline.map { $0 - client.time.now() })
        switch decision {
        case .fail(let error): throw error
        case .retry(let delay):
            client.logger.info(
                "The chat request is made again.",
                metadata: [
                    "attempt": "\(attempt)", "delay": "\(delay.readable)", "reason": "\(failure.error.message)",
                ])
            request.onRetry?(
                RetryNotice(
                    failedAttempt: attempt, attempts: client.configuration.retry.attempts, delay: delay,
                    error: failure.error))
            state.withLock { $0.attempt = attempt + 1 }
            try await client.time.sleep(delay)
        }
    }

    private func httpRequest(_ body: [UInt8], _ token: AccessToken?) throws -> HTTPClient.Request {
        var headers: HTTPHeaders = ["Content-Type": "application/json", "Accept": "text/event-stream"]
        if let token {
            headers.add(name: "Authorization", value: "Bearer \(token.value)")
        } else if case .bearer(let key) = client.configuration.authentication {
            headers.add(name: "Authorization", value: "Bearer \(key)")
        }
        if let key = request.idempotencyKey {
            guard !key.isEmpty, key.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) else {
                throw MarketplaceError(
                    .invalidRequest, "The idempotency key \(Quote.quoted(key, limit: 80)) cannot be sent in a header.",
                    hint: "Use visible ASCII characters only.")
            }
            headers.add(name: "Idempotency-Key", value: key)
        }
        return try HTTPClient.Request(
            url: client.configuration.chatURL, method: .POST, headers: headers, body: .bytes(body))
    }

    private func context(_ token: AccessToken?) -> StreamDelegate.Context {
        let configuration = client.configuration
        return StreamDelegate.Context(
            url: configuration.chatURL, agentID: request.agentID ?? configuration.agentID,
            authentication: configuration.authentication, timeouts: configuration.timeouts,
            rules: AnswerRules(configuration, request),
            redactor: Redactor(secrets: configuration.secrets + (token.map { [$0.value] } ?? [])),
            wallClock: client.wallClock)
    }
}
