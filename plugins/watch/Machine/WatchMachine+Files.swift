internal import RunnelKit

/// Observations of files.
extension WatchMachine {
    /// The file exists.
    mutating func file(_ path: FilePath, _ status: FileStatus, _ arrival: Arrival, at now: Duration) {
        mark(path)
        var arrival = arrival
        if status.size == 0, !takesEmpty {
            if empty.contains(path) { return }
            // Many programs create a file, close it, and write it later: it is not complete.
            if arrival == .complete { arrival = .active }
        } else {
            empty.remove(path)
        }
        guard var activity = activities[path] else {
            // A file that was closed after writing is read even if its status is unchanged: two writes within one clock
            // tick of the file system have the same timestamp.
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
        if status.size == 0, !takesEmpty {
            activities[path] = nil
            empty.insert(path)
            immediate.append(.tellEmpty(path))
            return settleEnd(of: path)
        }
        activities[path] = Activity(stage: .ready, status: status)
        ready.append(path)
    }

    private mutating func enqueue(_ activity: inout Activity, _ path: FilePath) {
        guard !activity.isQueued, case .settling(let since) = activity.stage else { return }
        activity.isQueued = true
        deadlines.push(path, at: since + settle)
    }

    /// The files whose settle time may have passed. The caller inspects each and reports with ``file(_:_:_:at:)`` or
    /// ``gone(_:)``.
    mutating func due(at now: Duration) -> [FilePath] {
        var due: [FilePath] = []
        while let path = deadlines.pop(until: now) {
            guard var activity = activities[path], activity.isQueued, case .settling(let since) = activity.stage else {
                continue
            }
            activity.isQueued = false
            // It changed since it was queued.
            if since + settle > now { enqueue(&activity, path) } else { due.append(path) }
            activities[path] = activity
        }
        return due
    }

    /// The file no longer exists.
    mutating func gone(_ path: FilePath) {
        empty.remove(path)
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

    /// The folder and everything in it no longer exists.
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

    /// The scan is complete: all existing files have been reported.
    /// - Parameter forgetsMissing: Whether entries of files that were not found are removed.
    mutating func lookEnded(forgetsMissing: Bool) {
        ignoresPresent = false
        guard forgetsMissing else { return }
        for path in unmarked() { forget(path) }
    }
}

/// Results of runs.
extension WatchMachine {
    /// ``WatchAction/take(_:_:known:)`` or ``WatchAction/resume(_:_:)`` has ended.
    mutating func taken(_ path: FilePath, _ result: TakeResult, at now: Duration) {
        taking -= 1
        guard var activity = activities.removeValue(forKey: path) else { return }
        switch result {
        case .emitted(let run, var entry):
            if follows {
                entry.run = run
                entry.isPending = true
                remember(path, entry)
                if ends[path]?.run != run { ends[path] = nil }
                follow(path, run)
            } else {
                // It was committed together with the run.
                remember(path, entry, isSaved: true)
            }
        case .ignored(let entry):
            remember(path, entry)
        case .unchanged(let status):
            if var entry = ledger[path] {
                entry.status = status
                remember(path, entry)
            }
        case .changed(let status):
            if activity.again == nil, !activity.isGone { activity.again = (status, .active) }
        case .gone:
            activity.isGone = activity.again == nil
        case .unreadable:
            break
        }
        close(path, activity, at: now)
    }

    /// The run has ended; nil if the run no longer exists.
    mutating func ended(_ path: FilePath, run: String, _ end: RunEnd?) {
        following -= 1
        guard followed[path] == run else { return }
        guard let end else {
            followed[path] = nil
            guard var entry = ledger[path], entry.run == run else { return }
            entry.isPending = false
            entry.run = nil
            remember(path, entry)
            return
        }
        ends[path] = (run, end)
        settleEnd(of: path)
    }

    /// ``WatchAction/finish(_:_:run:_:)`` has ended.
    mutating func finished(_ path: FilePath, run: String, _ result: FinishResult, at now: Duration) {
        guard var activity = activities.removeValue(forKey: path) else { return }
        if followed[path] == run { followed[path] = nil }
        if var entry = ledger[path], entry.run == run {
            switch result {
            case .done:
                entry.isPending = false
                remember(path, entry)
                forget(path)
            case .changed:
                entry.isPending = false
                entry.run = nil
                remember(path, entry)
            }
        }
        if case .changed(let status) = result, activity.again == nil { activity.again = (status, .active) }
        if result == .done { activity.isGone = false }
        close(path, activity, at: now)
    }

    /// Ends the activity and handles observations made meanwhile.
    private mutating func close(_ path: FilePath, _ activity: Activity, at now: Duration) {
        if let again = activity.again {
            file(path, again.status, again.arrival, at: now)
        } else if activity.isGone {
            gone(path)
        }
        settleEnd(of: path)
    }

    /// Handles the end of the file's run if the file has no activity.
    mutating func settleEnd(of path: FilePath) {
        guard let (run, end) = ends[path], activities[path] == nil else { return }
        ends[path] = nil
        guard let entry = ledger[path], entry.run == run, entry.isPending else {
            if followed[path] == run { followed[path] = nil }
            return
        }
        activities[path] = Activity(stage: .finishing, status: entry.status)
        immediate.append(.finish(path, entry.status, run: run, end))
    }
}
