import RunnelEngine
import Synchronization

/// See ``RunProgress``.
final class RunProgressCache: Sendable {
    private let state = Mutex(RunProgress())

    func withLock<Result: Sendable>(_ body: (inout RunProgress) -> Result) -> Result { state.withLock { body(&$0) } }
}

/// In-memory progress of the runs that this process works on. It is discarded with each claim, because another worker
/// may have worked on the run in between.
struct RunProgress {
    private struct Entry {
        let epoch: Int64
        /// The number of the next event; nil if not yet known.
        var nextEvent: Int?
        /// In bytes of JSON.
        var eventBytes = 0
        /// Whether a value of a step may be in a file.
        var namesFiles = true
        /// The error of an earlier write that was not awaited.
        var failure: JournalError?
    }

    private var entries: [String: Entry] = [:]

    func events(of lease: Lease) -> (next: Int?, bytes: Int) {
        guard let entry = entries[lease.runID], entry.epoch == lease.epoch else { return (nil, 0) }
        return (entry.nextEvent, entry.eventBytes)
    }

    mutating func setEvents(of lease: Lease, to events: (next: Int, bytes: Int)) {
        change(lease) { ($0.nextEvent, $0.eventBytes) = (events.next, events.bytes) }
    }

    /// Notes that nobody has worked on the run before: it has neither events nor steps.
    mutating func begin(_ lease: Lease) {
        change(lease) { ($0.nextEvent, $0.namesFiles) = (0, false) }
    }

    func namesFiles(_ lease: Lease) -> Bool {
        guard let entry = entries[lease.runID], entry.epoch == lease.epoch else { return true }
        return entry.namesFiles
    }

    mutating func setNamesFiles(_ lease: Lease) {
        change(lease) { $0.namesFiles = true }
    }

    mutating func fail(_ lease: Lease, _ error: JournalError) {
        change(lease) { $0.failure = error }
    }

    func failure(of lease: Lease) -> JournalError? {
        entries[lease.runID].flatMap { $0.epoch == lease.epoch ? $0.failure : nil }
    }

    mutating func takeFailure(of lease: Lease) -> JournalError? {
        guard let failure = failure(of: lease) else { return nil }
        entries[lease.runID]?.failure = nil
        return failure
    }

    mutating func forget(_ lease: Lease) {
        if entries[lease.runID]?.epoch == lease.epoch { entries[lease.runID] = nil }
    }

    private mutating func change(_ lease: Lease, _ body: (inout Entry) -> Void) {
        var entry = entries[lease.runID] ?? Entry(epoch: lease.epoch)
        if entry.epoch > lease.epoch { return }
        if entry.epoch < lease.epoch { entry = Entry(epoch: lease.epoch) }
        body(&entry)
        entries[lease.runID] = entry
    }
}
