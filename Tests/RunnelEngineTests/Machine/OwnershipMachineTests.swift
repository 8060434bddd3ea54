import RunnelKit
import Testing

@testable import RunnelEngine

@Suite("The ownership machine") struct OwnershipMachineTests {
    private let a = WorkerID("a")
    private let b = WorkerID("b")

    private func member() -> OwnershipMachine {
        var machine = OwnershipMachine(id: a)
        #expect(machine.handle(.start, at: .zero) == [.join(former: [])])
        #expect(machine.handle(.joined(a), at: .zero) == [])
        return machine
    }

    private func lease(_ run: String, _ epoch: Int64, _ worker: String = "a") -> Lease {
        Lease(runID: run, worker: WorkerID(worker), epoch: epoch)
    }

    @Test("a heartbeat is sent every 5 s and renews from the moment it was sent")
    func heartbeats() {
        var machine = member()
        #expect(machine.handle(.tick, at: .seconds(4)) == [.observe])
        #expect(machine.handle(.tick, at: .seconds(5)) == [.beat(a), .readOwned(a)])
        // The answer takes 4 s; the worker counts from the question.
        #expect(machine.handle(.beaten(a, isKnown: true), at: .seconds(9)) == [])
        #expect(machine.handle(.owned(a, []), at: .seconds(9)) == [])
        #expect(machine.handle(.tick, at: .seconds(10)) == [.beat(a)])
        _ = machine.handle(.tick, at: .milliseconds(14_999))
        #expect(machine.standing == .member)
        #expect(machine.handle(.tick, at: .seconds(15)) == [.join(former: [a])])
    }

    @Test("a worker may act for its runs until it has not renewed for 10 s, whether it has noticed that or not")
    func acting() {
        var machine = member()
        let held = lease("r1", 1)
        #expect(!machine.mayAct(held, at: .seconds(1)))
        _ = machine.handle(.claimed(held), at: .seconds(1))
        #expect(machine.mayAct(held, at: .milliseconds(9999)))
        #expect(!machine.mayAct(lease("r1", 2), at: .seconds(1)))
        #expect(!machine.mayAct(held, at: .seconds(10)))
        #expect(machine.standing == .member)
        _ = machine.handle(.tick, at: .seconds(10))
        _ = machine.handle(.joined(b), at: .seconds(10))
        #expect(!machine.mayAct(held, at: .seconds(10)))
    }

