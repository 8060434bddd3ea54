/// A token and when it stops being good.
struct AccessToken: Sendable, Equatable {
    var value: String
    /// Counts the tokens of a client, so that a refusal of an old one does not throw the new one away.
    var generation: Int
}

/// What the token end point gave.
struct TokenGrant: Sendable, Equatable {
    var token: String
    var lifetime: Duration
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

    mutating func request(waiter: Int, now: Duration) -> Request {
        if let token, now < renewAt { return .use(token) }
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
