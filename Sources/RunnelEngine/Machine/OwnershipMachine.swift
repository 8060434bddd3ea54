import RunnelKit

/// Decides the ownership of runs from the view of one worker. Pure: without clock, journal or tasks.
///
/// Events with times of the worker's steady clock go in, actions come out. A worker is *outside* of the journal,
/// *joining* it, or a *member*:
///
/// | standing | event | then | actions |
/// |---|---|---|---|
/// | outside | `start` | joining | join |
/// | joining | `joined` | member, renewed when the join was sent | – |
/// | joining | `joined`, 5 s after the join was sent | member that may not claim before its first heartbeat | at a `tick`: beat |
/// | joining | `joinFailed` | joining; again after 1 s | at a `tick`: join under another name |
/// | member | `tick`, a heartbeat is due | | beat |
/// | member | `beaten(isKnown: true)` | renewed when that heartbeat was sent | at a `tick`: read own rows |
/// | member | `beaten(isKnown: false)`, `unknown` | joining | fence all; at a `tick`: join |
/// | member | `tick`, not renewed for 10 s | joining | fence all, join |
/// | member | `claiming`, `claimed`, `finished` | the run is on its way, worked on, let go | – |
/// | any | `claimed` under a former name | not worked on | fence it |
/// | member | `unfinished`, a write failed | the row is owed, own rows are read soon, nobody is judged for 15 s | at a `tick`: release |
/// | member | `owned`: a row that nothing here works on | the row is owed | at a `tick`: release |
/// | member | `owned`: work without a row | let go | fence it |
/// | member | `observed`: a process that is gone | | take over |
/// | member | `observed`: silent for 15 s that this worker has read all along | | take over |
/// | any | a failed read, or 5 s without a read | the 15 s begin anew | – |
///
/// *Fencing* an attempt cancels it without writing anything: the run did not fail, another worker continues it. Joining
/// requeues the runs of all former ids of the process in the same transaction, so no run is stranded by the change of
/// id. Errors in here cost repeated work, never a duplicate commit: the journal checks worker and epoch in every
/// transaction.
struct OwnershipMachine: Sendable, Hashable {
    enum Timing {
        /// The heartbeat interval.
        static let beat = Duration.seconds(5)
        /// A worker whose last heartbeat is older than this fences itself.
        static let fence = Duration.seconds(10)
        /// How long another worker must be silent, while being observed, before it is declared dead.
        static let patience = Duration.seconds(15)
        /// The interval of observing other workers, and of retrying failed operations.
        static let interval = Duration.seconds(1)
    }

    enum Standing: Sendable, Hashable { case outside, joining, member }

    enum Event: Sendable, Hashable {
        case start
        /// Time has passed.
        case tick
        case joined(WorkerID)
        case joinFailed(WorkerID)
        case beaten(WorkerID, isKnown: Bool)
        case beatFailed
        /// A claim, or an accepted run with this owner, is being written.
        case claiming(String)
        case claimed(Lease)
        /// The claim failed without effect.
        case unclaimed(String)
        /// It is unknown whether the claim was written.
        case claimFailed(String)
        /// This worker no longer owns the run: it has ended, waits, was released or was lost.
        case finished(Lease)
        /// The work is over, but this worker may still own the run.
        case unfinished(Lease)
        case writeFailed
        /// The journal reported that this worker is unknown.
        case unknown(WorkerID)
        case owned(WorkerID, [Lease])
        case ownedFailed
        case observed([WorkerSight])
        case observeFailed
        case released([Lease])
        case releaseFailed
        case takenOver
        case takeoverFailed
    }

    enum Action: Sendable, Hashable {
        /// Join with a new id, replacing these.
        case join(former: [WorkerID])
        case beat(WorkerID)
        case readOwned(WorkerID)
        case observe
        /// Cancel the work without writing anything.
        case fence([Lease])
        case release([Lease])
        case takeOver([WorkerSight])
    }

    private struct Holding: Sendable, Hashable {
        let lease: Lease
        let since: Duration
    }

    private struct Silence: Sendable, Hashable {
        let beat: Int64
        let since: Duration
    }

    /// A periodic operation that never overlaps itself.
    private struct Chore: Sendable, Hashable {
        private(set) var sentAt: Duration?
        var dueAt: Duration

        mutating func start(at now: Duration) -> Bool {
            guard sentAt == nil, now >= dueAt else { return false }
            sentAt = now
            return true
        }

