import Foundation
import Logging
import RunnelKit
import RunnelTesting
import TestSupport
import Testing

@testable import RunnelProcess

private func plugin(_ more: ValueObject = [:]) throws -> ExecPlugin {
    var trigger: ValueObject = [
        "summary": "Something happens.", "identity": ["mode"],
        "input": [
            "type": "object", "required": ["mode"], "additionalProperties": false,
            "properties": ["mode": ["type": "string"], "count": ["type": "integer"], "token": ["type": "string"]],
        ],
    ]
    for (key, value) in more { trigger[key] = value }
    let manifest: Value = [
        "name": "test", "protocol": "exec", "command": ["python3", "trigger_child.py"],
        "triggers": ["test": .object(trigger), "other": ["summary": "It."]],
    ]
    return try ExecPlugin(PluginManifest(manifest: manifest), folder: resources, host: host)
}

/// Runs the trigger while `body` looks on, and ends it.
private func serve(
    _ entry: ValueObject, _ more: ValueObject = [:], harness: TriggerHarness = TriggerHarness(),
    log: LogRecorder? = nil,
    redactor: Redactor = Redactor(), _ body: @escaping @Sendable (RecordedRuns) async throws -> Void
) async throws {
    let plugin = try plugin(more)
    var harness = harness
    harness.services = Services()
    await plugin.registerServices(in: harness.services)
    let trigger = try #require(plugin.triggers.first { $0.name == "test" })
    var context = harness.context
    context.redactor = redactor
    if let log { context.logger = log.logger(level: .trace) }
    let result: Result<Void, any Error>
    do {
        try await withThrowingTaskGroup(of: Void.self) { [context] group in
            group.addTask {
                do { try await trigger.run(entry, context) } catch is CancellationError {}
            }
            group.addTask { [runs = harness.runs] in try await body(runs) }
            // The trigger ends first only by an error of its entry.
            try await group.next()
            group.cancelAll()
            try await group.waitForAll()
        }
        result = .success(())
    } catch {
        result = .failure(error)
    }
    await harness.services.shutDown()
    try result.get()
}

extension RecordedRuns {
    fileprivate func waits(_ health: TriggerHealth) async throws {
        try await wait { $0.health.contains(health) }
    }

    /// The problems so far.
    fileprivate var problems: [String] {
        health.compactMap { if case .problem(let text) = $0 { text } else { nil } }
    }
}

