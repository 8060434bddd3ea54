public import RunnelKit

/// One execution of one step: the step and, inside of `for_each`, the items it runs for.
public struct ExecutionKey: Sendable, Hashable, CustomStringConvertible {
    public var step: String
    /// From 0; one number for each `for_each` around it, the outermost first.
    public var items: [Int]

    public init(_ step: String, items: [Int] = []) {
        self.step = step
        self.items = items
    }

    /// `notify` or `notify[2]` or `notify[2][0]`.
    public var description: String { step + items.map { "[\($0)]" }.joined() }

    /// Reads ``description``.
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

/// One execution of a step as the journal keeps it. Secrets in its values are sealed.
public struct StepRecord: Sendable, Hashable {
    public enum State: String, Sendable, Hashable {
        /// An attempt goes on, or did when the process ended.
        case running
        /// An attempt failed; the next begins at ``StepRecord/retryAt``.
        case waiting
        case succeeded
        case failed
        case skipped
        case cancelled

        public var isFinal: Bool { self != .running && self != .waiting }
    }

    public var key: ExecutionKey
    /// As the pipeline names it; empty for a group.
    public var uses: String
    public var state: State
    /// The attempt that goes on or was the last, from 1; 0 where there was none.
    public var attempt: Int
    /// Nanoseconds since 1970, as are the other times.
    public var startedAt: Int64?
    public var endedAt: Int64?
    public var retryAt: Int64?
    /// Of a succeeded step.
    public var output: Value?
    /// Why the last attempt failed; see ``RunError/json``.
    public var error: Value?
    /// What a `for_each` goes through, as it was when the step began.
    public var items: Value?

    public init(_ key: ExecutionKey, uses: String, state: State, attempt: Int = 0) {
        self.key = key
        self.uses = uses
        self.state = state
        self.attempt = attempt
    }
}
