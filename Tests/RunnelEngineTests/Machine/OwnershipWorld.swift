import RunnelKit

@testable import RunnelEngine

/// Two workers, two runs and their journal as one value, so that every way on can be tried from any point.
struct OwnershipWorld: Hashable {
    /// What becomes of a worker's writes.
    enum Writing: Hashable {
        case works
        /// Nothing is written.
        case fails
        /// It is written, and the worker is told that it was not.
        case lies
    }

    struct Row: Hashable {
        var owner: WorkerID?
        var epoch: Int64 = 0
        var isDone = false
    }

    struct Worker: Hashable {
        var machine: OwnershipMachine
        /// What goes on in the process.
        var attempts: Set<Lease> = []
        var isStopped = false
        var writing = Writing.works
        var canRead = true
        var names = 1
        /// The last time at which a heartbeat could have been written.
        var healthyAt: Duration = .zero
    }

    enum Move: Hashable {
        case pass
        case stop(Int), go(Int)
        case write(Int, Writing)
        case read(Int, Bool)
        /// Every attempt of the worker comes to its end and says so.
        case finish(Int)

        var isFault: Bool {
            switch self {
            case .pass, .finish: false
            case .stop, .go, .write, .read: true
            }
        }
    }

    var now = Duration.zero
    var rows: [String: Row] = ["r1": Row(), "r2": Row()]
    var beats: [WorkerID: Int64] = [:]
    /// When the last heartbeat was written.
    var beatAt: [WorkerID: Duration] = [:]
    var epoch: Int64 = 0
    var workers: [Worker]
    /// How often a run was claimed.
    var claims = 0
    var violations: [String] = []

    init() {
        workers = ["a", "b"].map { Worker(machine: OwnershipMachine(id: WorkerID($0))) }
        for index in workers.indices {
            _ = workers[index].machine.handle(.start, at: .zero)
            let id = workers[index].machine.id
            beats[id] = 0
            tell(index, .joined(id))
        }
        for index in workers.indices { tick(index) }
    }

    var isDone: Bool { rows.values.allSatisfy(\.isDone) }

    var moves: [Move] {
        var moves: [Move] = [.pass]
        for index in workers.indices {
            let worker = workers[index]
            moves.append(worker.isStopped ? .go(index) : .stop(index))
            for writing in [Writing.works, .fails, .lies] where worker.writing != writing {
                moves.append(.write(index, writing))
            }
            moves.append(.read(index, !worker.canRead))
            if !worker.isStopped, !worker.attempts.isEmpty { moves.append(.finish(index)) }
        }
        return moves
    }

    mutating func make(_ move: Move) {
        switch move {
        case .pass: pass(.seconds(5))
        case .stop(let index): workers[index].isStopped = true
        case .go(let index):
            workers[index].isStopped = false
            if workers[index].writing == .works { workers[index].healthyAt = now }
            tick(index)
        case .write(let index, let writing): workers[index].writing = writing
        case .read(let index, let canRead): workers[index].canRead = canRead
        case .finish(let index): finish(index)
        }
    }

    /// Everything works again, and time goes on.
    mutating func recover() {
        for index in workers.indices {
            workers[index].writing = .works
            workers[index].canRead = true
            make(.go(index))
        }
        let before = claims
        var seconds = 0
        while !isDone || !isSettled, seconds < 60 {
            for index in workers.indices { finish(index) }
            pass(.seconds(1))
            seconds += 1
        }
        if !isDone { violations.append("a run is stranded: \(rows)") }
        // Each is claimed once more, or twice where the first claim fell to a worker that had to join again.
        if claims - before > 4 { violations.append("the runs went to and fro \(claims - before) times") }
        if !isSettled { violations.append("a worker holds what has ended") }
    }

    private var isSettled: Bool { workers.allSatisfy { $0.machine.owed.isEmpty && $0.machine.held.isEmpty } }

    // MARK: - Time

    private mutating func pass(_ time: Duration) {
        now += time
        for index in workers.indices {
            if !workers[index].isStopped, workers[index].writing == .works { workers[index].healthyAt = now }
            tick(index)
        }
        for worker in workers where !worker.isStopped {
            let silence = now - worker.healthyAt
            if silence >= .seconds(15), !worker.machine.held.isEmpty || !worker.attempts.isEmpty {
                violations.append("\(worker.machine.id) works on runs though it has been silent for \(silence)")
            }
        }
    }

    private mutating func tick(_ index: Int) {
        guard !workers[index].isStopped else { return }
        // What an answer brings about is carried out in the same breath, as with a fast journal.
        for _ in 0..<3 { carryOut(index, workers[index].machine.handle(.tick, at: now)) }
        claim(index)
    }

