/// A state by which people look for runs: one that had begun and is queued again is interrupted, and not queued.
package enum SeenRunState: String, CaseIterable, Sendable {
    case queued, running, waiting, interrupted, succeeded, failed, cancelled, skipped

    /// The state of such runs in ``RunFilter``.
    package var stored: RunState { RunState(rawValue: rawValue) ?? .queued }
}

extension RunRecord {
    /// Whether people see it in one of these states; empty for all.
    package func isSeen(in states: Set<SeenRunState>) -> Bool {
        states.isEmpty || states.contains { $0.rawValue == stateText }
    }
}

extension Journal {
    /// The runs as people see them: one whose worker is gone is interrupted, also before another worker has taken it over.
    package func asSeen(_ runs: [RunRecord]) async throws(JournalError) -> [RunRecord] {
        guard runs.contains(where: { $0.state == .running }) else { return runs }
        let gone = Set(try await observe().filter { $0.presence != .present }.map(\.id))
        return runs.map { run in
            guard run.state == .running, let owner = run.owner, gone.contains(owner) else { return run }
            var seen = run
            (seen.state, seen.owner, seen.interruptions) = (.queued, nil, run.interruptions + 1)
            return seen
        }
    }

    /// The run as people see it.
    package func asSeen(_ run: RunRecord) async throws(JournalError) -> RunRecord {
        try await asSeen([run]).first ?? run
    }

    /// How many runs are queued as people see them: those whose worker is gone are among them.
    package func seenQueuedCount() async throws(JournalError) -> Int {
        var count = try await queuedCount()
        for sight in try await observe() where sight.presence != .present {
            count += try await leases(of: sight.id).count
        }
        return count
    }

    /// A page of the runs that are seen in one of the filter's states, the newest first.
    ///
    /// - Returns: At most as many runs as the filter allows, and the id before which the next page begins; nil on the last
    ///   page.
    package func seenPage(_ filter: RunFilter) async throws(JournalError) -> (runs: [RunRecord], next: String?) {
        var stored = filter
        if filter.states.contains(.queued) { stored.states.insert(.running) }
        let page = try await runs(stored)
        let seen = try await asSeen(page).filter { filter.states.isEmpty || filter.states.contains($0.state) }
        return (seen, page.count == filter.limit ? page.last?.id : nil)
    }

    /// The runs that are seen in one of the filter's states, the newest first.
    ///
    /// - Parameters:
    ///   - filter: Limits the result.
    ///   - isWanted: What else a run has to be.
    package func seenRuns(
        _ filter: RunFilter, where isWanted: @Sendable (RunRecord) -> Bool = { _ in true }
    ) async throws(JournalError) -> [RunRecord] {
        var rest = filter
        var found: [RunRecord] = []
        repeat {
            let page = try await seenPage(rest)
            found += page.runs.filter(isWanted)
            rest.before = page.next
        } while found.count < filter.limit && rest.before != nil
        return Array(found.prefix(filter.limit))
    }
}
