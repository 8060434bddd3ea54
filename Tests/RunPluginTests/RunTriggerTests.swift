import RunnelKit
import RunnelTesting
import Testing

@testable import RunPlugin

/// A trigger `run` on a clock that the test moves.
private struct Rig {
    let clock = ManualClock()
    var harness = TriggerHarness()
    let trigger: RunTrigger

    init(_ entry: ValueObject, pipeline: String = "alert") throws {
        trigger = try RunTrigger(fields: entry)
        harness.clock = clock
        harness.pipeline = pipeline
        harness.key = "run"
    }

    /// Serves until `body` returns.
    func life(_ body: @escaping @Sendable () async throws -> Void) async throws {
        let (trigger, context) = (trigger, harness.context)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try? await trigger.run(context) }
            try await harness.runs.wait { !$0.health.isEmpty }
            try await body()
            group.cancelAll()
        }
    }

    /// Lets the trigger look until this many runs were started.
    func wait(for count: Int) async throws {
        while await harness.runs.accepted.count < count {
            await clock.waitForSleepers()
            clock.advance(by: .milliseconds(500))
        }
    }

    func end(
        _ number: Int64, _ pipeline: String, _ state: EndedRun.State = .failed, isRecovery: Bool = false,
        details: ValueObject = [:]
    ) async {
        let run = EndedRun(
            number: number, runID: "r\(number)", pipeline: pipeline, state: state, isRecovery: isRecovery)
        await harness.runs.end(run, details: details)
    }
}

@Suite("Starting runs when others end") struct RunTriggerTests {
    private static let waiting = TriggerHealth.waiting(
        "waits for runs of all pipelines", translations: ["ja": "すべてのパイプライン の実行の終了を待機中"])

    @Test("what another run was started with and gave is not listed with folded events, since it can be large")
    func listed() {
        let unlisted = RunTrigger.documentation.payload.filter { !$0.isListed }.map(\.name)
        #expect(unlisted == ["inputs", "output", "trigger"])
    }

