import Crypto
import RunnelEngine
import RunnelKit
import Synchronization

/// The signed-out cookies of all servers that share a journal, kept there until they expire.
final class SignOuts: Sendable {
    /// The shortest time between two looks at the journal.
    static let interval = Duration.milliseconds(250)
    /// The maximum number of cookies that are kept per token. Beyond it, the one that expires first is removed.
    private static let maximum = 4096
    /// The key of a value that changes with each sign-out.
    private static let mark = "changed"
    private static let prefix = "cookie "

    private struct State {
        var keys: Set<String> = []
        /// The number of cookies that this process has added. A list that was read before the last addition lacks that
        /// cookie.
        var additions = 0
        var mark: Value?
        var lookedAt: ContinuousClock.Instant?
    }

    private let memory: any TriggerMemory
    private let state = Mutex(State())

    init(journal: any Journal) {
        memory = journal.memory(of: .signOuts)
    }

    /// Whether the cookie was signed out, as of the last look at the journal.
    func contains(_ cookie: String) -> Bool {
        state.withLock { $0.keys.contains(Self.key(cookie)) }
    }

    /// Looks at the journal, unless that was done just now.
    func refresh(at now: ContinuousClock.Instant = .now) async throws {
        let known = state.withLock { $0 }
        if let lookedAt = known.lookedAt, now - lookedAt < Self.interval { return }
        let current = try await memory.value(for: Self.mark)
        let keys = current == known.mark ? nil : Set(try await memory.values(prefix: Self.prefix).map(\.key))
        state.withLock { state in
            if let keys, state.additions == known.additions { (state.keys, state.mark) = (keys, current) }
            state.lookedAt = now
        }
    }

    /// Adds a cookie, and removes expired ones.
    ///
    /// - Parameters:
    ///   - expiry: When the cookie expires, in seconds since 1970.
    ///   - now: In seconds since 1970.
    func add(_ cookie: String, expiry: Int64, now: Int64) async throws {
        let key = Self.key(cookie)
        var kept: [(key: String, expiry: Int64)] = []
        var changes: [String: Value?] = [:]
        for (key, value) in try await memory.values(prefix: Self.prefix) {
            let end = value.asInt ?? 0
            if end > now { kept.append((key, end)) } else { changes.updateValue(nil, forKey: key) }
        }
        let own = kept.filter { $0.key.hasPrefix(Self.start(ofToken: cookie)) }.sorted { $0.expiry < $1.expiry }
        for old in own.dropLast(Self.maximum - 1) { changes.updateValue(nil, forKey: old.key) }
        changes[key] = Value.int(expiry)
        // The hash is as random as the cookie.
        changes[Self.mark] = Value.string(key)
        try await memory.set(changes)
        state.withLock { state in
            state.keys.insert(key)
            state.additions += 1
        }
    }

    /// Without the cookie itself, which would sign in.
    private static func key(_ cookie: String) -> String {
        start(ofToken: cookie) + SHA256.hash(data: Array(cookie.utf8)).hexadecimal
    }

    /// - Parameter cookie: Begins with the name of its token and a full stop.
    private static func start(ofToken cookie: String) -> String { "\(prefix)\(cookie.prefix { $0 != "." }) " }
}
