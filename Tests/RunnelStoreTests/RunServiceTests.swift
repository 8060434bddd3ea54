import RunnelKit
import RunnelTesting
import Synchronization
import TestSupport
import Testing

@testable import RunnelEngine

/// What an observer was told.
private final class Seen: RunObserver {
    private struct State {
        var events: [RunEvent] = []
        var notices: [RunNotice] = []
        var results: [RunResult] = []
    }

    private let state = Mutex(State())

    func report(_ event: RunEvent) async { state.withLock { $0.events.append(event) } }
    func report(_ notice: RunNotice) async { state.withLock { $0.notices.append(notice) } }
    func finish(_ result: RunResult) async { state.withLock { $0.results.append(result) } }

    var names: [RunEvent.Name] { state.withLock { $0.events.map(\.name) } }
    var notices: [RunNotice] { state.withLock(\.notices) }
    var states: [String] { state.withLock { $0.results.map(\.outcome.state) } }
}

private func with<Subject>(_ subject: Subject, _ change: (inout Subject) -> Void) -> Subject {
    var copy = subject
    change(&copy)
    return copy
}

@Suite("Starting runs", .timeLimit(.minutes(5))) struct RunServiceTests {
    private static let three = """
        name: p
        steps: [ { id: one, uses: effect }, { id: two, uses: effect }, { id: three, uses: effect } ]
        """

    /// Performs a run of the pipeline to its end.
    private func perform(
        _ pipeline: Pipeline, on rig: WorkerRig, trigger: Value = ["type": "manual"], _ seen: Seen = Seen()
    ) async throws -> (run: NewRun, result: DriveResult?) {
        let service = RunService(worker: rig.worker)
        let run = service.makeRun(RunRequest(id: service.makeID(), trigger: trigger), of: pipeline)
        let result = try await rig.worker.withSession { try await service.perform(run, observer: seen) }
        return (run, result)
    }

    @Test("a run that is performed is kept, and its observer sees it to its end", arguments: JournalKind.allCases)
    func performing(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, other) async throws -> Void in
            let rig = try await WorkerRig("a", on: journal)
            let seen = Seen()
            let (run, result) = try await perform(try rig.pipeline(Self.three), on: rig, seen)
            guard case .ended(let ended)? = result, case .succeeded(let output) = ended.outcome else {
                Issue.record("it came to \(String(describing: result))")
                return
            }
            #expect(output == .string(run.id + "_three"))
            #expect(seen.names.first == .runStarted)
            #expect(seen.names.last == .runFinished)
            #expect(seen.names.count { $0 == .stepSucceeded } == 3)
            #expect(seen.states == ["succeeded"])
            let kept = try #require(await other.run(run.id))
            #expect(kept.state == .succeeded)
            #expect(try await other.definition(kept.definition)?.text == Self.three)
            #expect(try await other.definition(kept.definition)?.file == "p.yaml")
        }
    }

    @Test(
        "a run whose pipeline this process holds begins without reading it from the journal",
        arguments: JournalKind.allCases)
    func holding(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, _) async throws -> Void in
            let rig = try await WorkerRig("a", on: journal)
            rig.journal.faults.set { $0.definitions = FaultyJournal.full }
            let pipeline = try rig.pipeline(Self.three)
            let (_, result) = try await perform(pipeline, on: rig)
            guard case .ended(let ended)? = result else { Issue.record("it did not end"); return }
            #expect(ended.outcome.state == "succeeded")
            // One that has to be claimed first, too.
            let limited = try rig.pipeline("concurrency: { limit: 1 }\n" + Self.three)
            let second = try await WorkerRig("b", on: journal)
            second.journal.faults.set { $0.definitions = FaultyJournal.full }
            try await second.serve { () async throws -> Void in
                let run = second.runs.makeRun(RunRequest(id: "limited"), of: limited)
                #expect(try await second.runs.start(run) == .accepted)
                #expect(try await pass(until: .succeeded, of: "limited", on: second))
            }
        }
    }

    @Test("secrets are taken out of what is kept of a run, and its steps get them", arguments: JournalKind.allCases)
    func secrets(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, other) async throws -> Void in
            let rig = try await WorkerRig("a", on: journal, secrets: ["key": "hunter2hunter2"])
            let yaml = "name: p\nsteps: [ { id: one, uses: effect, with: { text: '{{ trigger.text }}' } } ]"
            let (run, result) = try await perform(
                try rig.pipeline(yaml), on: rig, trigger: ["type": "manual", "text": "it is hunter2hunter2"])
            guard case .ended(let ended)? = result else { Issue.record("it did not end"); return }
            #expect(ended.outputs["one"] == "it is hunter2hunter2")
            let kept = try #require(await other.run(run.id))
            #expect(kept.trigger["text"]?.asString?.contains("hunter2") == false)
            #expect(kept.trigger["text"]?.asString?.hasPrefix("it is ") == true)
        }
    }

    @Test(
        "a retry from a step has the steps before it from the moment at which it is accepted",
        arguments: JournalKind.allCases)
    func retryFrom(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, other) async throws -> Void in
            let log = EffectLog()
            let first = try await WorkerRig("a", on: journal, log: log)
            let pipeline = try first.pipeline(Self.three)
            let (old, _) = try await perform(pipeline, on: first)
            let record = try #require(await journal.run(old.id))
            let service = RunService(worker: first.worker)
            let retry = try await service.makeRetry(of: record, with: pipeline, from: "three")
            // The process that accepts the run writes nothing any more from here on, as if it were killed.
            first.journal.faults.set { $0.commits = FaultyJournal.full }
            #expect(try await service.start(retry) == .accepted)
            let kept = try await other.steps(of: retry.id)
            #expect(kept.map(\.key.description) == ["one", "two"])
            #expect(kept.map(\.state) == [.succeeded, .succeeded])
            #expect(kept.map(\.output) == [.string(old.id + "_one"), .string(old.id + "_two")])
            #expect(try await other.run(retry.id)?.retryOf == old.id)
            let second = try await WorkerRig("b", on: other, log: log)
            try await second.serve { () async throws -> Void in
                #expect(try await pass(until: .succeeded, of: retry.id, on: second))
            }
            #expect(log.count(retry.id + "_one") == 0)
            #expect(log.count(retry.id + "_two") == 0)
            #expect(log.count(retry.id + "_three") == 1)
        }
    }

    @Test(
        "a retry from a step that is worked on by who accepts it takes the steps over in the same write",
        arguments: JournalKind.allCases)
    func retryOwned(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, other) async throws -> Void in
            let rig = try await WorkerRig("a", on: journal)
            let pipeline = try rig.pipeline(Self.three)
            let (old, _) = try await perform(pipeline, on: try await WorkerRig("b", on: other))
            let record = try #require(await journal.run(old.id))
            let service = RunService(worker: rig.worker)
            let retry = try await service.makeRetry(of: record, with: pipeline, from: "two")
            rig.journal.faults.set { $0.commits = FaultyJournal.full }
            let result = try await rig.worker.withSession { try await service.perform(retry, observer: Seen()) }
            guard case .broken(let error)? = result else {
                Issue.record("it came to \(String(describing: result))"); return
            }
            #expect(error.code == .full)
            #expect(try await other.steps(of: retry.id).map(\.key.description) == ["one"])
            #expect(rig.log.count(retry.id + "_one") == 0)
            #expect(rig.log.count(retry.id + "_two") == 0)
        }
    }

    @Test("a retry from a step waits for its turn, with the steps that it takes over", arguments: JournalKind.allCases)
    func retryInTurn(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, other) async throws -> Void in
            let rig = try await WorkerRig("a", on: journal)
            let pipeline = try rig.pipeline("concurrency: { limit: 1 }\n" + Self.three)
            let (old, _) = try await perform(pipeline, on: try await WorkerRig("b", on: other))
            let record = try #require(await journal.run(old.id))
            let holder = workerRecord("holder")
            try await other.join(holder)
            _ = try await other.accept(newRun("0", pipeline: "p", owner: holder), memory: nil)
            let service = RunService(worker: rig.worker)
            let retry = try await service.makeRetry(of: record, with: pipeline, from: "two")
            let seen = Seen()
            let working = Task(executorPreference: rig.executor) {
                try await rig.worker.withSession { try await service.perform(retry, observer: seen) }
            }
            while seen.notices.isEmpty { try await waitTurn() }
            #expect(seen.notices == [.waitingForTurn(pipeline: "p")])
            #expect(try await other.steps(of: retry.id).map(\.key.description) == ["one"])
            let end = RunCommit.End(state: .succeeded, time: 1)
            try await other.commit(RunCommit(lease: other.lease("0"), end: end), .durable)
            while seen.states.isEmpty { try await pass(.milliseconds(200), on: rig) }
            #expect(seen.states == ["succeeded"])
            _ = try await working.value
            #expect(rig.log.count(retry.id + "_one") == 0)
            #expect(rig.log.count(retry.id + "_two") == 1)
        }
    }

    @Test("a retry finds what its run was started for where the trigger has put it", arguments: JournalKind.allCases)
    func retryAtNewPlace(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, other) async throws -> Void in
            let rig = try await WorkerRig("a", on: journal)
            let pipeline = try rig.pipeline(
                "name: p\ninputs: { tone: { default: kind }, size: { type: integer, default: 1 } }\nsteps: [ { uses: effect } ]"
            )
            let (old, _) = try await perform(
                pipeline, on: rig, trigger: ["type": "watch", "path": "in/a", "name": "a"])
            let source: Value = ["payload": ["path": "failed/a"], "input": "failed/a", "state": ["place": "failed/a"]]
            try await other.relocate(old.id, to: source, isDue: false)
            var record = try #require(await journal.run(old.id))
            record.inputs = ["tone": "warm", "size": 1]
            let service = RunService(worker: rig.worker)
            let changes = try pipeline.changedInputs([("size", "2")])
            let retry = try await service.makeRetry(of: record, with: pipeline, changing: changes)
            #expect(try await service.start(retry) == .accepted)
            let kept = try #require(await other.run(retry.id))
            #expect(kept.trigger == ["type": "watch", "path": "failed/a", "name": "a"])
            #expect(kept.input == "failed/a")
            #expect(kept.inputs == ["tone": "warm", "size": 2])
            #expect(kept.source == source)
            // It is due when the run has ended, also when that is by a cancellation.
            _ = try await other.requestCancel(retry.id, at: 1)
            #expect(try await other.endedRetries(after: "", limit: 1) == [retry.id])
        }
    }

    @Test("a retry has the defaults of inputs that its pipeline has got since", arguments: JournalKind.allCases)
    func retryWithNewInputs(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, other) async throws -> Void in
            let rig = try await WorkerRig("a", on: journal)
            let before = try rig.pipeline("name: p\ninputs: { tone: { default: kind } }\nsteps: [ { uses: effect } ]")
            let (old, _) = try await perform(before, on: rig)
            var record = try #require(await journal.run(old.id))
            // Before, `mood` had no default and was not given, and `gone` was declared.
            record.inputs = ["tone": "warm", "mood": .null, "gone": 1]
            let now = try rig.pipeline(
                """
                name: p
                inputs:
                  tone: { type: string }
                  size: { type: integer, default: 3 }
                  note: { type: string, required: false }
                  to: { type: string, default: all }
                  mood: { type: string, default: good }
                steps: [ { uses: effect } ]
                """)
            let service = RunService(worker: rig.worker)
            let retry = try await service.makeRetry(of: record, with: now, changing: ["to": "you"])
            #expect(try await service.start(retry) == .accepted)
            let kept = try #require(await other.run(retry.id))
            #expect(
                kept.inputs
                    == ["tone": "warm", "mood": "good", "gone": 1, "to": "you", "size": 3, "note": .null])
        }
    }

    @Test(
        "a retry whose inputs do not match the current pipeline is refused, unless the pipeline is unchanged",
        arguments: [
            ("tone: { type: integer }", nil, #"the input "tone" is required, and the run has no value for it"#),
            ("tone: { type: integer }", .null, #"the input "tone" is required, and the run has no value for it"#),
            ("tone: { type: integer }", "warm", #"the input "tone": expected a whole number, found "warm""#),
            ("tone: { type: list }", 5, #"the input "tone": expected a list in JSON, found 5"#),
            (
                "tone: { type: string, enum: [kind, warm] }", "wram",
                #"the input "tone": "wram" is not one of "kind", "warm"; did you mean "warm"?"#
            ),
        ] as [(String, Value?, String)])
    func retryWithWrongInputs(declaration: String, value: Value?, words: String) async throws {
        let rig = try await WorkerRig("a", on: MemoryJournal())
        let steps = "steps: [ { id: one, uses: effect }, { id: two, uses: effect } ]"
        let pipeline = try rig.pipeline("name: p\ninputs: { \(declaration) }\n" + steps)
        var old = newRun("r1")
        (old.state, old.inputs) = (.failed, [:])
        old.inputs["tone"] = value
        for step in [nil, "two"] {
            do throws(RetryError) {
                _ = try await rig.runs.makeRetry(of: old, with: pipeline, from: step)
                Issue.record("it is repeated")
            } catch {
                guard case .badInput("tone", let said) = error else { throw error }
                #expect(said == words)
            }
        }
        old.definition = pipeline.definition
        #expect(try await rig.runs.makeRetry(of: old, with: pipeline).record.inputs == old.inputs)
    }

    @Test("a retry reads old values as a manual run does")
    func retryWithOtherTypes() async throws {
        let rig = try await WorkerRig("a", on: MemoryJournal())
        let pipeline = try rig.pipeline(
            """
            name: p
            inputs: { a: { type: integer }, b: { type: string }, c: { type: boolean }, d: { type: integer } }
            steps: [ { uses: effect } ]
            """)
        var old = newRun("r1")
        (old.state, old.inputs) = (.failed, ["a": "7", "b": 8, "c": "true", "d": .double(5)])
        let inputs = try await rig.runs.makeRetry(of: old, with: pipeline).record.inputs
        #expect(inputs == ["a": 7, "b": "8", "c": true, "d": 5])
        #expect(inputs["d"]?.json() == "5")
    }

    @Test("the stored secrets of a retry's inputs are read with their values, and neither stored nor shown")
    func retryWithSecretInputs() async throws {
        let rig = try await WorkerRig(
            "a", on: MemoryJournal(), secrets: ["key": "hunter2hunter2", "pin": "12345678"])
        let seal = rig.worker.runner.seal
        var old = newRun("r1")
        old.state = .failed
        old.inputs = [
            "key": seal.seal("hunter2hunter2"), "pin": seal.seal(12_345_678),
            "gone": SecretSeal(secrets: ["gone": "a-former-secret"]).seal("a-former-secret"),
        ]
        let pipeline = try rig.pipeline(
            """
            name: p
            inputs:
              key: { type: string, enum: [hunter2hunter2, other] }
              pin: { type: integer }
              gone: { type: string }
              copy: { type: string, default: hunter2hunter2 }
            steps: [ { uses: effect } ]
            """)
        let retry = try await rig.runs.makeRetry(of: old, with: pipeline)
        // A secret that this process does not know keeps its reference.
        #expect(retry.record.inputs == with(old.inputs) { $0["copy"] = seal.seal("hunter2hunter2") })
        #expect(!Value.object(retry.record.inputs).json().contains("hunter2"))
        let narrow = try rig.pipeline("name: p\ninputs: { key: { type: integer } }\nsteps: [ { uses: effect } ]")
        old.inputs["key"] = seal.seal(.string(String(repeating: "x", count: 50) + "hunter2hunter2"))
        do throws(RetryError) {
            _ = try await rig.runs.makeRetry(of: old, with: narrow)
            Issue.record("it is repeated")
        } catch {
            guard case .badInput("key", let words) = error else { throw error }
            let shown = String(repeating: "x", count: 50) + "***"
            #expect(words == "the input \"key\": expected a whole number, found \"\(shown)\"")
        }
    }

    @Test(
        "a run is not retried where a value that it needs holds a secret that has no value any more",
        arguments: [
            ("{{ inputs.key }}", "`inputs.key`"), ("{{ trigger.headers.key }}", "`trigger.headers.key`"),
            ("{{ trigger }}", "`trigger`"), ("{{ trigger.type }} {{ inputs.other }}", nil),
        ] as [(String, String?)])
    func lostSecret(template: String, place: String?) async throws {
        let rig = try await WorkerRig("a", on: MemoryJournal(), secrets: ["key2": "hunter2hunter2"])
        let lost = SecretSeal(secrets: ["key": "hunter2hunter2"]).seal("hunter2hunter2")
        let pipeline = try rig.pipeline(
            "name: p\ninputs: { key: { type: string }, other: { type: string } }\n"
                + "steps: [ { uses: effect, with: { text: \"\(template)\" } } ]")
        var old = newRun("r1")
        (old.state, old.definition) = (.failed, pipeline.definition)
        old.inputs = ["key": .string(lost), "other": "x"]
        old.trigger = ["type": "manual", "headers": ["key": .string(lost)]]
        do throws(RetryError) {
            _ = try await rig.runs.makeRetry(of: old, with: pipeline)
            #expect(place == nil)
        } catch {
            guard case .secretUnavailable(let secret) = error else { throw error }
            #expect(secret.problem == "\(place ?? "") holds the secret \"key\", which has no value any more")
        }
    }

    @Test("a retry whose trigger cannot handle its end does not block the others", arguments: JournalKind.allCases)
    func stuckRetries(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, other) async throws -> Void in
            let rig = try await WorkerRig("a", on: journal)
            for number in 0...200 {
                var run = newRun("r\(1000 + number)")
                (run.trigger, run.retryOf) = (["type": "remember"], "r")
                let payload: Value = number < 200 ? ["fails": "permission denied"] : [:]
                run.source = ["payload": payload, "input": "a", "state": [:]]
                _ = try await journal.accept(run, memory: nil)
                _ = try await journal.requestCancel(run.id, at: 1)
            }
            await rig.runs.settleRetries()
            let due = try await other.endedRetries(after: "", limit: 1000)
            #expect(due.count == 200)
            #expect(due.last == "r1199")
        }
    }

    @Test(
        "only the machine that has the files of a retry handles its end",
        arguments: JournalKind.allCases.filter { $0 != .sqlite })
    func otherMachine(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, other) async throws -> Void in
            let rig = try await WorkerRig("a", on: journal)
            for (id, host) in [("r1", rig.worker.host), ("r2", "other"), ("r3", rig.worker.host)] {
                var run = newRun(id)
                (run.trigger, run.retryOf, run.host) = (["type": "remember"], "r", host)
                run.source = ["payload": [:], "input": "a", "state": [:]]
                _ = try await journal.accept(run, memory: nil)
                _ = try await journal.requestCancel(id, at: 1)
            }
            await rig.runs.settleRetries()
            #expect(try await other.endedRetries(after: "", limit: 9) == ["r2"])
        }
    }

    @Test("if a retry's source cannot be accessed, the error gives the reason and does not call the source gone")
    func unreadableSource() async throws {
        let rig = try await WorkerRig("a", on: MemoryJournal())
        let pipeline = try rig.pipeline("name: p\nsteps: [ { uses: effect } ]")
        var old = newRun("r1")
        (old.state, old.trigger) = (.failed, ["type": "remember"])
        old.source = ["payload": ["fails": "cannot look for \"failed/a\": permission denied"], "input": "failed/a"]
        do throws(RetryError) {
            _ = try await rig.runs.makeRetry(of: old, with: pipeline)
            Issue.record("it is repeated")
        } catch {
            guard case .sourceUnreadable(let words) = error else { throw error }
            #expect(words == "cannot look for \"failed/a\": permission denied")
        }
    }

    @Test(
        "accepting a run also stores its pipeline, even after an earlier write failed",
        arguments: JournalKind.allCases)
    func keeping(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, other) async throws -> Void in
            let rig = try await WorkerRig("a", on: journal)
            let pipeline = try rig.pipeline(Self.three)
            rig.journal.faults.set { $0.writes = FaultyJournal.full }
            await #expect(throws: TriggerRefusal.self) {
                try await rig.runs.start(rig.runs.makeRun(RunRequest(id: "r"), of: pipeline))
            }
            #expect(try await other.definition(pipeline.definition) == nil)
            rig.journal.faults.set { $0.writes = nil }
            let run = rig.runs.makeRun(RunRequest(id: "s"), of: pipeline)
            #expect(try await rig.runs.start(run) == .accepted)
            #expect(try await other.definition(pipeline.definition)?.text == Self.three)
        }
    }

    @Test("a process without a worker cancels a run", arguments: JournalKind.allCases)
    func cancelling(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, other) async throws -> Void in
            let rig = try await WorkerRig("a", on: journal)
            let pipeline = try rig.pipeline("name: p\nsteps: [ { uses: effect } ]")
            let service = RunService(worker: rig.worker)
            let run = service.makeRun(RunRequest(id: service.makeID(), trigger: ["type": "manual"]), of: pipeline)
            #expect(try await service.start(run) == .accepted)
            #expect(try await RunService.cancel(run.id, in: other) == .cancelled)
            #expect(try await RunService.cancel(run.id, in: other) == .ended(.cancelled))
            #expect(try await RunService.cancel("none", in: other) == .missing)
        }
    }

    @Test("inputs that do not fit are refused when they are changed")
    func changedInputs() async throws {
        let rig = try await WorkerRig("a", on: MemoryJournal())
        let pipeline = try rig.pipeline(
            "name: p\ninputs: { size: { type: integer, default: 1 } }\nsteps: [ { uses: effect } ]")
        let wrong = #expect(throws: InputError.self) { try pipeline.changedInputs([("size", "x")]) }
        #expect(wrong?.message == #"the input "size": expected a whole number, found "x""#)
        let unknown = #expect(throws: InputError.self) { try pipeline.changedInputs([("sise", "1")]) }
        #expect(unknown?.message == #"the pipeline "p" has no input "sise"; did you mean "size"?"#)
    }

    @Test("what cannot be retried says why", arguments: JournalKind.allCases)
    func retryErrors(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, _) async throws -> Void in
            let rig = try await WorkerRig("a", on: journal)
            let pipeline = try rig.pipeline(
                "name: p\nsteps: [ { id: one, uses: effect, with: { fails: true } }, { id: two, uses: effect } ]")
            let (old, _) = try await perform(pipeline, on: rig)
            let record = try #require(await journal.run(old.id))
            let service = RunService(worker: rig.worker)
            var error = await #expect(throws: RetryError.self) {
                try await service.makeRetry(of: record, with: pipeline, from: "tow")
            }
            guard case .noSuchStep("tow", known: ["one", "two"]) = error else {
                Issue.record("it was \(String(describing: error))")
                return
            }
            // A failed step is a result only where its failure is let pass.
            error = await #expect(throws: RetryError.self) {
                try await service.makeRetry(of: record, with: pipeline, from: "two")
            }
            guard case .noResult(step: "one") = error else {
                Issue.record("it was \(String(describing: error))")
                return
            }
            let lenient = try rig.pipeline(
                "name: p\nsteps: [ { id: one, uses: effect, on_error: continue }, { id: two, uses: effect } ]")
            #expect(try await service.makeRetry(of: record, with: lenient, from: "two").steps.count == 1)
            let longer = try rig.pipeline("name: p\nsteps: [ { id: zero, uses: effect }, { id: one, uses: effect } ]")
            error = await #expect(throws: RetryError.self) {
                try await service.makeRetry(of: record, with: longer, from: "one")
            }
            guard case .noResult(step: "zero") = error else {
                Issue.record("it was \(String(describing: error))")
                return
            }
            // One item of a `for_each` that was cancelled is no result of it.
            let items = try rig.pipeline(
                "name: p\nsteps: [ { id: all, for_each: [1, 2], uses: effect }, { id: two, uses: effect } ]")
            let cancelled = with(newRun("items")) { $0.state = .cancelled }
            _ = try await journal.accept(
                cancelled, steps: [step("all", .cancelled), step("all[0]", output: "done")], memory: nil)
            error = await #expect(throws: RetryError.self) {
                try await service.makeRetry(of: cancelled, with: items, from: "two")
            }
            guard case .noResult(step: "all") = error else {
                Issue.record("it was \(String(describing: error))")
                return
            }
            let running = with(record) { $0.state = .waiting }
            error = await #expect(throws: RetryError.self) {
                try await service.makeRetry(of: running, with: pipeline)
            }
            guard case .notEnded = error else {
                Issue.record("it was \(String(describing: error))")
                return
            }
        }
    }

    @Test("a run that finds its pipeline full does what `overlap` says, and says so", arguments: JournalKind.allCases)
    func overlap(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, other) async throws -> Void in
            let rig = try await WorkerRig("a", on: journal)
            let yaml = "concurrency: { limit: 1, overlap: skip }\n" + Self.three
            let holder = workerRecord("holder")
            try await other.join(holder)
            _ = try await other.accept(newRun("0", pipeline: "p", owner: holder), memory: nil)
            let seen = Seen()
            let (run, result) = try await perform(try rig.pipeline(yaml), on: rig, seen)
            #expect(result == nil)
            #expect(seen.notices == [.skipped(pipeline: "p")])
            let kept = try #require(await other.run(run.id))
            #expect(kept.state == .skipped)
            #expect(kept.startedAt == nil)
            #expect(kept.took(now: 0) == nil)
            #expect(try await rig.runs.follow(run.id) { _ in } == .skipped)
            #expect(rig.log.count(run.id + "_one") == 0)
        }
    }

    @Test("`overlap: skip` skips a whole burst while another run is running", arguments: JournalKind.allCases)
    func skippingBurst(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, other) async throws -> Void in
            let rig = try await WorkerRig("a", on: journal)
            let yaml = """
                name: p
                concurrency: { limit: 1, overlap: skip }
                steps: [ { id: s, uses: nap, with: { duration: 4s } } ]
                """
            try await rig.serve { () async throws -> Void in
                try await rig.accept("run 00", yaml)
                #expect(try await pass(until: .running, of: "run 00", on: rig))
                for number in 10..<40 { try await rig.accept("run \(number)", yaml) }
                // Of another version, which is looked at by itself.
                try await rig.accept("run 40", yaml + "\n# edited")
                try await rig.accept("other", Self.three.replacing("name: p", with: "name: other"))
                #expect(try await pass(until: .skipped, of: "run 40", within: .zero, on: rig))
                let skipped = try await other.runs(RunFilter(states: [.skipped]))
                #expect(skipped.count == 31)
                #expect(skipped.allSatisfy { $0.startedAt == nil })
                #expect(try await pass(until: .succeeded, of: "run 00", on: rig))
                #expect(try await pass(until: .succeeded, of: "other", on: rig))
                try await rig.accept("run 50", yaml)
                #expect(try await pass(until: .running, of: "run 50", within: .zero, on: rig))
            }
        }
    }

    @Test(
        "a run that another process skips is reported as skipped by the one that waits for it",
        arguments: JournalKind.allCases)
    func skippedElsewhere(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, other) async throws -> Void in
            let rig = try await WorkerRig("a", on: journal)
            let pipeline = try rig.pipeline("concurrency: { limit: 1 }\n" + Self.three)
            let holder = workerRecord("holder")
            try await other.join(holder)
            _ = try await other.accept(newRun("0", pipeline: "p", owner: holder), memory: nil)
            let service = RunService(worker: rig.worker)
            let run = service.makeRun(RunRequest(id: service.makeID()), of: pipeline)
            let seen = Seen()
            let working = Task(executorPreference: rig.executor) {
                try await rig.worker.withSession { try await service.perform(run, observer: seen) }
            }
            while seen.notices.isEmpty { try await waitTurn() }
            #expect(try await other.skipQueued(like: run.record, limit: 1, at: 1) == [run.id])
            while seen.notices.count < 2 { try await pass(.milliseconds(200), on: rig) }
            #expect(seen.notices == [.waitingForTurn(pipeline: "p"), .skipped(pipeline: "p")])
            #expect(try await working.value == nil)
        }
    }

    @Test(
        "`overlap: cancel` cancels the oldest runs that have begun, and as many as are needed",
        arguments: JournalKind.allCases)
    func overlapCancel(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, other) async throws -> Void in
            let rig = try await WorkerRig("a", on: journal)
            let holder = workerRecord("holder")
            try await other.join(holder)
            for id in ["0", "1", "2"] {
                _ = try await other.accept(newRun(id, pipeline: "p", owner: holder), memory: nil)
            }
            // It waits for more events, and holds no place.
            var folding = newRun("00", pipeline: "p")
            (folding.state, folding.wakeAt) = (.waiting, 1 << 60)
            _ = try await other.accept(folding, memory: nil)
            var concurrency = ConcurrencyDeclaration()
            (concurrency.limit, concurrency.overlap) = (PositiveCount(3), .cancel)
            let newest = newRun("4", pipeline: "p")
            #expect(try await rig.worker.giveWay(newest, concurrency) == .cancels(["0"]))
            #expect(try await rig.worker.giveWay(newest, concurrency) == .cancels([]))
            #expect(try await other.cancelRequests(for: holder.id).map(\.runID) == ["0"])
            #expect(try await other.run("00")?.state == .waiting)
            // A place is free: it became so after the run had found none.
            concurrency.limit = PositiveCount(4)
            #expect(try await rig.worker.giveWay(newest, concurrency) == .cancels([]))
            concurrency.limit = PositiveCount(2)
            #expect(try await rig.worker.giveWay(newest, concurrency) == .cancels(["1"]))
            // An interrupted run has a place until it has ended, and one that is ending is waited for.
            #expect(try await other.release([other.lease("2")], .stopped) == ["2"])
            #expect(try await rig.worker.giveWay(newest, concurrency) == .cancels([]))
            concurrency.limit = PositiveCount(1)
            #expect(try await rig.worker.giveWay(newest, concurrency) == .cancels([]))
        }
    }

    @Test(
        "`overlap: cancel` compares runs by when they were accepted, whatever their ids",
        arguments: JournalKind.allCases)
    func overlapCancelOrder(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, other) async throws -> Void in
            let rig = try await WorkerRig("a", on: journal)
            let holder = workerRecord("holder")
            try await other.join(holder)
            _ = try await other.accept(newRun("5", owner: holder, createdAt: 5), memory: nil)
            var concurrency = ConcurrencyDeclaration()
            concurrency.overlap = .cancel
            #expect(try await rig.worker.giveWay(newRun("9", createdAt: 4), concurrency) == .cancels([]))
            #expect(try await rig.worker.giveWay(newRun("1", createdAt: 6), concurrency) == .cancels(["5"]))
        }
    }

    @Test(
        "with `overlap: cancel`, a running run makes way for the newest one, also if an older one is queued first",
        arguments: JournalKind.allCases)
    func overlapCancelPriority(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, _) async throws -> Void in
            let rig = try await WorkerRig("a", on: journal)
            let yaml = """
                name: p
                concurrency: { limit: 1, overlap: cancel }
                steps: [ { id: s, uses: nap, with: { duration: 25s } } ]
                finally: [ { id: f, uses: nap, with: { duration: 2s } } ]
                """
            try await rig.serve { () async throws -> Void in
                try await rig.enqueue("1", yaml)
                #expect(try await pass(until: .running, of: "1", on: rig))
                try await rig.enqueue("2", yaml, waitingFor: .seconds(-1))
                try await rig.enqueue("3", "priority: 10\n" + yaml, waitingFor: .seconds(-2))
                #expect(try await pass(until: .running, of: "3", within: .seconds(5), on: rig))
                #expect(try await journal.run("2")?.state == .queued)
                try await rig.enqueue("4", yaml, waitingFor: .seconds(-6))
                #expect(try await pass(until: .cancelled, of: "3", within: .seconds(5), on: rig))
                // The older one was accepted, so it begins, and makes way for the newest one, too.
                #expect(try await pass(until: .cancelled, of: "2", within: .seconds(5), on: rig))
                #expect(try await pass(until: .succeeded, of: "4", within: .seconds(30), on: rig))
            }
        }
    }

    @Test(
        "a run that is started where nothing works on the queue is left to whoever does",
        arguments: JournalKind.allCases)
    func leaving(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, other) async throws -> Void in
            let first = try await WorkerRig("a", on: journal)
            let service = RunService(worker: first.worker)
            let pipeline = try first.pipeline(Self.three)
            let run = service.makeRun(RunRequest(id: "r"), of: pipeline, dedupeKey: "event")
            #expect(try await service.start(run) == .accepted)
            let again = service.makeRun(RunRequest(id: "s"), of: pipeline, dedupeKey: "event")
            #expect(try await service.start(again) == .duplicate(runID: "r"))
            let second = try await WorkerRig("b", on: other)
            try await second.serve { () async throws -> Void in
                #expect(try await pass(until: .succeeded, of: "r", on: second))
                #expect(try await second.runs.follow("r") { _ in } == .succeeded(output: "r_three"))
            }
            do {
                _ = try await second.runs.follow("none") { _ in }
                Issue.record("there is a run that nobody has started")
            } catch let error as StepError {
                #expect(error.has(.noSuchRun))
                #expect(error.message == "there is no run \"none\"")
            }
        }
    }

    @Test(
        "a run is resumed only if the limits of its pipeline and of all processes allow it",
        arguments: JournalKind.allCases)
    func resumingWithinLimits(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, other) async throws -> Void in
            let rig = try await WorkerRig("a", on: journal)
            try await rig.enqueue("r", "concurrency: { limit: 1 }\n" + Self.three)
            let holder = workerRecord("holder")
            try await other.join(holder)
            _ = try await other.accept(newRun("0", pipeline: "p", owner: holder), memory: nil)
            let limited = RunService(worker: rig.worker)
            let total = RunService(worker: rig.worker, total: 1)
            try await rig.worker.withSession { () async throws -> Void in
                guard case .refused(.busy) = try await limited.resume("r", observer: Seen()) else {
                    Issue.record("it was not refused"); return
                }
                guard case .refused(.full) = try await total.resume("r", observer: Seen()) else {
                    Issue.record("it was not refused"); return
                }
                let end = RunCommit.End(state: .succeeded, time: 1)
                try await other.commit(RunCommit(lease: other.lease("0"), end: end), .durable)
                guard case .performed(.ended) = try await total.resume("r", observer: Seen()) else {
                    Issue.record("it was not performed"); return
                }
            }
            #expect(rig.log.count("r_three") == 1)
        }
    }

    @Test("a run that is performed waits while `runs.total` is reached, and says so", arguments: JournalKind.allCases)
    func performingWithinTotal(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, other) async throws -> Void in
            let rig = try await WorkerRig("a", on: journal)
            let pipeline = try rig.pipeline(Self.three)
            let holder = workerRecord("holder")
            try await other.join(holder)
            _ = try await other.accept(newRun("0", pipeline: "another", owner: holder), memory: nil)
            let service = RunService(worker: rig.worker, total: 1)
            let run = service.makeRun(RunRequest(id: service.makeID()), of: pipeline)
            let seen = Seen()
            let working = Task(executorPreference: rig.executor) {
                try await rig.worker.withSession { try await service.perform(run, observer: seen) }
            }
            while seen.notices.isEmpty { try await waitTurn() }
            #expect(seen.notices == [.waitingForTotal])
            #expect(rig.log.count(run.id + "_one") == 0)
            let end = RunCommit.End(state: .succeeded, time: 1)
            try await other.commit(RunCommit(lease: other.lease("0"), end: end), .durable)
            while seen.states.isEmpty { try await pass(.milliseconds(200), on: rig) }
            #expect(seen.states == ["succeeded"])
            _ = try await working.value
        }
    }

    @Test("a run that was interrupted is resumed, and one that has ended is refused", arguments: JournalKind.allCases)
    func resuming(kind: JournalKind) async throws {
        try await kind.withTwo { (journal, other) async throws -> Void in
            let rig = try await WorkerRig("a", on: journal)
            let pipeline = try rig.pipeline(Self.three)
            let service = RunService(worker: rig.worker)
            try await other.keep(
                DefinitionRecord(
                    hash: pipeline.definition, pipeline: pipeline.name, file: "p.yaml", text: pipeline.definitionText))
            let gone = workerRecord("gone")
            try await other.join(gone)
            var record = service.makeRun(RunRequest(id: "r"), of: pipeline).record
            (record.owner, record.state, record.startedAt) = (gone.id, .running, 1)
            _ = try await other.accept(record, steps: [step("one", output: "kept")], memory: nil)
            try await other.leave(gone.id)
            let seen = Seen()
            let (first, second) = try await rig.worker.withSession {
                (
                    try await service.resume("r", observer: seen), try await service.resume("r", observer: seen)
                )
            }
            guard case .performed(.ended(let ended)) = first else { Issue.record("it came to \(first)"); return }
            #expect(ended.outputs["one"] == "kept")
            #expect(rig.log.count("r_one") == 0)
            #expect(rig.log.count("r_two") == 1)
            guard case .refused(.ended(.succeeded)) = second else { Issue.record("it came to \(second)"); return }
        }
    }
}
