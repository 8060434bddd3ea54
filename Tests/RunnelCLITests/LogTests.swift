import Logging
import RunnelEngine
import RunnelKit
import RunnelSupport
import Testing

@testable import RunnelCLI

@Suite("The log and what it says", .timeLimit(.minutes(5))) struct LogTests {
    private static let line = LogLine(
        time: 1_790_000_000_000_000_000, level: .warning, message: "run r-1 of p failed\nafter 2s\u{1B}[31m",
        details: [("pipeline", "p"), ("reason", "no \"host\""), ("run", "r-1")])

    @Test(
        "a line has one form for people, one for programs and one for systemd",
        arguments: [
            (
                LogSettings.Format.text,
                "2026-09-21T14:13:20.000Z warning run r-1 of p failed\\nafter 2s\u{FFFD}[31m reason=no \"host\""
            ),
            (
                .json,
                #"{"time":"2026-09-21T14:13:20.000Z","level":"warning","message":"run r-1 of p failed\nafter 2s\u001b[31m","#
                    + #""pipeline":"p","reason":"no \"host\"","run":"r-1"}"#
            ),
            (.journald, "<4>run r-1 of p failed\\nafter 2s\u{FFFD}[31m reason=no \"host\""),
        ])
    func forms(format: LogSettings.Format, text: String) {
        #expect(Self.line.text(format) == text)
    }

    @Test("`serve` logs each run as JSON, at the level of the command line, without secrets")
    func serving() async throws {
        let steps = "steps: [ { uses: shell, with: { run: \"echo hunter2x >&2; exit 3\" } } ]"
        let project = [
            "runnel.yaml": """
            server: { port: 0 }
            log: { format: json, level: error }
            secrets: { key: { env: THE_KEY } }
            """,
            "pipelines/p.yaml": "name: p\non: { schedule: { cron: \"@reboot\" } }\n" + steps,
        ]
        try await withProject(project, environment: ["THE_KEY": "hunter2x"]) { runnel in
            let ended = try await runnel.interrupt(
                ["serve", "pipelines", "--log-level", "info"], after: " failed after ")
            let lines = ended.error.split(separator: "\n")
            for line in lines { #expect(try Value.json(Array(line.utf8)).asObject != nil, "\(line)") }
            #expect(lines.contains { $0.contains(#""message":"Shutting down.""#) })
            let began = try #require(lines.first { $0.contains(" began (") })
            #expect(try Value.json(Array(began.utf8))["pipeline"] == "p")
            #expect(!ended.error.contains("hunter2x"))
        }
    }

    @Test("`logs` prints the events of a run with their times, texts in whole lines")
    func logs() async throws {
        let pipeline = """
            name: p
            steps:
              - { id: first, uses: log, with: { message: "one" } }
              - { id: second, uses: shell, with: { run: "echo two; exit 3" } }
            """
        try await withProject(["p.yaml": pipeline]) { runnel in
            _ = try await runnel.run(["run", "p"])
            let ended = try await runnel.run(["logs"])
            #expect(ended.status == 0)
            let lines = ended.output.split(separator: "\n").map { String($0.drop { $0 != " " }.dropFirst(2)) }
            #expect(lines.first?.hasSuffix(" of p began") == true)
            #expect(lines.dropFirst().first == "first  log began")
            #expect(lines.contains("first  one"))
            #expect(lines.contains("second  shell began"))
            #expect(lines.contains { $0.hasPrefix("second  failed after ") })
            #expect(lines.last?.hasPrefix("failed after ") == true)
            let one = try await runnel.run(["logs", "last", "--step", "first", "--json"])
            let events = try one.output.split(separator: "\n").map { try Value.json(Array($0.utf8)) }
            #expect(events.map { $0["event"] } == ["step-started", "step-note", "step-succeeded"])
            let nowhere = try await runnel.run(["logs", "last", "--step", "secnod"])
            #expect(nowhere.error.hasSuffix(" has no event of a step \"secnod\"\n  = did you mean \"second\"?\n"))
            #expect(nowhere.status == 2)
            let none = try await runnel.run(["logs", "nope"])
            #expect(none.error == "error: there is no run \"nope\"\n  = `runnel runs list` lists the runs\n")
        }
    }

    @Test("texts that come in pieces become lines, those of steps side by side too")
    func pieces() throws {
        func text(_ step: String, _ text: String, _ second: Int64) throws -> RunEvent {
            let json: Value = [
                "event": "step-text", "time": .string(Timestamp.text(nanoseconds: second * 1_000_000_000)),
                "step": .string(step), "uses": "chat", "text": .string(text),
            ]
            return try #require(RunEvent(json: json, runID: "r"))
        }
        func line(_ step: String, _ text: String, _ second: Int64) -> RunLogLines.Line {
            RunLogLines.Line(time: second * 1_000_000_000, step: step, text: text)
        }
        var log = RunLogLines()
        #expect(try log.lines(of: text("a", "He", 1)) == [])
        #expect(try log.lines(of: text("b", "x\ny", 2)) == [line("b", "x", 2)])
        #expect(try log.lines(of: text("a", "llo\n\nyou", 3)) == [line("a", "Hello", 1), line("a", "", 3)])
        #expect(log.rest() == [line("a", "you", 3), line("b", "y", 2)])
        #expect(try log.lines(of: text("a", String(repeating: "z", count: 5000), 4)).map(\.text.count) == [5000])
    }

    @Test("a long line is wrapped on a terminal, and whole for a program")
    func wrapped() {
        let line = RunLogLines.Line(
            time: 1_767_225_600_000_000_000, step: "answer", text: String(repeating: "word ", count: 20) + "end")
        let style = TextStyle(hasColor: false)
        let lines = line.shown(style, width: 60).split(separator: "\n")
        #expect(lines.count == 3)
        #expect(lines.map(\.count).max() ?? 0 <= 60)
        #expect(lines.first?.contains("  answer  word word ") == true)
        #expect(lines.last?.hasPrefix("                  ") == true)
        #expect(line.shown(style, width: nil).hasSuffix("  answer  \(line.text)\n"))
    }

    @Test("a run that was resumed went on, behind what its interrupted step had said")
    func resumed() {
        let place = RunEvent.StepPlace(id: "answer", uses: "chat")
        let kinds: [RunEvent.Kind] = [
            .runStarted(pipeline: "p", steps: 1), .stepStarted(place, attempt: 1), .stepText(place, "Once upon"),
            .runStarted(pipeline: "p", steps: 1), .stepStarted(place, attempt: 1), .stepText(place, "Once again"),
            .stepSucceeded(place, output: .null, took: .seconds(2)),
        ]
        var log = RunLogLines()
        var lines: [RunLogLines.Line] = []
        for (index, kind) in kinds.enumerated() {
            lines += log.lines(of: RunEvent(runID: "r", time: Int64(index), kind: kind))
        }
        #expect(
            lines.map(\.text) == [
                "run r of p began", "chat began", "Once upon", "the run went on", "chat began", "Once again",
                "succeeded after 2.0 s",
            ])
        #expect(lines.map(\.time) == [0, 1, 2, 3, 4, 5, 6])
    }

    @Test("`config` prints each setting with its source, and no secret")
    func config() async throws {
        let files = [
            "runnel.yaml": """
            journal: { keep: 7d }
            secrets: { key: { env: THE_KEY } }
            """
        ]
        try await withProject(files, environment: ["THE_KEY": "hunter2x", "RUNNEL_RUNS_LIMIT": "3"]) { runnel in
            let changed = try await runnel.run(["config", "--changed"])
            #expect(
                changed.output == """
                    journal.keep  7d  # runnel.yaml:1
                    runs.limit    3  # RUNNEL_RUNS_LIMIT
                    secrets.key   ***  # runnel.yaml:2

                    """)
            let one = try await runnel.run(["config", "log.format", "--json"])
            #expect(one.output == #"{"key":"log.format","value":"text","source":"default"}"# + "\n")
            let wrong = try await runnel.run(["config", "jurnal"])
            #expect(wrong.status == 2)
            #expect(
                wrong.error == "error: there is no setting \"jurnal\" with a value\n  = did you mean \"journal\"?\n")
            #expect(!(changed.output + one.output).contains("hunter2x"))
        }
    }
}
