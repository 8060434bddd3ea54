internal import RunnelKit

/// What becomes of the files' runs.
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
                // It was written together with the run.
                remember(path, entry, isSaved: true)
            }
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

    /// The run has ended; nil when it is not known any more.
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
            case .failed: break
            }
        }
        if case .changed(let status) = result, activity.again == nil { activity.again = (status, .active) }
        if result == .done { activity.isGone = false }
        close(path, activity, at: now)
    }

    /// Goes on with what was seen meanwhile.
    private mutating func close(_ path: FilePath, _ activity: Activity, at now: Duration) {
        if let again = activity.again {
            file(path, again.status, again.arrival, at: now)
        } else if activity.isGone {
            gone(path)
        }
        settleEnd(of: path)
    }

    /// Deals with the end of the file's run, once nothing else goes on with the file.
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