    @Test("a worker that has not renewed for 10 s cancels its attempts and joins under another name")
    func selfFencing() {
        var machine = member()
        _ = machine.handle(.claimed(lease("r1", 1)), at: .seconds(1))
        _ = machine.handle(.claimed(lease("r2", 2)), at: .seconds(1))
        #expect(
            machine.handle(.tick, at: .seconds(10)) == [.fence([lease("r1", 1), lease("r2", 2)]), .join(former: [a])])
        #expect(!machine.mayClaim)
        #expect(!machine.holds(lease("r1", 1)))
        // The join may be written although it failed, so its name counts as a former one too.
        _ = machine.handle(.joinFailed(WorkerID("a2")), at: .seconds(12))
        #expect(machine.handle(.tick, at: .milliseconds(12_500)).isEmpty)
        #expect(machine.handle(.tick, at: .seconds(13)) == [.join(former: [a, WorkerID("a2")])])
        _ = machine.handle(.joined(WorkerID("a3")), at: .seconds(13))
        #expect(machine.mayClaim)
        #expect(machine.id == WorkerID("a3"))
    }

    @Test("a worker whose join was answered late claims nothing before its first heartbeat")
    func lateJoin() {
        var machine = OwnershipMachine(id: a)
        _ = machine.handle(.start, at: .zero)
        _ = machine.handle(.joined(a), at: .seconds(20))
        #expect(!machine.mayClaim)
        #expect(machine.handle(.tick, at: .seconds(20)) == [.beat(a), .observe])
        _ = machine.handle(.beaten(a, isKnown: true), at: .seconds(21))
        #expect(machine.mayClaim)
    }

    @Test("a heartbeat that changed nothing ends the worker's attempts")
    func unknown() {
        var machine = member()
        _ = machine.handle(.claimed(lease("r", 1)), at: .zero)
        _ = machine.handle(.tick, at: .seconds(5))
        #expect(machine.handle(.beaten(a, isKnown: false), at: .seconds(5)) == [.fence([lease("r", 1)])])
        #expect(machine.handle(.tick, at: .seconds(5)) == [.join(former: [a])])
    }

    @Test("an answer to a claim under a former name is not worked on")
    func lateClaim() {
        var machine = member()
        _ = machine.handle(.claiming("r"), at: .zero)
        _ = machine.handle(.tick, at: .seconds(10))
        _ = machine.handle(.joined(b), at: .seconds(10))
        #expect(machine.handle(.claimed(lease("r", 1)), at: .seconds(11)) == [.fence([lease("r", 1)])])
        #expect(!machine.holds(lease("r", 1)))
    }

    @Test("rows that nothing works on are given back, again and again until the journal takes it")
    func strays() {
        var machine = member()
        _ = machine.handle(.claiming("r1"), at: .zero)
        _ = machine.handle(.claimFailed("r1"), at: .seconds(1))
        #expect(machine.handle(.tick, at: .seconds(1)).contains(.readOwned(a)))
        _ = machine.handle(.owned(a, [lease("r1", 1)]), at: .seconds(1))
        #expect(machine.owed == [lease("r1", 1)])
        #expect(machine.handle(.tick, at: .seconds(1)) == [.release([lease("r1", 1)])])
        _ = machine.handle(.releaseFailed, at: .seconds(1))
        #expect(!machine.handle(.tick, at: .milliseconds(1500)).contains(.release([lease("r1", 1)])))
        #expect(machine.handle(.tick, at: .seconds(2)).contains(.release([lease("r1", 1)])))
        _ = machine.handle(.released([lease("r1", 1)]), at: .seconds(2))
        #expect(machine.owed.isEmpty)
    }

    @Test("a row of a claim on its way, or of a run that ended a moment ago, is no stray")
    func noStrays() {
        var machine = member()
        _ = machine.handle(.claimed(lease("r2", 2)), at: .seconds(1))
        _ = machine.handle(.tick, at: .seconds(5))
        _ = machine.handle(.claiming("r1"), at: .seconds(5))
        _ = machine.handle(.finished(lease("r2", 2)), at: .seconds(5))
        _ = machine.handle(.owned(a, [lease("r1", 1), lease("r2", 2)]), at: .seconds(5))
        #expect(machine.owed.isEmpty)
    }

    @Test("work whose row belongs to somebody else is ended; work that began after the look is not")
    func lost() {
        var machine = member()
        _ = machine.handle(.claimed(lease("r1", 1)), at: .seconds(1))
        _ = machine.handle(.tick, at: .seconds(5))
        _ = machine.handle(.claimed(lease("r2", 2)), at: .seconds(5))
        #expect(machine.handle(.owned(a, []), at: .seconds(6)) == [.fence([lease("r1", 1)])])
        #expect(machine.holds(lease("r2", 2)))
    }

    /// Looks every second, from one time up to another.
    private func look(
        _ machine: inout OwnershipMachine, _ sights: [WorkerSight], from: Int, through: Int
    ) -> [(at: Int, actions: [OwnershipMachine.Action])] {
        (from...through).compactMap { second in
            if second.isMultiple(of: 5) {
                _ = machine.handle(.tick, at: .seconds(second))
                _ = machine.handle(.beaten(a, isKnown: true), at: .seconds(second))
            }
            let actions = machine.handle(.observed(sights), at: .seconds(second))
            return actions.isEmpty ? nil : (second, actions)
        }
    }

    @Test("a process that is gone is taken over from at once, a silent one after 15 s that were all read")
    func judging() {
        var machine = member()
        let gone = WorkerSight(b, beat: 3, .died)
        #expect(machine.handle(.observed([gone]), at: .zero) == [.takeOver([gone])])
        _ = machine.handle(.takenOver, at: .zero)
        let silent = WorkerSight(WorkerID("c"), beat: 7, .present)
        let found = look(&machine, [silent], from: 1, through: 20)
        #expect(found.map(\.at) == [16])
        #expect(found.first?.actions == [.takeOver([silent])])
    }

    @Test("after a failed read, a failed write or a pause of its own a worker judges nobody for 15 s")
    func judgingAfterTrouble() {
        let silent = WorkerSight(b, beat: 7, .present)
        for trouble in [OwnershipMachine.Event.observeFailed, .ownedFailed, .beatFailed, .writeFailed] {
            var machine = member()
            #expect(look(&machine, [silent], from: 1, through: 12).isEmpty)
            _ = machine.handle(trouble, at: .seconds(12))
            #expect(look(&machine, [silent], from: 13, through: 40).map(\.at) == [28], "\(trouble)")
        }
        var stopped = member()
        #expect(look(&stopped, [silent], from: 1, through: 8).isEmpty)
        _ = stopped.handle(.tick, at: .seconds(10))
        _ = stopped.handle(.beaten(a, isKnown: true), at: .seconds(10))
        #expect(look(&stopped, [silent], from: 14, through: 40).map(\.at) == [29])
    }

    @Test("pauses between takeovers without progress double up to a minute")
    func pauses() {
        #expect(
            (1...10).map { TakeoverPolicy.pause(afterTakeovers: $0) }
                == [0, 1, 2, 4, 8, 16, 32, 60, 60, 60].map { .seconds($0) })
    }

    @Test("a suspect holds others back for a minute at a time, and while it is tried")
    func quarantine() {
        var quarantine = Quarantine()
        #expect(!quarantine.holdsOthersBack(at: .seconds(100)))
        (quarantine.suspect, quarantine.since) = ("r", .seconds(100))
        let held = stride(from: 100, through: 260, by: 10).filter { quarantine.holdsOthersBack(at: .seconds($0)) }
        #expect(held == Array(stride(from: 110, to: 170, by: 10)) + Array(stride(from: 230, through: 260, by: 10)))
        quarantine.alone = "r"
        #expect(quarantine.holdsOthersBack(at: .seconds(175)))
    }

    @Test(
        "whatever stops and fails in whatever order, no run is lost, stranded or ended twice",
        .timeLimit(.minutes(5)))
    func exhaustive() {
        struct Visit: Hashable {
            let world: OwnershipWorld
            let faults: Int
            let passes: Int
        }
        var seen: Set<Visit> = []
        var violations: [String] = []
        var recovered = 0

        func explore(_ world: OwnershipWorld, _ path: [OwnershipWorld.Move], faults: Int, passes: Int) {
            guard violations.count < 5, seen.insert(Visit(world: world, faults: faults, passes: passes)).inserted else {
                return
            }
            var healed = world
            healed.recover()
            recovered += 1
            let found = world.violations + healed.violations
            if !found.isEmpty { return violations.append("\(path): \(found)") }
            for move in world.moves {
                if move.isFault, faults == 0 { continue }
                if move == .pass, passes == 0 { continue }
                var next = world
                next.make(move)
                explore(
                    next, path + [move], faults: faults - (move.isFault ? 1 : 0),
                    passes: passes - (move == .pass ? 1 : 0))
            }
        }

        // Once with many moments between few faults, once with many faults between few moments.
        explore(OwnershipWorld(), [], faults: 2, passes: 5)
        seen = []
        explore(OwnershipWorld(), [], faults: 3, passes: 2)
        #expect(violations == [])
        #expect(recovered > 30_000)
    }
}
