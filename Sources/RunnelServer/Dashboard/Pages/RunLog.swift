import RunnelEngine
import RunnelKit

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

    var attempts: [String: [Attempt]] = [:]
    var texts: [String: Text] = [:]
    /// Notes of steps: what an agent did, what a server asked for.
    var notes: [String: [String]] = [:]
    /// The note that is the last event; a run that waits says so why.
    private(set) var lastNote: String?
    /// The number of the next event.
    var next = 0
    var isOver = false

    private static let page = 1000
    private static let maximumNotes = 200

    static func read(_ runID: String, _ journal: any Journal) async throws(JournalError) -> RunLog {
        var log = RunLog()
        while case let events = try await journal.events(of: runID, from: log.next, limit: page), let last = events.last
        {
            for (_, json) in events { log.add(json) }
            log.next = last.number + 1
        }
        return log
    }

    private mutating func add(_ json: Value) {
        guard let event = RunEvent(json: json) else { return }
        if case .stepNote(_, let text) = event.kind { lastNote = text } else { lastNote = nil }
        switch event.kind {
        case .stepStarted(let place, let attempt):
            attempts[place.id, default: []].append(Attempt(number: attempt, start: event.time, outcome: .running))
            // A new attempt says everything again.
            if attempt > 1 { texts[place.id] = nil }
        case .stepText(let place, let text): texts[place.id, default: Text()].append(text)
        case .stepNote(let place, let text):
            if notes[place.id, default: []].count < Self.maximumNotes { notes[place.id, default: []].append(text) }
        case .stepSucceeded(let place, _, _): end(place.id, event.time, .succeeded)
        case .stepCancelled(let place, _): end(place.id, event.time, .cancelled)
        case .stepFailed(let place, let error, _, let retryIn):
            end(place.id, event.time, .failed, error, retryIn.map { Int64($0.milliseconds * 1e6) })
        case .runFinished: isOver = true
        case .runStarted, .stepSkipped, .stepHeld: break
        }
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
