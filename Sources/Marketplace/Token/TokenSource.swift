internal import RunnelSupport
internal import Synchronization

/// Gives out the client's token: one fetch, however many wait for it.
final class TokenSource: Sendable {
    private typealias Outcome = Result<AccessToken, MarketplaceError>

    private struct Waiter {
        let continuation: CheckedContinuation<Outcome, Never>
        let onRetry: (@Sendable (RetryNotice) -> Void)?
    }

    private struct State {
        var rules = TokenState()
        var lastWaiter = 0
        var waiting: [Int: Waiter] = [:]
        var fetch: (generation: Int, task: Task<Void, Never>)?
    }

    private let state = Mutex(State())
    private let fetcher: TokenFetcher

    init(fetcher: TokenFetcher) {
        self.fetcher = fetcher
    }

    /// The token, fetched first if there is none that is good.
    /// - Parameter onRetry: Called before each repetition of the fetch.
    /// - Throws: the failure of the fetch, or `cancelled` when the calling task is cancelled; the fetch then goes on
    ///   for the others that wait.
    func token(
        onRetry: (@Sendable (RetryNotice) -> Void)? = nil
    ) async throws(MarketplaceError) -> AccessToken {
        let waiter = state.withLock { state in
            state.lastWaiter += 1
            return state.lastWaiter
        }
        let outcome = await withTaskCancellationHandler {
            await withCheckedContinuation { ask(waiter, Waiter(continuation: $0, onRetry: onRetry)) }
        } onCancel: {
            leave(waiter)
        }
        return try outcome.get()
    }

    /// The token that is good now; nil if one must be fetched.
    var current: AccessToken? {
        state.withLock { $0.rules.current(now: fetcher.time.now()) }
    }

    /// A server refused this token: the next call fetches another, unless that was done already.
    func refused(_ token: AccessToken) {
        state.withLock { $0.rules.refused(generation: token.generation) }
    }

    /// How many calls wait for a token.
    var waitingCount: Int {
        state.withLock { $0.waiting.count }
    }

    private func ask(_ number: Int, _ waiter: Waiter) {
        let token: AccessToken? = state.withLock { state in
            switch state.rules.request(waiter: number, now: fetcher.time.now()) {
            case .use(let token): return token
            case .wait: break
            case .fetch(let generation):
                // Not a child of the task that happened to ask first, whose cancellation must not hurt the others. It
                // belongs to all who wait, and is cancelled when the last of them goes away.
                state.fetch = (generation, Task { finish(generation, await fetcher.fetch { notify($0) }) })
            }
            state.waiting[number] = waiter
            return nil
        }
        if let token { waiter.continuation.resume(returning: .success(token)) }
        // The handler may have run before there was anything to take back.
        if Task.isCancelled { leave(number) }
    }

    /// Tells all who wait that the fetch is repeated.
    private func notify(_ notice: RetryNotice) {
        for waiter in state.withLock({ Array($0.waiting.values) }) { waiter.onRetry?(notice) }
    }

    private func leave(_ waiter: Int) {
        let (continuation, fetch) = state.withLock { state in
            let continuation = state.waiting.removeValue(forKey: waiter)?.continuation
            guard let generation = state.rules.leave(waiter: waiter), state.fetch?.generation == generation else {
                return (continuation, Task<Void, Never>?.none)
            }
            let task = state.fetch?.task
            state.fetch = nil
            return (continuation, task)
        }
        fetch?.cancel()
        continuation?.resume(returning: .failure(TransportFailure.cancelled))
    }