        mutating func finish(nextAt time: Duration) {
            (sentAt, dueAt) = (nil, time)
        }
    }

    private(set) var standing = Standing.outside
    /// The current id of the worker.
    private(set) var id: WorkerID
    /// Former ids that may still own rows.
    private var former: [WorkerID] = []
    private var renewedAt = Duration.zero
    /// Whether other workers certainly consider it alive: not if joining took so long that they may have observed
    /// silence since.
    private var isProven = true
    /// The runs being worked on.
    private var holdings: [String: Holding] = [:]
    /// Pending claims, by run.
    private var claims: [String: Int] = [:]
    /// Leases of this worker without work, to be released.
    private(set) var owed: Set<Lease> = []
    /// Whether an error occurred since the last read of own rows started.
    private var isReadWanted = false
    /// Leases that ended since the last read of own rows started.
    private var recent: Set<Lease> = []
    private var silences: [WorkerID: Silence] = [:]
    /// Since when all reads have succeeded; nil if they fail.
    private var readableSince: Duration?
    private var observedAt: Duration?
    private var joining = Chore(dueAt: .zero)
    private var beating = Chore(dueAt: .zero)
    private var reading = Chore(dueAt: .zero)
    private var observing = Chore(dueAt: .zero)
    private var releasing = Chore(dueAt: .zero)
    private var takingOver = false

    init(id: WorkerID) {
        self.id = id
    }

    /// Whether this worker may claim runs.
    var mayClaim: Bool { standing == .member && isProven }

    func holds(_ lease: Lease) -> Bool { holdings[lease.runID]?.lease == lease }

    /// The leases being worked on.
    var held: [Lease] { holdings.values.map(\.lease) }

    mutating func handle(_ event: Event, at now: Duration) -> [Action] {
        switch event {
        case .start:
            guard standing == .outside else { return [] }
            standing = .joining
            joining = Chore(dueAt: now)
            return tick(now)
        case .tick: return tick(now)
        case .joined(let name): joined(name, now)
        case .joinFailed(let name):
            // The join may have been written nevertheless.
            former.append(name)
            joining.finish(nextAt: now + Timing.interval)
            failed(now)
        case .beaten(let name, let isKnown):
            let sentAt = beating.sentAt ?? now
            guard name == id, standing == .member else { break }
            beating.finish(nextAt: sentAt + Timing.beat)
            guard isKnown else { return rejoin(now) }
            (renewedAt, isProven) = (sentAt, true)
            reading.dueAt = now
        case .beatFailed:
            beating.finish(nextAt: now + Timing.interval)
            failed(now)
        case .claiming(let runID): claims[runID, default: 0] += 1
        case .claimed(let lease):
            endClaim(lease.runID)
            guard lease.worker == id, standing != .joining else { return [.fence([lease])] }
            owed.remove(lease)
            let earlier = holdings.updateValue(Holding(lease: lease, since: now), forKey: lease.runID)
            if let earlier, earlier.lease != lease { return [.fence([earlier.lease])] }
        case .unclaimed(let runID): endClaim(runID)
        case .claimFailed(let runID):
            endClaim(runID)
            failed(now)
        case .finished(let lease): letGo(lease)
        case .unfinished(let lease):
            letGo(lease)
            if lease.worker == id, standing == .member { owed.insert(lease) }
            failed(now)
        case .writeFailed: failed(now)
        case .unknown(let name):
            if name == id, standing == .member { return rejoin(now) }
        case .owned(let name, let leases): return reconcile(name, leases, now)
        case .ownedFailed:
            reading.finish(nextAt: now + Timing.interval)
            readableSince = nil
        case .observed(let sights): return judge(sights, now)
        case .observeFailed:
            observing.finish(nextAt: now + Timing.interval)
            readableSince = nil
        case .released(let leases):
            owed.subtract(leases)
            recent.formUnion(leases)
            releasing.finish(nextAt: now)
        case .releaseFailed:
            releasing.finish(nextAt: now + Timing.interval)
            failed(now)
        case .takenOver: takingOver = false
        case .takeoverFailed:
            takingOver = false
            failed(now)
        }
        return []
    }

