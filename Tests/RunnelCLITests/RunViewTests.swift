import RunnelKit
import RunnelSupport
import Testing

@testable import RunnelCLI
@testable import RunnelEngine

@Suite("What is shown of runs in the journal") struct RunViewTests {
    private static let second: Int64 = 1_000_000_000

    private static func run(_ trigger: Value) -> RunRecord {
        var run = RunRecord(
            id: "01a2188c-a763-7000-8000-000000000000", pipeline: "tickets", definition: "", state: .failed,
            trigger: trigger, createdAt: 0)
        (run.startedAt, run.endedAt) = (0, 2 * second)
        run.error = RunError(reported: "busy", "the server is busy", stepID: "answer").json
        return run
    }

    @Test("the trigger is shown with which file, path or tick it was")
    func trigger() {
        let view = RunView(style: TextStyle(hasColor: false), isFull: false)
        let text = view.text(
            Self.run(["type": "watch", "path": "inbox/a.txt", "name": "a.txt", "size": 12, "body": "long"]), [], [])
        #expect(text.contains("  trigger     watch\n    path      inbox/a.txt\n    size      12\n"))
        #expect(!text.contains("long"))
    }

    @Test("a run that was called over HTTP is shown with its delivery, whatever the trigger is called")
    func delivery() {
        let view = RunView(style: TextStyle(hasColor: false), isFull: false)
        var called = Self.run(["type": "upload", "method": "PUT", "path": "/hooks/a"])
        called.dedupeKey = "7"
        #expect(
            view.text(called, [], []).contains(
                "  trigger     upload\n    method    PUT\n    path      /hooks/a\n    delivery  7\n"))
        var watched = Self.run(["type": "watch", "path": "inbox/a.txt"])
        watched.dedupeKey = "7"
        #expect(!view.text(watched, [], []).contains("delivery"))
    }

    @Test("the priority is shown where it is not 0")
    func priority() {
        let view = RunView(style: TextStyle(hasColor: false), isFull: false)
        var run = Self.run(["type": "manual"])
        #expect(!view.text(run, [], []).contains("priority"))
        run.priority = -3
        #expect(view.text(run, [], []).contains("  trigger     manual\n  priority    -3\n  accepted    "))
    }

    @Test("a cancellation is shown until the run has ended")
    func cancellation() {
        let view = RunView(style: TextStyle(hasColor: false), isFull: false)
        var run = Self.run(["type": "manual"])
        run.isCancelRequested = true
        #expect(!view.text(run, [], []).contains("  cancel "))
        (run.state, run.endedAt, run.error) = (.running, nil, nil)
        #expect(view.text(run, [], []).contains("\n  cancel      requested\n"))
        run.finallyStage = .cancelled
        #expect(view.text(run, [], []).contains("\n  cancel      requested, also of `finally`\n"))
    }

    @Test("an interrupted run has no time that grows")
    func interrupted() {
        var run = Self.run(["type": "manual"])
        (run.state, run.endedAt, run.error, run.interruptions) = (.queued, nil, nil, 1)
        #expect(run.took(now: 9) == nil)
        #expect(!RunView(style: TextStyle(hasColor: false), isFull: false).text(run, [], []).contains("took"))
        #expect(RunTable(style: TextStyle(hasColor: false)).text([run]).hasSuffix("  -\n"))
        let shown = RunView(style: TextStyle(hasColor: false), isFull: false, width: 80).text(run, [], [])
        #expect(shown.contains("\ninterrupted: `runnel runs resume "))
        #expect(shown.split(separator: "\n").allSatisfy { $0.count <= 80 }, "\(shown)")
        run.state = .running
        #expect(run.took(now: 9) == .nanoseconds(9))
    }

    @Test("a run that was retried is shown with its newest retry and the state of that")
    func retried() {
        var run = Self.run(["type": "manual"])
        run.retriedBy = "01a2188d-a763-7000-8000-000000000000"
        var view = RunView(style: TextStyle(hasColor: false), isFull: false)
        #expect(view.text(run, [], []).contains("  retried by  01a2188d-a763-7000-8000-000000000000\n"))
        view.retry = Self.succeeded(nil)
        #expect(view.text(run, [], []).contains("  retried by  01a2188d-a763-7000-8000-000000000000  succeeded\n"))
        let lines = RunTable(style: TextStyle(hasColor: false), width: 80).text([run]).split(separator: "\n")
        #expect(lines.last == "  retried by 01a2188d-a763; answer: the server is busy")
    }

    @Test("a row fits into the terminal, and says what started the run and which step failed")
    func table() {
        let trigger: Value = ["type": "webhook", "method": "POST", "path": "a-very-long-path/that/goes/on/and/on"]
        let lines = RunTable(style: TextStyle(hasColor: false), width: 80).text([Self.run(trigger)]).split(
            separator: "\n")
        #expect(lines.allSatisfy { $0.count <= 80 })
        #expect(lines.dropFirst().first?.contains("webhook a-very-") == true)
        #expect(lines.last == "  answer: the server is busy")
    }

    @Test("all attempts are shown with their errors, and items with their values")
    func attempts() {
        var each = StepRecord(ExecutionKey("each"), uses: "chat", state: .failed)
        each.items = ["one", "two"]
        var step = StepRecord(ExecutionKey("each", items: [1]), uses: "chat", state: .failed, attempt: 2)
        step.error = RunError(reported: "busy", "still busy").json
        let place = RunEvent.StepPlace(id: "each[1]", uses: "chat")
        let kinds: [RunEvent.Kind] = [
            .stepStarted(place, attempt: 1),
            .stepFailed(place, RunError(reported: "busy", "it is busy"), took: .seconds(1), retryIn: .seconds(2)),
            .stepStarted(place, attempt: 2),
            .stepFailed(place, RunError(reported: "busy", "still busy"), took: .seconds(3), retryIn: nil),
        ]
        let events = kinds.map { RunEvent(runID: "r", time: 0, kind: $0) }
        let text = RunView(style: TextStyle(hasColor: false), isFull: false)
            .text(Self.run(["type": "manual"]), [each, step], events)
        #expect(
            text.contains(
                """
                ✗ each[1] chat attempt 2  item two
                    attempt 1: it is busy (1.0 s)
                    attempt 2: still busy (3.0 s)

                """))
    }

    @Test("long and many notes are shortened unless all of it is wanted")
    func notes() {
        let step = StepRecord(ExecutionKey("log"), uses: "log", state: .succeeded, attempt: 1)
        let place = RunEvent.StepPlace(id: "log", uses: "log")
        let long = Array(repeating: "line", count: 100).joined(separator: "\n")
        let events = ([long] + (1...9).map { "note \($0)" }).map {
            RunEvent(runID: "r", time: 0, kind: .stepNote(place, $0))
        }
        func lines(_ isFull: Bool) -> [Substring] {
            RunView(style: TextStyle(hasColor: false), isFull: isFull)
                .text(Self.run(["type": "manual"]), [step], events).split(separator: "\n")
                .filter { $0.hasPrefix("    ") }
        }
        #expect(lines(false).count == 6)
        #expect(lines(false).first?.hasPrefix("    · line ⏎ line ⏎ ") == true)
        #expect(lines(false).last == "    · … 5 more; --full shows them")
        #expect(lines(true).count == 109)
    }

    // MARK: Answers

    private static let poem = """
        The run began at dawn, and every step that it took was written down before the next.

          - first: fetched the ticket
          - then: asked the agent
        """

    private static func answer(_ id: String, uses: String = "chat") -> StepRecord {
        var step = StepRecord(ExecutionKey(id), uses: uses, state: .succeeded, attempt: 1)
        step.with = ["system": "Be short.", "prompt": .string("Tell me of the run:\n  in prose\nand in a list\n")]
        step.attributes = ["model": "m", "finish_reason": "stop"]
        step.output = [
            "text": .string(poem), "json": .null, "reasoning": "It is about a run.", "finish_reason": "stop",
            "conversation_id": "c-1", "tasks": [], "usage": ["total_tokens": 9],
        ]
        return step
    }

    private static func succeeded(_ output: Value?) -> RunRecord {
        var run = RunRecord(
            id: "01a2188c-a763-7000-8000-000000000000", pipeline: "p", definition: "", state: .succeeded,
            trigger: ["type": "manual"], createdAt: 0)
        run.output = output
        return run
    }

    /// What is shown from the first step on, with 80 columns.
    private static func shown(_ run: RunRecord, _ steps: [StepRecord], isFull: Bool) -> String {
        let text = RunView(style: TextStyle(hasColor: false), isFull: isFull, width: 80).text(run, steps, [])
        #expect(text.split(separator: "\n").allSatisfy { $0.count <= 80 }, "\(text)")
        return text.split(separator: "\n\n", maxSplits: 1).last.map(String.init) ?? ""
    }

    @Test("an answer is shown as a text, whatever its step is named, and not again as the output of the run")
    func answer() {
        let step = Self.answer("tell", uses: "mine.ask")
        #expect(
            Self.shown(Self.succeeded(step.output), [step], isFull: false) == """
                ✓ tell mine.ask
                    system          Be short.
                    prompt          Tell me of the run: ⏎   in prose ⏎ and in a list
                    model           m
                    finish reason   stop
                    reasoning       It is about a run.
                    conversation id c-1
                    answer
                      The run began at dawn, and every step that it took was written down before
                      the next.

                        - first: fetched the ticket
                        - then: asked the agent

                """)
    }

    @Test("in full, each line of a prompt and of an answer keeps its indentation")
    func fullAnswer() {
        let step = Self.answer("tell")
        #expect(
            Self.shown(Self.succeeded("something else"), [step], isFull: true) == """
                ✓ tell chat
                    system          Be short.
                    prompt          Tell me of the run:
                                      in prose
                                    and in a list
                    model           m
                    finish reason   stop
                    reasoning       It is about a run.
                    conversation id c-1
                    usage           {"total_tokens":9}
                    answer
                      The run began at dawn, and every step that it took was written down before
                      the next.

                        - first: fetched the ticket
                        - then: asked the agent

                output  something else

                """)
    }

    @Test("a long answer is shortened, and a word that is longer than the line is broken")
    func longAnswer() {
        var step = StepRecord(ExecutionKey("tell"), uses: "chat", state: .succeeded, attempt: 1)
        step.output = ["text": .string(String(repeating: "あ", count: 74 * 12)), "finish_reason": "length"]
        let line = "      " + String(repeating: "あ", count: 74) + "\n"
        #expect(
            Self.shown(Self.succeeded(step.output), [step], isFull: false)
                == "✓ tell chat\n    finish reason length\n    answer\n"
                + String(repeating: line, count: 10) + "      … 2 more lines; --full shows them\n")
    }

    @Test("what an agent asked is shown with its kind, and the text of a file is no answer")
    func question() {
        var asks = StepRecord(ExecutionKey("ask"), uses: "chat", state: .failed, attempt: 1)
        var error = RunError(reported: "interaction-required", "the agent asks", stepID: "ask")
        error.partialOutput = ["text": .null, "question": "May I read it?", "kind": "approval"]
        asks.error = error.json
        var file = StepRecord(ExecutionKey("read"), uses: "file.read", state: .succeeded, attempt: 1)
        file.output = ["path": "a.txt", "text": "One line."]
        #expect(
            Self.shown(Self.succeeded(nil), [file, asks], isFull: false) == """
                ✓ read file.read
                    path         a.txt
                    text
                      One line.
                ✗ ask chat
                    the agent asks
                    question     May I read it?
                    kind         approval

                """)
    }
}