    private func finish(_ generation: Int, _ result: Result<TokenGrant, MarketplaceError>) {
        let (continuations, outcome) = state.withLock { state in
            var waiters: Set<Int> = []
            let outcome: Outcome
            switch result {
            case .success(let grant):
                guard
                    let (token, waiting) = state.rules.succeeded(
                        generation: generation, grant: grant, now: fetcher.time.now())
                else { return ([CheckedContinuation<Outcome, Never>](), Outcome.failure(TransportFailure.cancelled)) }
                waiters = waiting
                outcome = .success(token)
            case .failure(let error):
                waiters = state.rules.failed(generation: generation)
                outcome = .failure(error)
            }
            if state.fetch?.generation == generation { state.fetch = nil }
            return (waiters.compactMap { state.waiting.removeValue(forKey: $0)?.continuation }, outcome)
        }
        for continuation in continuations { continuation.resume(returning: outcome) }
    }
}

/// A token and when it stops being good.
struct AccessToken: Sendable, Equatable {
    var value: String
    /// Counts the tokens of a client, so that a refusal of an old one does not throw the new one away.
    var generation: Int
}

extension AccessToken: CustomStringConvertible, CustomReflectable {
    /// Without the token, because errors and logs may show this text.
    var description: String { "AccessToken(generation: \(generation))" }
    var customMirror: Mirror { Mirror(self, children: [("generation", generation)]) }
}

/// What the token end point gave.
struct TokenGrant: Sendable, Equatable {
    var token: String
    var lifetime: Duration
}

extension TokenGrant: CustomStringConvertible, CustomReflectable {
    /// Without the token.
    var description: String { "TokenGrant(lifetime: \(lifetime))" }
    var customMirror: Mirror { Mirror(self, children: [("lifetime", lifetime)]) }
}

/// Decides when a token is fetched, who waits for it, and who hears of a failure. Time is the duration since any fixed
/// moment.
struct TokenState: Sendable {
    private struct Fetch {
        var generation: Int
        var waiters: Set<Int>
    }

    private var token: AccessToken?
    private var renewAt: Duration = .zero
    private var fetch: Fetch?
    private var lastGeneration = 0

    enum Request: Equatable {
        case use(AccessToken)
        /// A fetch is under way: wait for it.
        case wait
        /// Begin the fetch of this generation, and wait for it.
        case fetch(generation: Int)
    }

    /// The token, if it is good.
    func current(now: Duration) -> AccessToken? { now < renewAt ? token : nil }

    mutating func request(waiter: Int, now: Duration) -> Request {
        if let token = current(now: now) { return .use(token) }
        if fetch != nil {
            fetch?.waiters.insert(waiter)
            return .wait
        }
        lastGeneration += 1
        fetch = Fetch(generation: lastGeneration, waiters: [waiter])
        return .fetch(generation: lastGeneration)
    }

    /// A waiter goes away. The fetch goes on for the others; the generation of one that nobody waits for any more is
    /// returned, to be cancelled.
    mutating func leave(waiter: Int) -> Int? {
        guard fetch?.waiters.remove(waiter) != nil, let fetch, fetch.waiters.isEmpty else { return nil }
        self.fetch = nil
        return fetch.generation
    }

    /// A fetch ended well: who waited gets the token, also when its life is too short to be used again.
    mutating func succeeded(generation: Int, grant: TokenGrant, now: Duration) -> (AccessToken, waiters: Set<Int>)? {
        guard let fetch, fetch.generation == generation else { return nil }
        let token = AccessToken(value: grant.token, generation: generation)
        self.fetch = nil
        self.token = token
        renewAt = now + Self.useful(grant.lifetime)
        return (token, fetch.waiters)
    }

    /// A fetch failed: those who waited hear of it, those who come later cause a new one.
    mutating func failed(generation: Int) -> Set<Int> {
        guard let fetch, fetch.generation == generation else { return [] }
        self.fetch = nil
        token = nil
        return fetch.waiters
    }

    /// A server refused this token.
    mutating func refused(generation: Int) {
        if token?.generation == generation { token = nil }
    }

    /// How long a token is used: its lifetime without a margin of a tenth, at most a minute.
    static func useful(_ lifetime: Duration) -> Duration {
        max(.zero, lifetime - min(.seconds(60), lifetime / 10))
    }
}