    private mutating func tick(_ now: Duration) -> [Action] {
        switch standing {
        case .outside: return []
        case .joining: return joining.start(at: now) ? [.join(former: former)] : []
        case .member: break
        }
        guard now - renewedAt < Timing.fence else { return rejoin(now) + tick(now) }
        var actions: [Action] = []
        if beating.start(at: now) { actions.append(.beat(id)) }
        if reading.start(at: now) {
            (recent, isReadWanted) = ([], false)
            actions.append(.readOwned(id))
        }
        if !owed.isEmpty, releasing.start(at: now) {
            actions.append(.release(owed.sorted { $0.epoch < $1.epoch }))
        }
        if observing.start(at: now) { actions.append(.observe) }
        return actions
    }

    // MARK: - Membership

    private mutating func joined(_ name: WorkerID, _ now: Duration) {
        guard standing == .joining else { return }
        standing = .member
        (id, former) = (name, [])
        let sentAt = joining.sentAt ?? now
        isProven = now - sentAt < Timing.beat
        renewedAt = isProven ? sentAt : now
        joining.finish(nextAt: now)
        beating = Chore(dueAt: isProven ? renewedAt + Timing.beat : now)
        reading = Chore(dueAt: renewedAt + Timing.beat)
        observing = Chore(dueAt: now)
        releasing = Chore(dueAt: now)
        readableSince = nil
    }

    /// Fences all own work; the next tick joins again.
    private mutating func rejoin(_ now: Duration) -> [Action] {
        let leases = held.sorted { $0.epoch < $1.epoch }
        standing = .joining
        former.append(id)
        (holdings, owed, recent, silences, readableSince) = ([:], [], [], [:], nil)
        joining = Chore(dueAt: now)
        return leases.isEmpty ? [] : [.fence(leases)]
    }

    /// Whether the worker may still act for a run: it works on it, and no other worker can have declared it dead.
    func mayAct(_ lease: Lease, at now: Duration) -> Bool {
        standing == .member && now - renewedAt < Timing.fence && holds(lease)
    }

    // MARK: - Own runs

    private mutating func endClaim(_ runID: String) {
        guard let count = claims[runID] else { return }
        claims[runID] = count > 1 ? count - 1 : nil
    }

    private mutating func letGo(_ lease: Lease) {
        if holds(lease) { holdings[lease.runID] = nil }
        owed.remove(lease)
        if reading.sentAt != nil { recent.insert(lease) }
    }

    /// After a failed write the ownership of rows is unknown, so own rows are read as soon as possible. And a worker
    /// that cannot write must not declare others dead that cannot write either.
    private mutating func failed(_ now: Duration) {
        readableSince = nil
        isReadWanted = true
        if reading.dueAt > now { reading.dueAt = now }
    }

    /// Reconciles the rows that this worker owns with its work.
    private mutating func reconcile(_ name: WorkerID, _ leases: [Lease], _ now: Duration) -> [Action] {
        let sentAt = reading.sentAt ?? now
        guard name == id, standing == .member else { return [] }
        reading.finish(nextAt: isReadWanted ? now : now + Timing.beat)
        for lease in leases where !holds(lease) && claims[lease.runID] == nil && !recent.contains(lease) {
            owed.insert(lease)
        }
        let rows = Set(leases)
        let lost = holdings.values.filter { $0.since < sentAt && !rows.contains($0.lease) }.map(\.lease)
        for lease in lost { holdings[lease.runID] = nil }
        return lost.isEmpty ? [] : [.fence(lost.sorted { $0.epoch < $1.epoch })]
    }

    // MARK: - Others

    private mutating func judge(_ sights: [WorkerSight], _ now: Duration) -> [Action] {
        observing.finish(nextAt: now + Timing.interval)
        guard standing == .member else { return [] }
        // After a longer pause this worker does not know what others did meanwhile, so the observation restarts.
        if let observedAt, now - observedAt > Timing.beat { readableSince = nil }
        observedAt = now
        let since = readableSince ?? now
        readableSince = since
        var dead: [WorkerSight] = []
        var seen: [WorkerID: Silence] = [:]
        for sight in sights where sight.id != id && !former.contains(sight.id) {
            if sight.presence != .present {
                dead.append(sight)
                continue
            }
            var silence = silences[sight.id] ?? Silence(beat: sight.beat, since: now)
            if silence.beat != sight.beat { silence = Silence(beat: sight.beat, since: now) }
            seen[sight.id] = silence
            if now - max(silence.since, since) >= Timing.patience { dead.append(sight) }
        }
        silences = seen
        guard !dead.isEmpty, !takingOver else { return [] }
        takingOver = true
        return [.takeOver(dead)]
    }
}
