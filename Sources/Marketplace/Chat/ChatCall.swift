internal import AsyncHTTPClient
internal import Logging
internal import NIOCore
internal import NIOHTTP1
internal import RunnelSupport
internal import RunnelValue
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
        /// The failure of a request that asked for the usage; from then on the call does not ask for it.
        var usageRefusal: UsageRefusal?
        /// Whether the last request asked for the usage, until the server answers.
        var askedForUsage = false
        /// What has been given out, kept only where an answer can be taken up again.
        var progress = AnswerProgress()
        var reconnection = Reconnection()
        /// When the whole call must be over; set when it begins.
        var deadline: Duration?
        var isOver = false
    }

    /// A refusal for which asking for the usage may be the reason.
    private struct UsageRefusal {
        let error: MarketplaceError
        /// Whether the server named it.
        let isNamed: Bool
    }

    /// How an answer is taken up again after its stream broke.
    private struct Reconnection {
        /// The requests take the answer up again instead of asking.
        var isOn = false
        /// An earlier process had begun to receive the answer, and nothing of it has come here yet.
        var isOfEarlierProcess = false
        var count = 0
        var filter: ReplayFilter?
        /// Why it was necessary.
        var cause: MarketplaceError?
    }

    private static let maximumReconnections = 3

    private let client: MarketplaceClient
    private let request: ChatRequest
    private let state = Mutex(State())

    init(client: MarketplaceClient, request: ChatRequest) {
        self.client = client
        self.request = request
        guard let ids = request.resuming, client.configuration.dialect.reconnect?.path(ids) != nil else { return }
        state.withLock { state in
            state.progress.ids = ids
            state.reconnection.isOn = true
            state.reconnection.isOfEarlierProcess = true
            state.reconnection.filter = ReplayFilter(known: AnswerProgress(), needsReplay: true)
        }
    }

    deinit {
        state.withLock { $0.running }?.exchange.close()
    }

    /// The next events, never none; `nil` at the end.
    func next() async throws(MarketplaceError) -> [ChatEvent]? {
        if state.withLock({ $0.isOver }) { return nil }
        do {
            while true {
                let running: Running
                do { running = try await current() } catch let error as MarketplaceError where error.code != .cancelled
                {
                    // Such as one of the access token, while an answer is taken up again.
                    throw failure(becauseOf: error)
                }
                do {
                    let batch = try await running.exchange.next()
                    noteUsageSupport()
                    if batch.isEmpty {
                        try state.withLock { $0.reconnection.filter }?.finish()
                        stop()
                        return nil
                    }
                    let news = try take(batch)
                    if !news.isEmpty { return news }
                } catch let failure as FailedAttempt {
                    leave()
                    try await recover(from: failure, token: running.token)
                } catch is ReplayFilter.Mismatch {
                    leave()
                    try giveUpReconnecting(nil)
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
        let target = try target()
        let permit = try await permit()
        let deadline = startDeadline()
        let token = try await token(before: deadline)
        return try start(target, permit, token, deadline)
    }

    /// A place among the open streams. The total time begins when the call has its first.
    private func permit() async throws -> Limiter.Permit {
        let limiter = client.limiter
        guard let deadline = state.withLock({ $0.deadline }) else { return try await limiter.acquire() }
        return try await waiting(until: deadline) { try await limiter.acquire() }
    }

    private func token(before deadline: Duration) async throws -> AccessToken? {
        guard let tokens = client.tokens else { return nil }
        // A cached token needs no deadline.
        if let token = tokens.current { return token }
        return try await waiting(until: deadline) { [onRetry = request.onRetry] in
            try await tokens.token(onRetry: onRetry)
        }
    }

    /// - Throws: `total-timeout` if the body has not ended by then.
    private func waiting<Success: Sendable>(
        until deadline: Duration, _ body: @escaping @Sendable () async throws -> Success
    ) async throws -> Success {
        let (result, isLate) = await withDeadline(deadline - client.time.now(), clock: client.time.clock, body)
        if isLate { throw TransportFailure.totalTimeout(client.configuration.timeouts.total) }
        return try result.get()
    }

    // A task keeps the memory of its deepest call, and a chat goes on for long. So what does not wait is not inlined into the
    // async functions.

    /// What is sent, and where to.
    private struct Target {
        let url: String
        let method: HTTPMethod
        let body: [UInt8]?
    }

    /// The request that reconnects to the answer, or the first request.
    @inline(never) private func target() throws -> Target {
        if let url = reconnectURL { return Target(url: url, method: reconnectMethod, body: nil) }
        let asksForUsage = client.asksForUsage(of: model) && state.withLock { $0.usageRefusal == nil }
        state.withLock { $0.askedForUsage = asksForUsage }
        let body = try RequestEncoder.chat(
            request, configuration: client.configuration, asksForUsage: asksForUsage)
        return Target(url: client.configuration.chatURL, method: .POST, body: body)
    }

    /// When the whole call must be over; its first attempt sets it.
    @inline(never) private func startDeadline() -> Duration {
        state.withLock { state in
            let deadline = state.deadline ?? client.time.now() + client.configuration.timeouts.total
            state.deadline = deadline
            return deadline
        }
    }

    @inline(never) private func start(
        _ target: Target, _ permit: Limiter.Permit, _ token: AccessToken?, _ deadline: Duration
    ) throws -> Running {
        if let token { request.onToken?(token.value) }
        try Task.checkCancellation()
        // An answer to a request that is sent now would be paid for, and never be read.
        if client.time.now() >= deadline { throw TransportFailure.totalTimeout(client.configuration.timeouts.total) }
        let exchange = try Exchange(
            httpRequest(target.url, target.method, hasBody: target.body != nil, token), body: target.body,
            willSend: request.willSend, context: context(target.url, token), httpClient: client.httpClient,
            time: client.time, deadline: deadline)
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
            client.logger.info("the server refused the access token; another one is fetched")
            tokens.refused(token)
            state.withLock { $0.tokenWasRefused = true }
            return
        }
        if reconnects(after: failure) { return try await waitToReconnect(failure) }
        if state.withLock({ $0.reconnection.isOn }) { return try giveUpReconnecting(failure.error) }
        if let refusal = usageRefusal(failure) {
            client.logger.info("the server may not take `stream_options`; the request is made without")
            if refusal.isNamed { client.usageSupport.note(model, isTaken: false) }
            state.withLock { $0.usageRefusal = refusal }
            return
        }
        if let first = state.withLock({ $0.usageRefusal }), !first.isNamed, Self.refusesRequest(failure.error),
            !failure.error.refusesResponseFormat
        {
            // It was not the usage: what the whole request met is the failure.
            let hint = "if the server does not take `stream_options`, set `marketplace.usage: never`"
            throw first.error.keeping(partialText: nil, hint: "\(first.error.hint); \(hint)")
        }
        let decision = RetryDecision.decide(
            failure, attempt: attempt, policy: client.configuration.retry, jitter: Double.random(in: 0..<1),
            remaining: deadline.map { $0 - client.time.now() })
        switch decision {
        case .fail(let error): throw error
        case .retry(let delay):
            client.logger.info(
                "the chat request is made again",
                metadata: [
                    "attempt": "\(attempt)", "delay": "\(DurationText.measured(delay))",
                    "reason": "\(failure.error.message)",
                ])
            request.onRetry?(
                RetryNotice(
                    failedAttempt: attempt, attempts: client.configuration.retry.attempts, delay: delay,
                    error: failure.error))
            state.withLock { $0.attempt = attempt + 1 }
            try await client.time.sleep(delay)
        }
    }

    // MARK: Taking up again

    private var reconnectURL: String? {
        let (isOn, ids) = state.withLock { ($0.reconnection.isOn, $0.progress.ids) }
        guard isOn, let ids, let path = client.configuration.dialect.reconnect?.path(ids) else { return nil }
        return client.configuration.baseURL + path
    }

    private var reconnectMethod: HTTPMethod {
        HTTPMethod(rawValue: client.configuration.dialect.reconnect?.method ?? "GET")
    }

    /// What is new of a batch; it is kept in mind where the answer may have to be taken up again.
    private func take(_ batch: [ChatEvent]) throws -> [ChatEvent] {
        guard client.configuration.dialect.reconnect != nil else { return batch }
        return try state.withLock { state in
            let news = try state.reconnection.filter?.pass(batch) ?? batch
            if state.reconnection.filter?.isReplay == true { state.reconnection.isOfEarlierProcess = false }
            state.progress.note(news)
            return news
        }
    }

    /// Whether the answer is taken up again after a failure of the connection.
    private func reconnects(after failure: FailedAttempt) -> Bool {
        let (ids, reconnection) = state.withLock { ($0.progress.ids, $0.reconnection) }
        guard let ids, client.configuration.dialect.reconnect?.path(ids) != nil,
            reconnection.count < Self.maximumReconnections
        else { return false }
        switch failure.error.code {
        case .connectionFailed, .connectTimeout, .streamCutOff, .idleTimeout: return true
        case .serverError: return reconnection.isOn && failure.error.isTransient
        default: return false
        }
    }

    private func waitToReconnect(_ failure: FailedAttempt) async throws {
        let (count, deadline) = state.withLock { state in
            state.reconnection.count += 1
            state.reconnection.isOn = true
            state.reconnection.cause = state.reconnection.cause ?? failure.error
            state.reconnection.filter = ReplayFilter(
                known: state.progress, needsReplay: state.reconnection.isOfEarlierProcess)
            return (state.reconnection.count, state.deadline)
        }
        let delay = RetryDecision.backoff(
            attempt: count, policy: client.configuration.retry, jitter: Double.random(in: 0..<1))
        if let deadline, deadline - client.time.now() <= delay { return try giveUpReconnecting(failure.error) }
        request.onRetry?(
            RetryNotice(
                failedAttempt: count, attempts: Self.maximumReconnections, delay: delay, error: failure.error,
                isReconnection: true))
        try await client.time.sleep(delay)
    }

    /// Asks anew where nothing of the answer has come to this process.
    /// - Throws: why the answer had to be taken up again, with its text so far.
    private func giveUpReconnecting(_ error: MarketplaceError?) throws {
        let asksAnew = state.withLock { state in
            guard state.reconnection.isOfEarlierProcess else { return false }
            state.reconnection = Reconnection()
            state.progress = AnswerProgress()
            return true
        }
        guard asksAnew else { throw failure(becauseOf: error) }
        client.logger.info("the answer of an earlier process cannot be resumed; the chat is sent again")
    }

    /// Why the answer could not be taken up again, with its text so far; the error itself where nothing was to be.
    private func failure(becauseOf error: MarketplaceError?) -> MarketplaceError {
        let (cause, text) = state.withLock { ($0.reconnection.cause, $0.progress.text) }
        // What ended the answer itself is the failure; what befell the connection is told by its first time.
        let ofConnection: Set<MarketplaceError.Code> = [
            .connectionFailed, .connectTimeout, .streamCutOff, .idleTimeout, .serverError, .notFound, .badRequest,
            .unauthorized, .forbidden, .notAnEventStream, .unexpectedStatus, .tokenTimeout,
        ]
        let failure = error.flatMap { ofConnection.contains($0.code) ? nil : $0 } ?? cause ?? error
        guard let failure else { return TransportFailure.cancelled }
        return failure.keeping(partialText: text.isEmpty ? failure.partialText : String(decoding: text, as: UTF8.self))
    }

    // MARK: The usage

    private var model: String { client.configuration.requestedModel(request.model, body: request.extraFields) }

    /// Whether the server may have refused the request because it asked for the usage, which not every server knows.
    private func usageRefusal(_ failure: FailedAttempt) -> UsageRefusal? {
        let error = failure.error
        let (asked, refusal) = state.withLock { ($0.askedForUsage, $0.usageRefusal) }
        guard asked, refusal == nil, client.configuration.dialect.usage == .auto, Self.refusesRequest(error) else {
            return nil
        }
        let words = error.message.lowercased()
        if ["stream_options", "streamoptions", "include_usage"].contains(where: { words.contains($0) }) {
            return UsageRefusal(error: error, isNamed: true)
        }
        // It was taken before, or the server says what else it does not take.
        guard client.usageSupport[model] == nil, !error.refusesResponseFormat else { return nil }
        return UsageRefusal(error: error, isNamed: false)
    }

    private static func refusesRequest(_ error: MarketplaceError) -> Bool {
        error.code == .badRequest && [400, 422].contains(error.httpStatus)
    }

    /// The server answers, and so takes what this request asked for. What it refused without naming it is no proof of the
    /// opposite: the reason may have passed.
    private func noteUsageSupport() {
        let asked = state.withLock { state in
            defer { state.askedForUsage = false }
            return state.askedForUsage
        }
        if asked { client.usageSupport.note(model, isTaken: true) }
    }

    private func httpRequest(
        _ url: String, _ method: HTTPMethod, hasBody: Bool, _ token: AccessToken?
    ) throws -> HTTPClient.Request {
        var headers: HTTPHeaders = ["Accept": "text/event-stream"]
        if hasBody { headers.add(name: "Content-Type", value: "application/json") }
        if let value = client.authentication.header(token) { headers.add(name: "Authorization", value: value) }
        if let key = request.idempotencyKey {
            guard !key.isEmpty, key.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) else {
                throw MarketplaceError(
                    .invalidRequest, "the idempotency key \(Quote.quoted(key, limit: 80)) cannot be sent in a header",
                    hint: "use visible ASCII characters only")
            }
            headers.add(name: "Idempotency-Key", value: key)
        }
        for (name, value) in request.headers where !headers.contains(name: name) {
            headers.add(name: name, value: value)
        }
        return try client.prepare(HTTPClient.Request(url: url, method: method, headers: headers))
    }

    private var rules: AnswerRules {
        var rules = AnswerRules(client.configuration, request)
        (rules.hasEarlierText, rules.hasEarlierTasks) = state.withLock { state in
            let isOn = state.reconnection.isOn
            return (isOn && !state.progress.text.isEmpty, isOn && state.progress.tasks > 0)
        }
        return rules
    }

    private func context(_ url: String, _ token: AccessToken?) -> StreamDelegate.Context {
        let (configuration, authentication) = (client.configuration, client.authentication)
        let isReconnecting = state.withLock { $0.reconnection.isOn }
        let member = request.extraFields[configuration.dialect.conversationKey]
        let conversationID = member == nil ? request.conversationID : member?.asString
        return StreamDelegate.Context(
            url: url, agentID: configuration.requestedAgent(request.agentID, body: request.extraFields),
            conversationID: isReconnecting ? nil : conversationID,
            authentication: authentication, timeouts: configuration.timeouts,
            rules: rules,
            redactor: ResponseRedactor(secrets: authentication.secrets + (token.map { [$0.value] } ?? [])),
            wallClock: client.wallClock)
    }
}
