internal import RunnelKit

/// What is seen of the files.
extension WatchMachine {
    /// The file is there.
    mutating func file(_ path: FilePath, _ status: FileStatus, _ arrival: Arrival, at now: Duration) {
        mark(path)
        guard var activity = activities[path] else {
            // A file that was closed after writing is read even if it looks the same: two writes within one tick of
            // the file system's clock leave one time.
            if let entry = ledger[path], entry.status == status, arrival != .complete { return }
            if ignoresPresent, arrival == .present { return remember(path, LedgerEntry(status: status)) }
            guard activities.count < limits.activities else {
                hasMissed = true
                return
            }
            begin(path, status, arrival, at: now)
            return
        }
        switch activity.stage {
        case .settling(let since):
            if arrival == .complete {
                makeReady(path, status)
                return
            }
            if arrival == .present, activity.status == status {
                if now - since >= settle { return makeReady(path, status) }
            } else {
                activity.stage = .settling(since: now)
                activity.status = status
            }
            enqueue(&activity, path)
            activities[path] = activity
        case .ready:
            if arrival == .complete || activity.status == status {
                activity.status = status
            } else {
                activity.stage = .settling(since: now)
                activity.status = status
                enqueue(&activity, path)
            }
            activities[path] = activity
        case .taking, .finishing:
            activity.isGone = false
            let isKnown = activity.again.map { $0.status == status } ?? (activity.status == status)
            if arrival == .complete || !isKnown { activity.again = (status, arrival) }
            activities[path] = activity
        }
    }

    private mutating func begin(_ path: FilePath, _ status: FileStatus, _ arrival: Arrival, at now: Duration) {
        if arrival == .complete || settle <= .zero { return makeReady(path, status) }
        var activity = Activity(stage: .settling(since: now), status: status)
        enqueue(&activity, path)
        activities[path] = activity
    }

    private mutating func makeReady(_ path: FilePath, _ status: FileStatus) {
        activities[path] = Activity(stage: .ready, status: status)
        ready.append(path)
    }

    private mutating func enqueue(_ activity: inout Activity, _ path: FilePath) {
        guard !activity.isQueued, case .settling(let since) = activity.stage else { return }
        activity.isQueued = true
        deadlines.push(path, at: since + settle)
    }

    /// The files that may have been still for long enough: each is to be looked at, and the outcome told with
    /// ``file(_:_:_:at:)`` or ``gone(_:)``.
    mutating func due(at now: Duration) -> [FilePath] {
        var due: [FilePath] = []
        while let path = deadlines.pop(until: now) {
            guard var activity = activities[path], activity.isQueued, case .settling(let since) = activity.stage else {
                continue
            }
            activity.isQueued = false
            // Something went on with it since it was queued.
            if since + settle > now { enqueue(&activity, path) } else { due.append(path) }
            activities[path] = activity
        }
        return due
    }

    /// The file is not there any more.
    mutating func gone(_ path: FilePath) {
        guard var activity = activities[path] else { return forget(path) }
        switch activity.stage {
        case .settling, .ready:
            activities[path] = nil
            forget(path)
            settleEnd(of: path)
        case .taking, .finishing:
            activity.isGone = true
            activity.again = nil
            activities[path] = activity
        }
    }

    /// The folder is not there any more, with all that was in it.
    mutating func folderGone(_ folder: FilePath) {
        for path in Set(activities.keys).union(ledger.keys) where path.isWithin(folder) { gone(path) }
    }

    /// Some observations were lost.
    mutating func overflowed() {
        isRescanDue = true
    }

    mutating func lookBegan() {
        nextLook()
    }

    /// All files that are there have been told.
    /// - Parameter forgetsMissing: Whether files that were not found are forgotten.
    mutating func lookEnded(forgetsMissing: Bool) {
        ignoresPresent = false
        guard forgetsMissing else { return }
        for path in unmarked() { forget(path) }
    }
}
