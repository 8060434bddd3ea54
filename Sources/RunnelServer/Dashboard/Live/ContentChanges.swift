import RunnelEngine
import RunnelKit

/// Counts the changes of what pages show, for all streams together. Heartbeats are none.
actor ContentChanges {
    /// The shortest time between two looks at what has changed.
    static let interval = Duration.milliseconds(250)

    private let journal: any Journal
    private var fingerprint: [Int64]?
    /// The version of the journal before the last look.
    private var version: Int64?
    private var lookedAt: ContinuousClock.Instant?
    private var isLooking = false
    private var changes = 0

    init(journal: any Journal) {
        self.journal = journal
    }

    /// The number of changes so far. Whoever asks during a look, or soon after one, gets the last number, and the new one
    /// the next time.
    ///
    /// - Parameter version: ``Journal/version()`` as the caller knows it. Nothing is read unless it is a new one.
    func count(at version: Int64, now: ContinuousClock.Instant) async throws(JournalError) -> Int {
        guard version != self.version, !isLooking else { return changes }
        if let lookedAt, now - lookedAt < Self.interval { return changes }
        isLooking = true
        defer { isLooking = false }
        let found = try await journal.fingerprint()
        if fingerprint != nil, found != fingerprint { changes += 1 }
        (fingerprint, self.version, lookedAt) = (found, version, now)
        return changes
    }
}

/// What a stream says of changes, and when.
struct ChangeNotices {
    enum Notice: String {
        /// What pages show has changed.
        case change
        /// Something else was written, such as a heartbeat.
        case beat
    }

    /// The shortest times between two notices of a kind.
    static let changeInterval = Duration.seconds(1)
    static let beatInterval = Duration.seconds(2)

    private var version: Int64
    private var content: Int
    private var host: Int
    private var isChanged = false
    private var isBeaten = false
    private var changedAt: ContinuousClock.Instant?
    private var beatenAt: ContinuousClock.Instant?

    /// - Parameters:
    ///   - version: ``Journal/version()``.
    ///   - content: ``ContentChanges/count(at:now:)``.
    ///   - host: ``PipelineHost/changes``.
    init(version: Int64, content: Int, host: Int) {
        (self.version, self.content, self.host) = (version, content, host)
    }

    /// What is to be said now, if anything. A change is told at once unless another one has just been.
    mutating func next(version: Int64, content: Int, host: Int, now: ContinuousClock.Instant) -> Notice? {
        if content != self.content || host != self.host { isChanged = true }
        if version != self.version { isBeaten = true }
        (self.version, self.content, self.host) = (version, content, host)
        if isChanged, changedAt.map({ now - $0 >= Self.changeInterval }) ?? true {
            (isChanged, isBeaten, changedAt) = (false, false, now)
            return .change
        }
        if isBeaten, beatenAt.map({ now - $0 >= Self.beatInterval }) ?? true {
            (isBeaten, beatenAt) = (false, now)
            return .beat
        }
        return nil
    }
}