    private mutating func tell(_ index: Int, _ event: OwnershipMachine.Event) {
        carryOut(index, workers[index].machine.handle(event, at: now))
    }

    // MARK: - The journal

    private mutating func carryOut(_ index: Int, _ actions: [OwnershipMachine.Action]) {
        for action in actions {
            let worker = workers[index]
            switch action {
            case .fence(let leases): workers[index].attempts.subtract(leases)
            case .join(let former):
                workers[index].names += 1
                let name = WorkerID("\(index == 0 ? "a" : "b")\(workers[index].names)")
                if worker.writing != .fails {
                    for id in former { sendBack(id) }
                    (beats[name], beatAt[name]) = (0, now)
                }
                tell(index, worker.writing == .works ? .joined(name) : .joinFailed(name))
            case .beat(let id):
                let isKnown = beats[id] != nil
                if worker.writing != .fails, isKnown {
                    beats[id, default: 0] += 1
                    beatAt[id] = now
                }
                tell(index, worker.writing == .works ? .beaten(id, isKnown: isKnown) : .beatFailed)
            case .readOwned(let id):
                let leases = rows.filter { $0.value.owner == id }.map {
                    Lease(runID: $0.key, worker: id, epoch: $0.value.epoch)
                }
                tell(index, worker.canRead ? .owned(id, leases) : .ownedFailed)
            case .observe:
                let sights = beats.sorted { $0.key.text < $1.key.text }.map {
                    WorkerSight($0.key, beat: $0.value, .present)
                }
                tell(index, worker.canRead ? .observed(sights) : .observeFailed)
            case .release(let leases):
                if worker.writing != .fails {
                    for lease in leases where holds(lease) { rows[lease.runID]?.owner = nil }
                }
                tell(index, worker.writing == .works ? .released(leases) : .releaseFailed)
            case .takeOver(let dead):
                if worker.writing != .fails {
                    for sight in dead where beats[sight.id] == sight.beat {
                        accuse(sight.id)
                        sendBack(sight.id)
                    }
                }
                tell(index, worker.writing == .works ? .takenOver : .takeoverFailed)
            }
        }
    }

    /// Whoever is taken for dead has been silent for long enough to have fenced itself, unless it is stopped.
    private mutating func accuse(_ id: WorkerID) {
        let silence = now - (beatAt[id] ?? .zero)
        if silence < .seconds(15) { violations.append("\(id) is taken for dead after a silence of \(silence)") }
        for worker in workers where worker.machine.id == id && !worker.isStopped && !worker.machine.held.isEmpty {
            violations.append("\(id) is taken for dead and still works")
        }
    }

    private mutating func sendBack(_ id: WorkerID) {
        beats[id] = nil
        for (key, row) in rows where row.owner == id { rows[key]?.owner = nil }
    }

    private func holds(_ lease: Lease) -> Bool {
        rows[lease.runID]?.owner == lease.worker && rows[lease.runID]?.epoch == lease.epoch
    }

    private mutating func claim(_ index: Int) {
        for key in rows.keys.sorted() where workers[index].machine.mayClaim && workers[index].canRead {
            guard let row = rows[key], !row.isDone, row.owner == nil else { continue }
            let (id, writing) = (workers[index].machine.id, workers[index].writing)
            // As the queue does: not while an earlier attempt here has not ended.
            if workers[index].attempts.contains(where: { $0.runID == key }) { continue }
            tell(index, .claiming(key))
            guard beats[id] != nil else {
                tell(index, .claimFailed(key))
                tell(index, .unknown(id))
                return
            }
            if writing != .fails {
                epoch += 1
                claims += 1
                rows[key] = Row(owner: id, epoch: epoch)
            }
            guard writing == .works else {
                tell(index, .claimFailed(key))
                continue
            }
            let lease = Lease(runID: key, worker: id, epoch: epoch)
            workers[index].attempts.insert(lease)
            tell(index, .claimed(lease))
            // One at a time, so that the runs fall to both.
            return
        }
    }

    private mutating func finish(_ index: Int) {
        guard !workers[index].isStopped else { return }
        for lease in workers[index].attempts.sorted(by: { $0.epoch < $1.epoch }) {
            workers[index].attempts.remove(lease)
            let writing = workers[index].writing
            let isOwn = holds(lease)
            if writing != .fails, isOwn {
                if rows[lease.runID]?.isDone ?? true { violations.append("\(lease.runID) ends twice") }
                rows[lease.runID]?.isDone = true
                rows[lease.runID]?.owner = nil
            }
            tell(index, writing == .works ? .finished(lease) : .unfinished(lease))
        }
    }
}
