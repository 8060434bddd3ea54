public import RunnelKit

/// Identifies an execution of a step: the step and, inside `for_each`, the items.
public struct ExecutionKey: Sendable, Hashable, CustomStringConvertible {
    /// The id of the step.
    public var step: String
    /// Item indices from 0; one for each enclosing `for_each`, outermost first.
    public var items: [Int]

    package init(_ step: String, items: [Int] = []) {
        self.step = step
        self.items = items
    }

    /// `notify` or `notify[2]` or `notify[2][0]`.
    public var description: String { step + items.map { "[\($0)]" }.joined() }

    /// Parses ``description``.
    public init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "[", omittingEmptySubsequences: false)
        guard let step = parts.first, !step.isEmpty else { return nil }
        var items: [Int] = []
        for part in parts.dropFirst() {
            guard part.last == "]", let item = Int(part.dropLast()) else { return nil }
            items.append(item)
        }
        self.init(String(step), items: items)
    }
}

/// The journal's record of an execution of a step. Secrets in its values are sealed.
public struct StepRecord: Sendable, Hashable {
    /// Where an execution of a step is.
    public enum State: String, Sendable, Hashable {
        /// An attempt is running, or was when the process ended.
        case running
        /// An attempt failed; the next starts at ``StepRecord/retryAt``.
        case waiting
        case succeeded
        case failed
        case skipped
        case cancelled

        /// Whether the execution has ended.
        public var isFinal: Bool { self != .running && self != .waiting }
    }

    package var key: ExecutionKey
    /// The step type; empty for a group.
    public var uses: String
    /// Where the execution is.
    public var state: State
    /// The current or last attempt, from 1; 0 if there was none.
    public var attempt: Int
    /// Nanoseconds since 1970, as are the other times.
    public var startedAt: Int64?
    package var endedAt: Int64?
    package var retryAt: Int64?
    /// The output of a succeeded step.
    public var output: Value?
    /// The error of the last attempt; see ``RunError/json``. In an unfinished loop, it also holds ``failures`` and
    /// ``earlierFailures``, even if there is no error.
    public var error: Value?
    /// The items of a `for_each` at the start of the step.
    public var items: Value?
    /// The rendered `with:` of the last attempt, long values cut; see ``AttemptJournal``.
    public var with: Value?
    /// What the step says of the last attempt, such as `model`.
    public var attributes: Value?
    /// The checkpoint that an interrupted attempt resumes from; in a group, the ``groupStart``. nil once the attempt or
    /// the group has ended.
    public var checkpoint: Value?
    /// The error of a value that the journal has lost. Read with the step, not stored; see ``set(_:_:)``.
    package var lost: JournalError?

    package init(_ key: ExecutionKey, uses: String, state: State, attempt: Int = 0) {
        self.key = key
        self.uses = uses
        self.state = state
        self.attempt = attempt
    }
}

extension StepRecord {
    static let failuresKey = "failures"
    static let earlierFailuresKey = "earlier_failures"

    /// See ``RunMachine/Execution/failures``.
    var failures: Int { Int(clamping: error?[Self.failuresKey]?.asInt ?? 0) }

    /// See ``RunMachine/Execution/earlierFailures``.
    var earlierFailures: Int { Int(clamping: error?[Self.earlierFailuresKey]?.asInt ?? 0) }

    /// The error of the last attempt, as it is shown; nil if only the numbers of failures are stored.
    public var shownError: Value? {
        guard let error, error[Self.failuresKey] != nil, error["code"] == nil else { return error }
        return nil
    }

    /// The worked time of the run when the group began, from which its `timeout` counts; nil if it is not known.
    var groupStart: Duration? {
        get { checkpoint?["worked"]?.asInt.map { .nanoseconds($0) } }
        set { checkpoint = newValue.map { .object(["worked": .int($0.nanoseconds)]) } }
    }

    /// In nanoseconds: 400 days.
    static let longestPostponement: Int64 = 400 * 86_400 * 1_000_000_000

    /// Whether a round of its loop has ended, and another one is to come. Then it has an output; after a failed attempt
    /// it has an error, and after one that was postponed neither.
    var isAfterRound: Bool { state == .waiting && output != nil }

    /// The longest time that the execution can still wait, even if the system's clock was changed.
    func longestPause(_ retry: RetryDeclaration?, loop pause: Duration?) -> Duration {
        if shownError == nil, output == nil { return .nanoseconds(Self.longestPostponement) }
        return max(retry?.maxBackoff ?? .zero, pause ?? .zero)
    }
}
