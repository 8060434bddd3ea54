internal import RunnelKit

/// Decides what happens to the files of a watched folder: what was seen and the time go in, actions come out.
///
/// It knows the ledger (what was processed), the activities (files that are settling, waiting, being read or being
/// moved), and the runs that are followed. It does no I/O.
struct WatchMachine {
    struct Limits: Sendable {
        /// How many files are read and emitted at once.
        var taking = 64
        /// How many files may be active at once; beyond that they are forgotten and found again by another look.
        var activities = 32_768
        /// How many runs are followed at once.
        var following = 256
    }

    struct Activity {
        enum Stage: Hashable {
            /// Still since then.
            case settling(since: Duration)
            case ready
            case taking
            case finishing
        }

        var stage: Stage
        var status: FileStatus
        /// Whether it stands in the queue of deadlines.
        var isQueued = false
        /// What was seen while the file was being taken or finished.
        var again: (status: FileStatus, arrival: Arrival)?
        var isGone = false
    }

    let settle: Duration
    let limits: Limits
    /// Whether files wait for their runs to end.
    let follows: Bool
    /// Whether files that are there become ledger entries without being processed: the first look, with
    /// `existing: ignore`.
    var ignoresPresent = false

    var activities: [FilePath: Activity] = [:]
    var deadlines = DeadlineQueue()
    var ready = Queue<FilePath>()
    var resuming = Queue<FilePath>()
    var toFollow = Queue<(path: FilePath, run: String)>()
    /// The run that is followed, or whose end is dealt with, for each path.
    var followed: [FilePath: String] = [:]
    /// Ends of runs whose file is active.
    var ends: [FilePath: (run: String, end: RunEnd)] = [:]
    var immediate = Queue<WatchAction>()
    var taking = 0
    var following = 0
    var isRescanDue = false
    /// Whether a file found no place among the activities.
    var hasMissed = false

    private(set) var ledger: [FilePath: LedgerEntry] = [:]
    /// In which look each entry's file was last seen.
    private var marks: [FilePath: UInt32] = [:]
    private var look: UInt32 = 0
    /// What has to be written down.
    private var unsaved: [String: Value?] = [:]

    init(settle: Duration, follows: Bool, limits: Limits = Limits(), ledger: [FilePath: LedgerEntry] = [:]) {
        self.settle = settle
        self.follows = follows
        self.limits = limits
        self.ledger = ledger
        guard follows else { return }
        for (path, entry) in ledger.sorted(by: { $0.key.text < $1.key.text }) where entry.isPending {
            if let run = entry.run {
                follow(path, run)
            } else {
                activities[path] = Activity(stage: .taking, status: entry.status)
                resuming.append(path)
            }
        }
    }

    /// When ``due(at:)`` has something to say.
    var nextDeadline: Duration? { deadlines.first }

    /// The next thing to do; nil when there is nothing to do for now.
    mutating func nextAction() -> WatchAction? {
        if let action = immediate.popFirst() { return action }
        if following < limits.following, let next = toFollow.popFirst() {
            following += 1
            return .follow(next.path, run: next.run)
        }
        if taking < limits.taking {
            if let path = resuming.popFirst(), let entry = ledger[path] {
                taking += 1
                return .resume(path, entry)
            }
            while let path = ready.popFirst() {
                // The place in the queue is stale when the file vanished or went on changing.
                guard var activity = activities[path], activity.stage == .ready else { continue }
                activity.stage = .taking
                activities[path] = activity
                taking += 1
                return .take(path, activity.status, known: known(path))
            }
        }
        if hasMissed, activities.count <= limits.activities / 2 {
            hasMissed = false
            isRescanDue = true
        }
        guard isRescanDue else { return nil }
        isRescanDue = false
        return .rescan
    }

    /// The hash of content that needs no event: it was processed, and nobody waits to move the file.
    private func known(_ path: FilePath) -> String? {
        guard let entry = ledger[path] else { return nil }
        return !follows || followed[path] != nil ? entry.hash : nil
    }

    mutating func follow(_ path: FilePath, _ run: String) {
        guard followed[path] != run else { return }
        followed[path] = run
        toFollow.append((path, run))
    }

    // MARK: Ledger

    /// What has to be written to memory since it was last asked.
    mutating func takeUnsaved() -> [String: Value?] {
        defer { unsaved = [:] }
        return unsaved
    }

    mutating func remember(_ path: FilePath, _ entry: LedgerEntry, isSaved: Bool = false) {
        ledger[path] = entry
        marks[path] = look
        // Assigning nil would remove the key; what is stored is written.
        if isSaved {
            unsaved.removeValue(forKey: LedgerEntry.key(of: path))
        } else {
            unsaved.updateValue(entry.value, forKey: LedgerEntry.key(of: path))
        }
    }

    /// Forgets the file, unless its run is still waited for.
    mutating func forget(_ path: FilePath) {
        guard let entry = ledger[path], !entry.isPending else { return }
        ledger[path] = nil
        marks[path] = nil
        unsaved.updateValue(nil, forKey: LedgerEntry.key(of: path))
    }

    mutating func mark(_ path: FilePath) {
        if ledger[path] != nil { marks[path] = look }
    }

    mutating func nextLook() {
        look &+= 1
    }

    /// The files of the ledger that the look has not found.
    func unmarked() -> [FilePath] {
        ledger.keys.filter { marks[$0] != look && activities[$0] == nil }
    }
}