    @Test("what it waits for is said in English and Japanese; a run of `health` names the kind of problem")
    func words() async throws {
        for (entry, english, japanese) in [
            (["pipelines": ["import-*", "export"]], "import-*, export", "import-*, export"),
            ([:], "all pipelines", "すべてのパイプライン"),
        ] as [(ValueObject, String, String)] {
            let rig = try Rig(entry)
            try await rig.life {}
            let translations = ["ja": "\(japanese) の実行の終了を待機中"]
            #expect(
                await rig.harness.runs.health == [
                    .waiting("waits for runs of \(english)", translations: translations)
                ])
        }
        let health = TriggerDefinition(HealthTrigger.self)
        #expect(health.titles == ["ja": "ヘルス"])
        #expect(health.payloadSummary(["type": "health", "kind": "disk", "state": "began"]) == "disk")
    }

    @Test("an entry is known by what it listens to, in whatever order that is written")
    func identity() throws {
        func run(_ entry: ValueObject) throws -> String? { try RunTrigger(fields: entry).identity() }
        #expect(try run([:]) == "failed of *")
        #expect(try run(["pipelines": ["*"], "states": ["failed"]]) == "failed of *")
        let entry: ValueObject = [
            "pipelines": ["b", "a", "b"], "states": ["recovered", "failed"], "except": ["d", "c"],
        ]
        #expect(try run(entry) == "failed,recovered of a,b except c,d")
        func health(_ entry: ValueObject) throws -> String? { try HealthTrigger(fields: entry).identity() }
        #expect(try health([:]) == "all")
        #expect(try health(["events": ["pipeline-invalid", "disk"]]) == "disk,pipeline-invalid")
    }

    @Test("each end that fits starts one run, with what is known of the run that ended")
    func ends() async throws {
        let rig = try Rig(["pipelines": ["import-*"], "states": ["failed", "succeeded"]])
        try await rig.life {
            await rig.end(1, "import-a", details: ["error": ["code": "broken", "message": "it broke"]])
            await rig.end(2, "export")
            await rig.end(3, "import-b", .cancelled)
            await rig.end(4, "import-b", .succeeded)
            try await rig.wait(for: 2)
        }
        let events = await rig.harness.runs.accepted
        #expect(events.map(\.payload["id"]) == ["r1", "r4"])
        #expect(events[0].payload["error"] == ["code": "broken", "message": "it broke"])
        #expect(events[0].payload["state"] == "failed")
        #expect(events[0].dedupeKey == "r1/failed")
        #expect(events[0].cause == .run("r1"))
        #expect(rig.harness.memory.value(for: "watermark") == 4)
    }

    @Test("it begins with the next end, and goes on from its watermark after downtime")
    func watermark() async throws {
        let rig = try Rig([:])
        await rig.end(1, "old")
        try await rig.life {}
        #expect(rig.harness.memory.value(for: "watermark") == 1)
        await rig.end(2, "while-down")
        try await rig.life { try await rig.wait(for: 1) }
        #expect(await rig.harness.runs.accepted.map(\.payload["id"]) == ["r2"])
    }

    @Test("a pipeline is never started by its own ends")
    func own() async throws {
        let rig = try Rig(["states": ["failed", "succeeded"]])
        try await rig.life {
            await rig.end(1, "alert")
            await rig.end(2, "alert", .succeeded)
            await rig.end(3, "other")
            try await rig.wait(for: 1)
        }
        #expect(await rig.harness.runs.accepted.map(\.payload["id"]) == ["r3"])
        let named = try RunTrigger(fields: ["pipelines": ["import", "alert"]])
        #expect {
            try named.validate(in: rig.harness.validation)
        } throws: { error in
            (error as? FieldError)?.message == "the pipeline \"alert\" cannot start itself"
        }
    }

    @Test("`except` leaves pipelines out, and `recovered` is the first success after a failure")
    func states() async throws {
        let rig = try Rig(["states": ["recovered"], "except": ["test-*"]])
        try await rig.life {
            await rig.end(1, "a", .succeeded)
            await rig.end(2, "test-b", .succeeded, isRecovery: true)
            await rig.end(3, "a")
            await rig.end(4, "a", .succeeded, isRecovery: true)
            try await rig.wait(for: 1)
        }
        let events = await rig.harness.runs.accepted
        #expect(events.map(\.payload["id"]) == ["r4"])
        #expect(events[0].payload["state"] == "recovered")
        #expect(events[0].dedupeKey == "r4/succeeded")
    }

    @Test("a run that is refused is tried again, and none behind it gets ahead")
    func refused() async throws {
        let rig = try Rig([:])
        try await rig.life {
            await rig.harness.runs.refuse(TriggerRefusal(.overloaded, "5 runs are waiting already"))
            await rig.end(1, "a")
            await rig.end(2, "a")
            await rig.clock.waitForSleepers()
            rig.clock.advance(by: .milliseconds(500))
            try await rig.harness.runs.wait {
                $0.health.last == .problem("the run after r1 has to wait: 5 runs are waiting already")
            }
            #expect(rig.harness.memory.value(for: "watermark") == 0)
            await rig.harness.runs.refuse(nil)
            try await rig.wait(for: 2)
            // The problem is over.
            #expect(await rig.harness.runs.health.last == Self.waiting)
        }
        #expect(await rig.harness.runs.accepted.map(\.payload["id"]) == ["r1", "r2"])
    }

    @Test("an event of `health` that has to wait is logged once, however often it is refused")
    func refusedHealth() async throws {
        let (clock, log) = (ManualClock(), LogRecorder())
        var harness = TriggerHarness()
        harness.clock = clock
        let runs = harness.runs
        await runs.refuse(TriggerRefusal(.journal, "there is no journal"))
        try await harness.services.get(HealthBoard.self).set(.disk, "disk", "it is full")
        let trigger = try HealthTrigger(fields: ["events": ["disk"]])
        var context = harness.context
        context.logger = log.logger()
        await withTaskGroup(of: Void.self) { [context] group in
            group.addTask { try? await trigger.run(context) }
            while await runs.refusals < 3 {
                await clock.waitForSleepers()
                clock.advance(by: .seconds(1))
            }
            group.cancelAll()
        }
        #expect(log.lines == ["warning a health event has to wait: there is no journal"])
    }

    @Test("the end of a chain that is too long starts nothing, says so, and holds nothing up")
    func chain() async throws {
        let rig = try Rig([:])
        try await rig.life {
            await rig.harness.runs.refuse(TriggerRefusal(.chainTooLong, "the run r1 is the last of a chain"))
            await rig.end(1, "a")
            await rig.clock.waitForSleepers()
            rig.clock.advance(by: .milliseconds(500))
            try await rig.harness.runs.wait { $0.health.last == .problem("the run r1 is the last of a chain") }
            await rig.harness.runs.refuse(nil)
            await rig.end(2, "a")
            try await rig.wait(for: 1)
            try await rig.harness.runs.wait { $0.health.last == Self.waiting }
        }
        #expect(await rig.harness.runs.accepted.map(\.payload["id"]) == ["r2"])
    }

    @Test(
        "an entry that leaves out all that it names is refused",
        arguments: [
            (["*"], ["*"], false), (["a", "b"], ["?"], false), (["a-*"], ["a-*"], false), (["a", "b"], ["a"], true),
            (["*"], ["?"], true), (["a-*"], ["a-?"], true),
        ] as [([Value], [Value], Bool)])
    func leftOut(pipelines: [Value], except: [Value], isValid: Bool) {
        let entry: ValueObject = ["pipelines": .list(pipelines), "except": .list(except)]
        let error = TriggerDefinition(RunTrigger.self).check(entry)
        #expect((error == nil) == isValid)
        if !isValid {
            #expect(error?.message == "every pipeline of `pipelines` is left out here, so no run would start")
        }
    }

    @Test("an entry without pipelines or states is refused in words")
    func empty() throws {
        for (key, message) in [("pipelines", "the list holds no pipeline"), ("states", "the list holds no state")] {
            #expect {
                try RunTrigger(fields: [key: []])
            } throws: { error in
                (error as? FieldError)?.message == message
            }
        }
    }
}
