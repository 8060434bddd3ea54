internal import RunnelKit

/// Collects what is wrong, by what it is about, and says what has to be reported.
struct HealthBoard {
    /// What a problem is about.
    enum Subject: Hashable {
        case root
        case memory
        case emission
        /// By the text that is shown, since a name need not be text.
        case file(String)
    }

    /// More files with problems than this are not told one by one.
    private static let maximumProblems = 256

    /// What is said when all is well.
    var waiting: String
    private var problems: [Subject: String] = [:]
    private var saidWaiting: String?
    private var isFull = false

    init(waiting: String) {
        self.waiting = waiting
    }

    /// - Returns: What to report; nil when it is known already.
    mutating func raise(_ subject: Subject, _ problem: String) -> TriggerHealth? {
        guard problems[subject] != problem else { return nil }
        if problems[subject] == nil, problems.count >= Self.maximumProblems, case .file = subject {
            guard !isFull else { return nil }
            isFull = true
            return .problem("more than \(Self.maximumProblems) files have problems; only the first are reported")
        }
        problems[subject] = problem
        saidWaiting = nil
        return .problem(problem)
    }

    /// - Returns: What to report, when this was the last problem.
    mutating func clear(_ subject: Subject) -> TriggerHealth? {
        problems[subject] = nil
        return wait()
    }

    /// Forgets the problems of all files for which `isOver` holds.
    mutating func clearFiles(where isOver: (String) -> Bool) -> TriggerHealth? {
        for case .file(let text) in problems.keys where isOver(text) { problems[.file(text)] = nil }
        return wait()
    }

    /// - Returns: That all is well, if it is and was not said yet.
    mutating func wait() -> TriggerHealth? {
        guard problems.isEmpty, saidWaiting != waiting else { return nil }
        isFull = false
        saidWaiting = waiting
        return .waiting(waiting)
    }
}