@Suite("Triggers of exec plugins", .timeLimit(.minutes(5))) struct TriggerTests {
    @Test("the trigger with the plugin's own name is written without it, and others with it")
    func names() throws {
        #expect(try plugin().triggers.map(\.name) == ["test.other", "test"])
        #expect(try plugin().triggers.last?.identity(["mode": "a", "count": 1]) == #"["a"]"#)
        #expect(try plugin().triggers.first?.identity([:]) == nil)
        #expect(try plugin(["titles": ["ja": "試験"]]).triggers.last?.titles == ["ja": "試験"])
    }

    @Test("each event is a run, and its state is stored with it and handed back at the next start")
    func positions() async throws {
        let harness = TriggerHarness()
        try await serve(["mode": "positions"], harness: harness) { try await $0.waitForAccepted(3) }
        let accepted = await harness.runs.accepted
        #expect(accepted.map(\.dedupeKey) == ["test/e1", "test/e2", "test/e3"])
        #expect(accepted.map(\.payload) == [["number": 1], ["number": 2], ["number": 3]])
        #expect(accepted.map(\.input) == ["input 1", "input 2", "input 3"])
        #expect(accepted.map(\.memory) == [["state": 1], ["state": 2], ["state": 3]])
        try await serve(["mode": "positions", "count": 5], harness: harness) { try await $0.waitForAccepted(5) }
        #expect(await harness.runs.duplicates == 0)
        #expect(await harness.runs.health.contains(.waiting("from 3")))
        #expect(await harness.runs.problems == [])
    }

    @Test("the program learns what it is for, and sees of the environment what its manifest lists")
    func start() async throws {
        try await serve(["mode": "start", "count": 1]) { runs in
            try await runs.waitForAccepted(1)
            let payload = await runs.accepted[0].payload
            #expect(
                payload["start"] == [
                    "type": "start", "trigger": "test", "with": ["mode": "start", "count": 1], "state": .null,
                    "pipeline": "test", "key": "test", "id": "test", "max_unacknowledged": 16,
                ])
            #expect(payload["environment"]?.asList?.contains("RUNNEL_PROJECT") == true)
            #expect(payload["environment"]?.asList?.contains("RUNNEL_TEST_HIDDEN") == false)
        }
    }

    @Test("events are acknowledged with what became of them")
    func outcomes() async throws {
        let harness = TriggerHarness()
        try await serve(["mode": "at-once"], harness: harness) {
            try await $0.waits(.waiting("e1:accepted e2:accepted e3:accepted"))
        }
        try await serve(["mode": "at-once"], harness: harness) {
            try await $0.waits(.waiting("e1:duplicate e2:duplicate e3:duplicate"))
        }
        await harness.runs.ignore()
        try await serve(["mode": "at-once"], harness: harness) {
            try await $0.waits(.waiting("e1:ignored e2:ignored e3:ignored"))
        }
        #expect(await harness.runs.accepted.count == 3)
    }

    @Test("an event that can be no run is refused with the reason")
    func refused() async throws {
        let words: Value = [
            ["nack", "bad-event", "expected \"payload\" to be an object, found a list"],
            ["nack", "bad-event", "the id is longer than 512 bytes"],
            ["nack", "bad-event", "\"type\" is no key of a payload: `trigger.type` is the trigger's name"],
        ]
        try await serve(["mode": "bad-events"]) { runs in
            @Sendable func answer(_ health: TriggerHealth) -> Value? {
                guard case .waiting(let text, _) = health else { return nil }
                return try? Value.json(Array(text.utf8))
            }
            try await runs.wait { $0.health.contains { answer($0) != nil } }
            let replies = await runs.health.compactMap(answer).first?.asList ?? []
            #expect(Set(replies) == Set(words.asList ?? []))
            #expect(await runs.accepted.isEmpty)
        }
    }

    @Test("a key that means nothing is a warning in the log")
    func unknownKey() async throws {
        let log = LogRecorder()
        try await serve(["mode": "unknown-key"], log: log) { try await $0.waitForAccepted(1) }
        #expect(
            log.messages.contains(
                """
                line 1 of what the plugin "test" wrote is a message of type "event" with the unknown key "paylod", which \
                is ignored; did you mean "payload"?
                """))
    }

    @Test("a state without an event is stored, and acknowledged where it has an id")
    func stateAlone() async throws {
        let harness = TriggerHarness()
        try await serve(["mode": "state-alone"], harness: harness) {
            try await $0.waits(.waiting(#"{"type": "ack", "id": "s"}"#))
        }
        #expect(harness.memory.all == ["state": ["from": 5]])
    }

    @Test(
        "a refused event is retried until it is acknowledged, which clears the problem",
        arguments: [
            ("positions", "e1", .waiting("from None")),
            ("start", "start", .waiting("the plugin \"test\" runs", translations: ["ja": "プラグイン「test」は動作中"])),
        ] as [(String, String, TriggerHealth)])
    func overloaded(mode: String, id: String, waiting: TriggerHealth) async throws {
        let clock = ManualClock()
        var harness = TriggerHarness()
        harness.clock = clock
        try await serve(["mode": .string(mode), "count": 1], harness: harness) { runs in
            await runs.refuse(TriggerRefusal(.overloaded, "too many runs are queued", retryAfter: .milliseconds(1)))
            try await runs.waits(.problem("the event \"\(id)\" has to wait: too many runs are queued"))
            await runs.refuse(nil)
            // The other sleeper is the timer after which the program counts as working.
            await clock.waitForSleepers(2)
            clock.advance(by: .milliseconds(500))
            try await runs.waitForAccepted(1)
            try await runs.wait { $0.health.last == waiting }
        }
    }

    @Test("a program that dies is started again, half a line is no event, and none is lost or doubled")
    func dying() async throws {
        let harness = TriggerHarness()
        try await serve(["mode": "die"], harness: harness) { try await $0.waitForAccepted(5) }
        #expect(await harness.runs.accepted.prefix(5).map(\.dedupeKey) == (1...5).map { "test/e\($0)" })
        #expect(await harness.runs.duplicates == 0)
        #expect(await harness.runs.problems.first == "the plugin \"test\" was killed by signal 9 (SIGKILL)")
    }

    private static let endings: [(mode: String, words: String)] = [
        ("status", "the plugin \"test\" ended with exit status 3; last lines of standard error:\n    no such host"),
        (
            "ends",
            """
            the plugin "test" ended although its trigger is served; the program of a trigger runs until its standard \
            input is closed
            """
        ),
        ("error", "the server refused \"ada\"; check the password"),
        ("error-without-line-feed", "the server refused \"ada\""),
        (
            "garbage",
            """
            line 1 of what the plugin "test" wrote is not JSON: "Starting up..." (column 1: expected a JSON value, found \
            'S'); write one JSON object per line to standard output, and everything else to standard error
            """
        ),
        (
            "no-id",
            """
            line 1 of what the plugin "test" wrote is an event without an id: expected "id" with a text, found null; \
            give each event an id that stays the same when the event is written again
            """
        ),
        (
            "no-translations",
            """
            line 1 of what the plugin "test" wrote has a bad "translations": expected names and values, found a list; \
            write texts by language, such as {"ja":"…"}
            """
        ),
    ]

    @Test("how a program ended is the trigger's problem, in words", arguments: endings)
    func ends(mode: String, words: String) async throws {
        try await serve(["mode": .string(mode)]) { runs in
            try await runs.wait { !$0.problems.isEmpty }
            #expect(await runs.problems.first == words)
        }
    }

    @Test("the pause before a restart grows until an event has become a run")
    func backoff() async throws {
        var harness = TriggerHarness()
        let clock = ManualClock()
        harness.clock = clock
        let log = LogRecorder()
        try await serve(["mode": "status"], harness: harness, log: log) { [harness] _ in
            for (index, pause) in ["1s", "2s", "4s"].enumerated() {
                try await harness.runs.wait { $0.problems.count == index + 1 }
                while !log.messages.contains(where: { $0.hasSuffix("; starting it again in \(pause)") }) {
                    try await waitTurn()
                }
                clock.advance(by: .seconds(1 << index))
            }
        }
    }

    @Test("a program that writes nothing for longer than its heartbeat is killed and started again")
    func frozen() async throws {
        try await serve(["mode": "frozen"], ["heartbeat": "300ms"]) { runs in
            try await runs.wait { !$0.problems.isEmpty }
            let words = """
                the plugin "test" wrote nothing for 300ms (heartbeat); write {"type":"heartbeat"} from time to time, or \
                raise heartbeat in plugin.yaml
                """
            #expect(await runs.problems.first == words)
        }
    }

    @Test("a flood is read no faster than it is accepted, and all of it is")
    func flood() async throws {
        let harness = TriggerHarness()
        try await serve(["mode": "flood", "count": 5000], harness: harness) {
            try await $0.waits(.waiting("all acknowledged"))
        }
        #expect(await harness.runs.accepted.count == 5000)
        #expect(await harness.runs.duplicates == 0)
    }

    @Test("no more events are under way than the manifest allows")
    func bounded() async throws {
        try await serve(["mode": "deaf"], ["max_unacknowledged": 4]) { runs in
            await runs.refuse(TriggerRefusal(.overloaded, "full", retryAfter: .milliseconds(1)))
            try await runs.wait { Set($0.problems).count == 4 }
            await runs.refuse(TriggerRefusal(.overloaded, "still full", retryAfter: .milliseconds(1)))
            try await runs.wait { Set($0.problems).count == 8 }
            #expect(await runs.accepted.isEmpty)
        }
    }

    @Test("a program that never reads its answers is stopped, and its memory stays bounded")
    func deaf() async throws {
        var harness = TriggerHarness()
        let clock = ManualClock()
        harness.clock = clock
        try await serve(["mode": "deaf"], harness: harness) { [harness] _ in
            while await harness.runs.problems.isEmpty { clock.advance(by: .milliseconds(50)) }
            let words = """
                the plugin "test" has not read its acknowledgements for 30s; read standard input while events are written
                """
            #expect(await harness.runs.problems.first == words)
        }
    }

    @Test("a program that ignores SIGTERM is ended with its whole process group")
    func stubborn() async throws {
        let harness = TriggerHarness()
        try await serve(["mode": "stubborn"], harness: harness) { try await $0.waitForAccepted(1) }
        let pids = await harness.runs.accepted[0].payload["pids"]?.asList?.compactMap(\.asInt) ?? []
        #expect(pids.count == 2)
        for pid in pids { #expect(await eventually { [nil, "Z"].contains(state(pid)) }, "\(pid) is still there") }
    }

    @Test("notes go to the log, health to the trigger, and secrets nowhere")
    func chatter() async throws {
        let log = LogRecorder()
        let harness = TriggerHarness()
        try await serve(
            ["mode": "chatter", "token": "s3cr3t-token"], harness: harness, log: log,
            redactor: Redactor(secrets: ["s3cr3t-token"])
        ) { try await $0.waits(.waiting("waits for mail", translations: ["ja": "メールを待機中"])) }
        #expect(
            await harness.runs.health.suffix(2) == [
                .problem("cannot reach the server"), .waiting("waits for mail", translations: ["ja": "メールを待機中"]),
            ])
        #expect(log.messages.contains("signed in with ***"))
        #expect(log.messages.contains("the token is ***"))
        #expect(!log.messages.contains { $0.contains("s3cr3t") })
    }

    @Test("an entry that its schema refuses is an error with its place, and starts no program")
    func entry() async throws {
        let error = await #expect(throws: StepError.self) {
            try await serve(["mode": "silent", "cuont": 1]) { try await $0.waitForAccepted(1) }
        }
        #expect(error?.hint == "did you mean \"count\"?")
    }
}
