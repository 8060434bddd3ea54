import RunnelKit
import Synchronization

/// What was found out about programs and patterns, so that each is compiled once to be checked and not each time a step
/// that holds it is made.
final class VerdictCache: Sendable {
    static let shared = VerdictCache()

    private static let maximum = 1024

    struct Verdict {
        /// nil when there is none.
        var problem: FieldError?
        /// Whether it will always be so; else it is looked for once more.
        var isFinal = true
    }

    private struct State {
        var verdicts: [String: Verdict] = [:]
        /// From the oldest.
        var order: [String] = []
    }

    private let state = Mutex(State())

    /// The problem with `subject`, found by `check` unless it is known.
    func problem(with subject: String, check: () -> Verdict) -> FieldError? {
        if let known = state.withLock({ $0.verdicts[subject] }) { return known.problem }
        var verdict = check()
        if !verdict.isFinal { verdict = check() }
        guard verdict.isFinal else { return verdict.problem }
        state.withLock { state in
            guard state.verdicts.updateValue(verdict, forKey: subject) == nil else { return }
            state.order.append(subject)
            if state.order.count > Self.maximum { state.verdicts[state.order.removeFirst()] = nil }
        }
        return verdict.problem
    }
}
