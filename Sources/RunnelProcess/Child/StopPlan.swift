/// How a child is ended: first asked, then told, then killed.
struct StopPlan: Sendable, Hashable {
    /// How long it may take after its input was closed; nil: it is told at once.
    var afterClosing: Duration?
    /// How long it may take after SIGTERM.
    var afterTerminate: Duration

    /// For a server at the end of the worker.
    static let patient = StopPlan(afterClosing: .seconds(2), afterTerminate: .seconds(2))
    /// For a call that is not wanted any more.
    static let prompt = StopPlan(afterClosing: nil, afterTerminate: .milliseconds(500))
    /// For a child that breaks the rules.
    static let immediate = StopPlan(afterClosing: nil, afterTerminate: .zero)

    enum Stage: Int, Sendable, Comparable {
        case running, closed, terminated, killed

        static func < (left: Stage, right: Stage) -> Bool { left.rawValue < right.rawValue }
    }

    /// What should have been done when so much time has passed since the wish to stop.
    func stage(after elapsed: Duration) -> Stage {
        let terminate = afterClosing ?? .zero
        if elapsed >= terminate + afterTerminate { return .killed }
        return elapsed >= terminate ? .terminated : .closed
    }

    /// How long until the next stage begins; nil behind the last.
    func timeLeft(after elapsed: Duration) -> Duration? {
        let terminate = afterClosing ?? .zero
        return [terminate, terminate + afterTerminate].first { $0 > elapsed }.map { $0 - elapsed }
    }
}
