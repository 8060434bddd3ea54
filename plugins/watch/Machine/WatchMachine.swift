internal import RunnelKit

/// The state machine of a watched folder: observations and times go in, actions come out.
///
/// It holds the ledger (processed files), the activities (files that are settling, queued, being read or being moved)
/// and the followed runs. It does no I/O.
struct WatchMachine {
    struct Limits: Sendable {
        /// The maximum number of files read and emitted concurrently.
        var taking = 64
        /// The maximum number of active files; further ones are dropped and found by another scan.
        var activities = 32_768
        /// The maximum number of runs followed concurrently.
        var following = 256
    }

    struct Activity {
        enum Stage: Hashable {
            /// Unchanged since that time.
            case settling(since: Duration)
            case ready
            case taking
            case finishing
        }

        var stage: Stage
        var status: FileStatus
        /// Whether it is in the deadline queue.
        var isQueued = false
        /// The latest observation while the file was being taken or finished.
        var again: (status: FileStatus, arrival: Arrival)?
        var isGone = false
    }

    let settle: Duration
    let limits: Limits
    /// Whether files are moved or deleted when their runs end.
    let follows: Bool
    /// Whether empty files start runs; otherwise they wait until they have content.
    let takesEmpty: Bool
    /// Whether existing files are recorded without being processed: the first scan with `existing: ignore`.
    var ignoresPresent = false

    var activities: [FilePath: Activity] = [:]
    /// Empty files that wait for content.
    var empty: Set<FilePath> = []
    var deadlines = DeadlineQueue()
    var ready = Queue<FilePath>()
    var resuming = Queue<FilePath>()
    var toFollow = Queue<(path: FilePath, run: String)>()
    /// The run of each path that is followed or whose end is being handled.
    var followed: [FilePath: String] = [:]
    /// Ended runs whose file is still active.
    var ends: [FilePath: (run: String, end: RunEnd)] = [:]
    var immediate = Queue<WatchAction>()
    var taking = 0
    var following = 0
    var isRescanDue = false
    /// Whether a file was dropped because there were too many activities.
    var hasMissed = false

    private(set) var ledger: [FilePath: LedgerEntry] = [:]
    /// The scan in which each entry's file was last seen.
    private var marks: [FilePath: UInt32] = [:]
    private var look: UInt32 = 0
    /// The unsaved changes of the ledger.
    private var unsaved: [String: Value?] = [:]

    init(
        settle: Duration, follows: Bool, takesEmpty: Bool = false, limits: Limits = Limits(),
        ledger: [FilePath: LedgerEntry] = [:]
    ) {
        self.settle = settle
        self.follows = follows
        self.takesEmpty = takesEmpty
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

    /// The next time at which ``due(at:)`` returns files.
    var nextDeadline: Duration? { deadlines.first }

    /// The next action; nil if there is none for now.
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
                // The queue entry is stale if the file vanished or changed again.
                guard var activity = activities[path], activity.stage == .ready else { continue }
                activity.stage = .taking
                activities[path] = activity
                taking += 1
                return .take(path, activity.status, known: known(path, activity.status))
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

    /// The hash of content that needs no event: that of the last event there. If the file is moved or deleted
    /// afterwards, another file with the same content is an event of its own.
    private func known(_ path: FilePath, _ status: FileStatus) -> String? {
        guard let entry = ledger[path] else { return nil }
        return !follows || followed[path] != nil && entry.status.inode == status.inode ? entry.hash : nil
    }

    mutating func follow(_ path: FilePath, _ run: String) {
        guard followed[path] != run else { return }
        followed[path] = run
        toFollow.append((path, run))
    }

    // MARK: Ledger

    /// Removes and returns the unsaved changes of the stored state.
    mutating func takeUnsaved() -> [String: Value?] {
        defer { unsaved = [:] }
        return unsaved
    }

    mutating func remember(_ path: FilePath, _ entry: LedgerEntry, isSaved: Bool = false) {
        ledger[path] = entry
        marks[path] = look
        // A saved entry needs no write. `updateValue` because assigning nil would remove the key.
        if isSaved {
            unsaved.removeValue(forKey: LedgerEntry.key(of: path))
        } else {
            unsaved.updateValue(entry.value, forKey: LedgerEntry.key(of: path))
        }
    }

    /// Removes the file's entry unless its run is still followed.
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

    /// The files of the ledger that the scan has not found.
    func unmarked() -> [FilePath] {
        ledger.keys.filter { marks[$0] != look && activities[$0] == nil }
    }
}
