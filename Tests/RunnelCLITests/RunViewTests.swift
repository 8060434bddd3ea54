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
}
