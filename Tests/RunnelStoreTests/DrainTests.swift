import RunnelEngine
import RunnelKit
import RunnelTesting
import Synchronization
import TestSupport
import Testing

@testable import RunnelStore

/// The events that a watcher of a run received.
private final class Updates: Sendable {
    private let updates = Mutex<[RunUpdate]>([])

    func add(_ update: RunUpdate) { updates.withLock { $0.append(update) } }

    var all: [RunUpdate] { updates.withLock(\.self) }

    func text(_ step: String) -> String {
        all.reduce(into: "") { if case .text(step, let text) = $1 { $0 += text } }
    }
}

@Suite("Workers that operators look at and drain", .timeLimit(.minutes(5))) struct DrainTests {
    private static let short = "name: p\nsteps: [ { id: s, uses: nap, with: { duration: 4s } } ]"

    @Test(
        "a drained worker stays drained in the journal, learns of it with its heartbeat, and hands it on to its next id",
        arguments: JournalKind.allCases)
    func durable(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, other) async throws -> Void in
            var a = workerRecord("a")
            a.version = "1.2.3"
            try await journal.join(a)
            try await journal.join(workerRecord("b"))
            #expect(try await other.operators.setWorker(WorkerID("none"), isDrained: true) == false)
            #expect(try await other.operators.setWorker(a.id, isDrained: true))
            let seen = try #require(try await journal.beat(a.id))
            #expect(seen.isDrained && seen.beat == 1 && seen.version == "1.2.3")
            #expect(try await journal.beat(WorkerID("b"))?.isDrained == false)
            // It was declared dead and joins again, as the same process.
            try await journal.join(workerRecord("c"), replacing: [a.id], at: 0)
            let workers = try await other.workers()
            #expect(Set(workers.filter(\.isDrained).map(\.id.text)) == ["c"])
            #expect(try await other.operators.setWorker(WorkerID("c"), isDrained: false))
            #expect(try await other.workers().contains(where: \.isDrained) == false)
        }
    }

    @Test("a heartbeat ends the silence of a worker", arguments: JournalKind.allCases)
    func silence(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, other) async throws -> Void in
            try await journal.join(workerRecord("a"))
            let clock = ContinuousClock()
            let begin = clock.now
            while try await other.workers().first?.silence ?? .zero < .milliseconds(20) { try await waitTurn() }
            let beaten = clock.now
            _ = try await journal.beat(WorkerID("a"))
            let silence = try #require(try await other.workers().first?.silence)
            #expect(silence <= clock.now - beaten + .milliseconds(10) && silence < clock.now - begin)
        }
    }

    @Test("a drained worker finishes its runs and leaves what it accepts to others", arguments: JournalKind.allCases)
    func draining(kind: JournalKind) async throws {
        try await kind.withTwo { (base, _) async throws -> Void in
            let (first, second) = (try await WorkerRig("a", on: base), try await WorkerRig("b", on: base))
            try await first.serve { () async throws -> Void in
                try await first.accept("own", "name: p\nsteps: [ { id: s, uses: nap, with: { duration: 8s } } ]")
                try await pass(.milliseconds(200), on: first)
                #expect(try await base.operators.setWorker(WorkerID("a"), isDrained: true))
                try await pass(.seconds(5), on: first)
                #expect(first.queue.isDrained)
                try await pass(.seconds(4), on: first)
                #expect(try await base.run("own")?.state == .succeeded)
                // It accepts, and works on nothing of it.
                try await first.accept("later", Self.short)
                try await pass(.seconds(10), on: first)
                #expect(try await base.run("later")?.state == .queued)
                try await second.serve { () async throws -> Void in
                    #expect(try await pass(until: .succeeded, of: "later", on: second, first))
                }
                try await first.accept("last", Self.short)
                #expect(try await base.operators.setWorker(WorkerID("a"), isDrained: false))
                #expect(try await pass(until: .succeeded, of: "last", on: first))
            }
            for line in [
                "this worker was drained by an operator: it finishes 1 run and claims no more",
                "this worker is drained: it has no runs left",
                "this worker is not drained any more: it claims runs again",
            ] {
                #expect(first.recorder.lines.count { $0.contains(line) } == 1, "\(line)")
            }
        }
    }

    @Test("a worker has a state, and is found by its host, process or id")
    func names() throws {
        func status(_ id: String, _ process: Int32, _ host: String = "web-1") -> WorkerStatus {
            var worker = WorkerRecord(id: WorkerID(id), processID: process, host: host, role: "serve", startedAt: 0)
            worker.silence = .seconds(1)
            return WorkerStatus(worker: worker)
        }
        var all = [status("0190aa-1", 7), status("0190aa-2", 8, "web-2"), status("0190bb-3", 9, "web-2")]
        #expect(try WorkerStatus.find("web-1", in: all).worker.id.text == "0190aa-1")
        #expect(try WorkerStatus.find("web-2/9", in: all).worker.id.text == "0190bb-3")
        #expect(try WorkerStatus.find("0190bb", in: all).worker.id.text == "0190bb-3")
        var error = #expect(throws: WorkerNameError.self) { try WorkerStatus.find("web-2", in: all) }
        #expect(error?.message == "2 workers are called \"web-2\"; name one of them: web-2/8, web-2/9")
        let twins = [status("0190cc-4", 1, "box"), status("0190cc-5", 1, "box")]
        error = #expect(throws: WorkerNameError.self) { try WorkerStatus.find("box", in: twins) }
        #expect(error?.message == "2 workers are called \"box\"; name one of them: 0190cc-4, 0190cc-5")
        error = #expect(throws: WorkerNameError.self) { try WorkerStatus.find("web-3", in: all) }
        #expect(error?.message == "there is no worker \"web-3\"; the workers are web-1/7, web-2/8, web-2/9")
        error = #expect(throws: WorkerNameError.self) { try WorkerStatus.find("web-3", in: []) }
        #expect(error?.message == "there is no worker \"web-3\"; no worker is running")
        // A command in the foreground and a process that was killed are not meant.
        var others = [status("0190cc-4", 10), status("0190cc-5", 11)]
        others[0].worker.role = "run"
        others[1].hasEnded = true
        #expect(try WorkerStatus.find("web-1", in: all + others).worker.id.text == "0190aa-1")
        #expect(try WorkerStatus.find("web-1/10", in: all + others).worker.id.text == "0190cc-4")
        #expect(all[0].state == .working)
        all[0].worker.isDrained = true
        #expect(all[0].state == .drained)
        all[0].leases = [Lease(runID: "r", worker: WorkerID("0190aa-1"), epoch: 3)]
        #expect(all[0].state == .draining)
        #expect(all[0].json["runs"] == [["run": "r", "epoch": 3]])
        all[0].worker.silence = .seconds(15)
        #expect(all[0].state == .silent)
        all[0].hasEnded = true
        #expect(all[0].state == .ended)
    }

    @Test("a clock that is off by more than two seconds is a problem, in words")
    func clock() {
        var worker = workerRecord("a")
        #expect(worker.clockProblem == nil)
        worker.clockLead = .milliseconds(-2000)
        #expect(worker.clockProblem == nil)
        worker.clockLead = .milliseconds(-2049)
        #expect(
            worker.clockProblem
                == "the clock of here is 2.0 s behind the database's, so schedules and pauses are off there; synchronise both (NTP)"
        )
        worker.clockLead = .milliseconds(61_500)
        #expect(worker.clockProblem?.hasPrefix("the clock of here is 61.5 s ahead of the database's") == true)
    }

    @Test("a process that does not work on a run follows its text and its end", arguments: JournalKind.allCases)
    func following(kind: JournalKind) async throws {
        try await kind.withTwo { (base, other) async throws -> Void in
            let rig = try await WorkerRig("a", on: base)
            let watching = try await WorkerRig("b", on: other)
            let seen = Updates()
            let yaml = """
                name: p
                steps:
                  - { id: one, uses: say, with: { texts: [Once, " upon", " a time"] } }
                  - { id: two, uses: nap }
                """
            try await rig.serve { () async throws -> Void in
                try await rig.accept("r", yaml)
                async let end = watching.runs.follow("r") { seen.add($0) }
                // What happened before the end is seen before the end.
                try await pass(.milliseconds(400), on: rig)
                while seen.text("one").isEmpty { try await waitTurn() }
                #expect(try await base.run("r")?.state == .running)
                #expect(try await pass(until: .succeeded, of: "r", on: rig))
                #expect(try await end == .succeeded(output: "r_two"))
            }
            #expect(seen.text("one") == "Once upon a time")
            #expect(
                seen.all.filter { if case .text = $0 { false } else { true } } == [
                    .stepStarted(step: "one"), .stepEnded(step: "one"), .stepStarted(step: "two"),
                    .stepEnded(step: "two"),
                ])
            // One that comes later sees the same, once.
            let again = Updates()
            _ = try await watching.runs.follow("r") { again.add($0) }
            #expect(again.all == seen.all)
            // And so does the process that worked on it.
            let own = Updates()
            _ = try await rig.runs.follow("r") { own.add($0) }
            #expect(own.text("one") == "Once upon a time")
            #expect(own.all.count { if case .stepStarted = $0 { true } else { false } } == 2)
        }
    }

    @Test("a run is cancelled through another process than the one that works on it", arguments: JournalKind.allCases)
    func cancelling(kind: JournalKind) async throws {
        try await kind.withTwo { (base, other) async throws -> Void in
            let (rig, second) = (try await WorkerRig("a", on: base), try await WorkerRig("b", on: other))
            try await rig.serve { () async throws -> Void in
                try await rig.accept("r", "name: p\nsteps: [ { id: s, uses: nap, with: { duration: 1h } } ]")
                #expect(try await pass(until: .running, of: "r", on: rig))
                #expect(try await second.runs.cancel("r") == .requested)
                #expect(try await pass(until: .cancelled, of: "r", on: rig))
                #expect(try await second.runs.follow("r") { _ in } == .cancelled)
            }
        }
    }
}
