import Foundation
import RunnelKit
import RunnelSupport
import Testing

@testable import RunnelCLI
@testable import RunnelEngine

@Suite("What is shown of a run") struct EventRendererTests {
    private let first = RunEvent.StepPlace(id: "each[0].answer", uses: "chat")
    private let second = RunEvent.StepPlace(id: "each[1].answer", uses: "chat")

    @Test("the text of one step comes as it is, texts of several in whole lines with the step in front")
    func texts() throws {
        let shown = try shown([
            .stepText(first, "One "), .stepText(first, "word.\n"), .stepText(second, "Two"), .stepText(first, "more"),
            .stepText(second, " words.\nAnd "), .stepText(first, " lines.\n"), .stepText(second, "an end"),
            .stepSucceeded(second, output: .null, took: .milliseconds(2)), .stepText(first, "last"),
            .stepSucceeded(first, output: .null, took: .milliseconds(3)),
        ])
        #expect(
            shown == """
                ▸ each[0].answer chat
                One word.
                each[1].answer │ Two words.
                each[0].answer │ more lines.
                each[1].answer │ And an end
                ✓ each[1].answer chat 2 ms
                ▸ each[0].answer chat
                last
                ✓ each[0].answer chat 3 ms

                """)
    }

    @Test("the first text has the step in front too if others are running")
    func parallel() throws {
        let shown = try shown([
            .stepStarted(first, attempt: 1), .stepStarted(second, attempt: 1), .stepText(first, "One "),
            .stepText(second, "Two "), .stepText(first, "word."), .stepText(second, "words."),
            .stepSucceeded(first, output: .null, took: .milliseconds(2)),
            .stepSucceeded(second, output: .null, took: .milliseconds(3)),
        ])
        #expect(
            shown == """
                each[0].answer │ One word.
                ✓ each[0].answer chat 2 ms
                each[1].answer │ Two words.
                ✓ each[1].answer chat 3 ms

                """)
    }

    @Test("a step's error is shown below the step, unless the run ends with the same error")
    func failures() throws {
        func failed(_ place: RunEvent.StepPlace, _ message: String) -> RunEvent.Kind {
            .stepFailed(place, RunError(reported: "busy", message), took: .milliseconds(2), retryIn: nil)
        }
        let shown = try shown([
            .stepStarted(first, attempt: 1), .stepStarted(second, attempt: 1), failed(first, "no answer\nat all"),
            failed(second, "too late"), .stepStarted(first, attempt: 1), failed(first, "no answer"),
            .runFinished(.failed(RunError(reported: "busy", "no answer")), took: .milliseconds(9)),
        ])
        #expect(
            shown == """
                ✗ each[0].answer chat 2 ms
                  no answer
                    at all
                ✗ each[1].answer chat 2 ms
                  too late
                ✗ each[0].answer chat 2 ms
                failed after 9 ms
                error: no answer [busy]

                """)
    }

    @Test("a run that goes on has its name once, and what was said before stands before it")
    func wentOn() throws {
        let shown = try shown([
            .runStarted(pipeline: "p", steps: 2), .stepStarted(first, attempt: 1), .stepStarted(second, attempt: 1),
            .stepText(first, "One"), .runStarted(pipeline: "p", steps: 2), .stepStarted(first, attempt: 1),
            .stepText(first, "Two"), .stepSucceeded(first, output: .null, took: .milliseconds(3)),
        ])
        #expect(
            shown == """
                p  run r
                each[0].answer │ One
                the run went on
                ▸ each[0].answer chat
                Two
                ✓ each[0].answer chat 3 ms

                """)
    }

    @Test("the running step and its time are one line, within the width of the terminal")
    func liveLine() throws {
        let billion: Int64 = 1_000_000_000
        let nowhere = try #require(FileHandle(forWritingAtPath: "/dev/null"))
        var renderer = EventRenderer(
            to: RunnelCLI.OutputStream(descriptor: nowhere.fileDescriptor), style: TextStyle(hasColor: false))
        func happens(_ kind: RunEvent.Kind, at time: Int64) {
            renderer.show(RunEvent(runID: "r", time: time * billion, kind: kind))
        }
        func line(at time: Int64, width: Int = 80) -> String? { renderer.liveLine(now: time * billion, width: width) }

        #expect(line(at: 0) == nil)
        happens(.stepStarted(first, attempt: 1), at: 0)
        #expect(line(at: 4) == "▸ each[0].answer chat  4.0 s")
        #expect(line(at: 125) == "▸ each[0].answer chat  2 min 5 s")
        #expect(line(at: 4, width: 20) == "▸ each[0].a…  4.0 s")
        #expect("請求書 chat".clipped(toTerminalWidth: 6) == "請求…" && "請求書".clipped(toTerminalWidth: 6) == "請求書")
        happens(.stepStarted(second, attempt: 1), at: 5)
        #expect(line(at: 6) == "▸ each[0].answer chat  6.0 s  and 1 more")
        happens(.stepSucceeded(second, output: .null, took: .seconds(1)), at: 6)
        let error = RunError(reported: "busy", "it is busy")
        happens(.stepFailed(first, error, took: .seconds(1), retryIn: .seconds(3)), at: 7)
        #expect(line(at: 8) == "↻ each[0].answer chat  attempt 2  again in 2.0 s")
        happens(.runFinished(.cancelled, took: .seconds(9)), at: 9)
        #expect(line(at: 9) == nil)
    }

    private func shown(_ kinds: [RunEvent.Kind]) throws -> String {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try Data().write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        let handle = try FileHandle(forWritingTo: file)
        var renderer = EventRenderer(
            to: RunnelCLI.OutputStream(descriptor: handle.fileDescriptor), style: TextStyle(hasColor: false))
        for kind in kinds { renderer.show(RunEvent(runID: "r", time: 0, kind: kind)) }
        renderer.finish()
        try handle.close()
        return try String(contentsOf: file, encoding: .utf8)
    }
}
