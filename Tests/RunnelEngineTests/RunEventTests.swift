import RunnelKit
import Synchronization
import Testing

@testable import RunnelEngine

@Suite("Run events", .timeLimit(.minutes(5))) struct RunEventTests {
    private static let place = RunEvent.StepPlace(id: "ask[2]", uses: "chat")

    private static var error: RunError {
        var error = RunError(reported: "busy", "the server is busy", hint: "try later", stepID: "ask[2]")
        error.partialOutput = ["text": "so far"]
        return error
    }

    private static let kinds: [RunEvent.Kind] = [
        .runStarted(pipeline: "p", steps: 3), .stepStarted(place, attempt: 2), .stepText(place, "a\nb"),
        .stepNote(place, "looking"), .stepSkipped(place),
        .stepSucceeded(place, output: ["a": 1], took: .milliseconds(1.25)),
        .stepFailed(place, error, took: .seconds(2), retryIn: .milliseconds(250)),
        .stepFailed(place, error, took: .seconds(2), retryIn: nil),
        .stepHeld(place, with: ["prompt": "hi"], input: [1]),
        .stepCancelled(place, took: .seconds(3)), .runFinished(.succeeded(output: "out"), took: .seconds(4)),
        .runFinished(.failed(error), took: .seconds(4)), .runFinished(.cancelled, took: .zero),
    ]

    @Test("an event that was written is read back the same")
    func roundTrip() throws {
        var names: Set<RunEvent.Name> = []
        for kind in Self.kinds {
            let event = RunEvent(runID: "r", time: 1_767_225_600_123_000_000, kind: kind)
            let read = try #require(RunEvent(json: event.json))
            #expect(read.json == event.json)
            #expect(read.runID == "r")
            #expect(read.time == event.time)
            names.insert(read.name)
        }
        #expect(names == Set(RunEvent.Name.allCases))
    }

    @Test("an event of the journal is read with the run that it belongs to, and without the output")
    func journal() throws {
        let kind = RunEvent.Kind.stepSucceeded(Self.place, output: "secret", took: .seconds(1))
        let event = RunEvent(runID: "r", time: 0, kind: kind)
        let read = try #require(RunEvent(json: event.journalJSON, runID: "r"))
        #expect(read.runID == "r")
        guard case .stepSucceeded(Self.place, .null, .seconds(1)) = read.kind else {
            Issue.record("it became \(read.kind)")
            return
        }
    }

    @Test("at most one flush is requested until it begins, also if another write has taken the text")
    func flushes() {
        let buffer = TextBuffer()
        let event = RunEvent(runID: "r", time: 0, kind: .stepText(Self.place, "word "))
        #expect(buffer.append(event))
        #expect(!buffer.append(event))
        #expect(buffer.take().count == 1)
        #expect(!buffer.append(event))
        buffer.beginFlush()
        #expect(buffer.append(event))
    }

    @Test("a write that text asks for displaces no other signal of the run")
    func signals() async {
        let control = RunControl()
        control.flush()
        control.cancel()
        control.stop()
        control.stop()
        control.fence()
        var signals = control.signals.makeAsyncIterator()
        for expected in [RunControl.Signal.flush, .cancel, .stop, .stop, .fence] {
            #expect(await signals.next() == expected)
        }
    }

    @Test("what an attempt reports after its end, as an abandoned one may, is ignored")
    func reportingLate() async {
        let kinds = Mutex<[RunEvent.Kind]>([])
        let reporter = StepReporter(place: Self.place, redactor: Redactor(secrets: ["hidden"])) { kind in
            kinds.withLock { $0.append(kind) }
        }
        await reporter.report(.note("looking"))
        await reporter.report(.text("so hid"))
        await reporter.finish()
        await reporter.report(.text("late"))
        await reporter.report(.note("late"))
        await reporter.finish()
        let told = kinds.withLock { $0.compactMap { RunWatchers.update($0) } }
        #expect(told.first == .note(step: "ask[2]", "looking"))
        let text = told.dropFirst().map { if case .text("ask[2]", let text) = $0 { text } else { "\($0)" } }
        #expect(text.joined() == "so hid")
    }

    @Test(
        "what is no event is not read, and no number ends the process",
        arguments: [
            .null, "step-text", [:], ["event": "step-exploded", "time": "2026-01-01T00:00:00Z"],
            ["event": "run-finished", "state": "confused", "time": "2026-01-01T00:00:00Z"],
            ["event": "step-text", "time": "yesterday"],
        ] as [Value])
    func strangers(json: Value) {
        #expect(RunEvent(json: json) == nil)
        for number in [1e300, -1e300, 0.5] {
            let event = RunEvent(
                json: [
                    "event": "step-failed", "time": "2026-01-01T00:00:00Z", "took_ms": .double(number),
                    "retry_in_ms": .double(number),
                ])
            #expect(event?.name == .stepFailed)
        }
    }
}
