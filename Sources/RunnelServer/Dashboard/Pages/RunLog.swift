import RunnelEngine
import RunnelKit
import Synchronization

/// The events of a run, put together by step: attempts with their times and errors, and what was said.
struct RunLog: Sendable {
    struct Attempt: Sendable {
        var number: Int
        var start: Int64
        /// nil while it goes on.
        var end: Int64?
        var outcome: Outcome
        var error: RunError?
        /// In nanoseconds.
        var retryIn: Int64?

        enum Outcome: String, Sendable { case running, succeeded, failed, cancelled }
    }

    /// The end of what a step said.
    struct Text: Sendable {
        private(set) var shown = ""
        /// Whether the beginning was left out.
        private(set) var isCut = false

        /// In bytes.
        static let limit = 64 << 10

        mutating func append(_ piece: String) {
            shown += piece
            guard shown.utf8.count > 2 * Self.limit else { return }
            shown = String(shown.suffix(Self.limit))
            isCut = true
        }
    }

    /// The last notes of a step.
    struct Notes: Sendable {
        private(set) var shown: [String] = []
        /// The number of all of them.
        private(set) var count = 0

        private static let limit = 200

        /// - Returns: By how many bytes it has grown.
        fileprivate mutating func append(_ note: String) -> Int {
            count += 1
            shown.append(note)
            guard shown.count > Self.limit else { return note.utf8.count }
            return note.utf8.count - shown.removeFirst().utf8.count
        }
    }

    var attempts: [String: [Attempt]] = [:]
    var texts: [String: Text] = [:]
    /// Notes of steps: what an agent did, what a server asked for.
    var notes: [String: Notes] = [:]
    /// The note that is the last event; a run that waits says so why.
    private(set) var lastNote: String?
    /// The number of the next event.
    var next = 0
    var isOver = false
    /// The number of items of each `for_each` that was asked for.
    var itemCounts: [String: Int] = [:]
    /// About what the log takes in memory.
    private(set) var bytes = 0

    private static let page = 1000

    /// Adds the events that were written since.
    mutating func readOn(_ runID: String, _ journal: any Journal) async throws(JournalError) {
        while case let events = try await journal.events(of: runID, from: next, limit: Self.page),
            let last = events.last
        {
            for (_, json) in events { add(json) }
            next = last.number + 1
        }
    }

    mutating func add(_ json: Value) {
        guard let event = RunEvent(json: json) else { return }
        if case .stepNote(_, let text) = event.kind { lastNote = text } else { lastNote = nil }
        switch event.kind {
        case .stepStarted(let place, let attempt):
            attempts[place.id, default: []].append(Attempt(number: attempt, start: event.time, outcome: .running))
            bytes += 200 + place.id.utf8.count
            // A new attempt says everything again.
            if attempt > 1 { forgetText(of: place.id) }
        case .stepText(let place, let text):
            bytes -= texts[place.id]?.shown.utf8.count ?? 0
            texts[place.id, default: Text()].append(text)
            bytes += texts[place.id]?.shown.utf8.count ?? 0
        case .stepNote(let place, let text):
            bytes += notes[place.id, default: Notes()].append(text)
        case .stepSucceeded(let place, _, _):
            end(place.id, event.time, .succeeded)
            // The step has its output.
            forgetText(of: place.id)
        case .stepCancelled(let place, _): end(place.id, event.time, .cancelled)
        case .stepFailed(let place, let error, _, let retryIn):
            end(place.id, event.time, .failed, error, retryIn.map { Int64($0.milliseconds * 1e6) })
        case .runFinished: isOver = true
        case .runStarted, .stepSkipped, .stepHeld: break
        }
    }

    private mutating func forgetText(of step: String) {
        bytes -= texts.removeValue(forKey: step)?.shown.utf8.count ?? 0
    }

    private mutating func end(
        _ step: String, _ time: Int64, _ outcome: Attempt.Outcome, _ error: RunError? = nil, _ retryIn: Int64? = nil
    ) {
        guard var all = attempts[step], var last = all.popLast() else { return }
        (last.end, last.outcome, last.error, last.retryIn) = (time, outcome, error, retryIn)
        all.append(last)
        attempts[step] = all
    }
}

/// The logs of the runs that were looked at last: to render a page again, only new events are read.
final class RunLogs: Sendable {
    private static let maximumRuns = 16
    /// In bytes, of all logs.
    private static let maximumSize = 32 << 20

    private let journal: any Journal
    /// The one that was used last is at the end.
    private let kept = Mutex<[(runID: String, log: RunLog)]>([])

    init(journal: any Journal) {
        self.journal = journal
    }

    /// The log of a run up to now.
    func log(of runID: String) async throws(JournalError) -> RunLog {
        var log = kept.withLock { $0.last { $0.runID == runID }?.log } ?? RunLog()
        try await log.readOn(runID, journal)
        keep(log, of: runID)
        return log
    }

    /// The numbers of items of these `for_each`. They are read once, since they do not change.
    func itemCounts(
        of loops: [StepRecord], _ runID: String, _ log: RunLog
    ) async throws(JournalError) -> [String: Int] {
        var log = log
        var isNew = false
        for key in loops.map(\.key.description) where log.itemCounts[key] == nil {
            log.itemCounts[key] = try await journal.step(of: runID, key: key)?.items?.asList?.count ?? 0
            isNew = true
        }
        if isNew { keep(log, of: runID) }
        return log.itemCounts
    }

    private func keep(_ log: RunLog, of runID: String) {
        kept.withLock { kept in
            kept.removeAll { $0.runID == runID }
            guard log.bytes <= Self.maximumSize else { return }
            kept.append((runID, log))
            while kept.count > Self.maximumRuns || kept.reduce(0, { $0 + $1.log.bytes }) > Self.maximumSize {
                kept.removeFirst()
            }
        }
    }
}
