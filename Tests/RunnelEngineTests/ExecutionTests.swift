import RunnelKit
import RunnelTesting
import Testing
import YAML

@testable import RunnelEngine

@Suite("Execution") struct ExecutionTests {
    @Test("a skipped step is null and the pipe passes it by")
    func skipping() async throws {
        let result = try await run(
            """
            steps:
              - { id: a, uses: echo, with: { value: 1 } }
              - { id: b, uses: echo, if: "steps.a == 2", with: { value: 2 } }
              - { id: c, uses: echo }
            """)
        #expect(result.output == 1)
        #expect(result.outputs == ["a": 1, "b": .null, "c": 1])
    }

    @Test("a value that contains braces is data")
    func data() async throws {
        let result = try await run(
            #"steps: [{ uses: echo, with: { value: "{{ input }}" } }]"#, input: "{{ secrets.x }}")
        #expect(result.output == "{{ secrets.x }}")
    }

    @Test("a text whose only tags are `{% raw %}` loses them, as one with other tags beside it")
    func raw() async throws {
        let result = try await run(
            """
            steps:
              - { id: a, uses: echo, with: { value: "A {% raw %}{{ x }}{% endraw %}" } }
              - { id: b, uses: echo, with: { value: "{% raw %}{{ x }}{% endraw %} {{ steps.a }}" } }
              - { id: c, uses: echo, with: { value: "{%- raw -%}  {% if %}  {%- endraw -%}" } }
            """)
        #expect(result.outputs == ["a": "A {{ x }}", "b": "{{ x }} A {{ x }}", "c": "{% if %}"])
    }

    @Test("a missing value fails the step and names expression, file, line and column")
    func missing() async throws {
        let result = try await run(
            "steps:\n  - uses: echo\n    with:\n      value: \"a {{ input.title }}\"", input: ["titel": "x"])
        let error = try #require(result.error)
        #expect(error.file == "p.yaml")
        #expect(error.range?.start.line == 4)
        #expect(error.message.contains("input.title"), "\(error.message)")
        #expect(error.stepID == "echo")
    }

    @Test("a null where a text is needed fails the step, and names the field, the expression and its place")
    func null() async throws {
        let none = "steps:\n  - { id: none, uses: echo, if: 'false' }\n"
        let text = try await run(none + "  - uses: fail\n    with:\n      message: \"{{ steps.none }}\"")
        let error = try #require(text.error)
        #expect(error.code == "empty-value")
        #expect(error.message == "`message`: expected a string, found null, the value of `steps.none`")
        #expect(error.hint == #"add `| default("…")` if it may be missing"#)
        #expect([error.range?.start.line, error.range?.start.column] == [5, 20])
        let inside = try await run(
            "steps: [{ uses: typed.step, with: { path: a, names: \"{{ input }}\" } }]", input: ["a", .null])
        #expect(
            inside.error?.message
                == "`names[1]`: expected a string, found null, which is in the value of `input`")
        #expect(inside.error?.hint == "give it a value, or leave it out, where `input` comes from")
        let item = try await run(none + "  - { uses: typed.step, with: { path: a, names: [b, '{{ steps.none }}'] } }")
        #expect(item.error?.message == "`names[1]`: expected a string, found null, the value of `steps.none`")
        let list = try await run(none + "  - { uses: echo, for_each: '{{ steps.none }}' }")
        #expect(list.error?.code == "empty-value")
        #expect(list.error?.message == "`for_each`: expected a list, found null, the value of `steps.none`")
        #expect(list.error?.hint == "add `| default([])` if it may be missing")
    }

    @Test("a null where any value may stand is that value")
    func nullValue() async throws {
        let none =
            "steps:\n  - { id: none, uses: echo, if: 'false' }\n  - { id: one, uses: echo, with: { value: 1 } }\n"
        for value in ["null", "'{{ steps.none }}'", "'{{ null }}'"] {
            #expect(try await run(none + "  - { uses: echo, with: { value: \(value) } }").output == .null)
            #expect(try await run(none + "output: \(value)").output == .null)
        }
        for condition in ["null", "~", "steps.none", "'{{ steps.none }}'"] {
            let result = try await run(none + "  - { id: last, uses: echo, if: \(condition), with: { value: 2 } }")
            #expect(result.outputs["last"] == .null)
            #expect(result.output == 1)
        }
    }

    @Test("`for_each` over several lists runs once for each combination, the last list changing fastest")
    func product() async throws {
        let result = try await run(
            """
            steps:
              - uses: echo
                for_each: { os: [linux, macos], size: "{{ input }}" }
                max_parallel: 3
                with: { value: "{{ item.os }}-{{ item.size }}/{{ index }}" }
            """, input: [1, 2])
        #expect(result.output == ["linux-1/0", "linux-2/1", "macos-1/2", "macos-2/3"])
        let empty = try await run("steps: [ { uses: echo, for_each: { os: [a], size: [] } } ]")
        #expect(empty.output == [])
        let wrong = try await run("steps: [ { uses: echo, for_each: { os: '{{ input }}' } } ]", input: "linux")
        #expect(wrong.error?.code == "bad-for-each")
        #expect(wrong.error?.message == "`for_each.os`: expected a list, found \"linux\"")
    }

    @Test(
        "secrets are masked before an error of `for_each` is cut",
        arguments: ["'{{ input }}'", "{ os: '{{ input }}' }"])
    func secretsInItems(items: String) async throws {
        let text = String(repeating: "x", count: 50)
        let result = try await run(
            "steps: [ { uses: echo, for_each: \(items) } ]", input: .string(text + "purple monkey dishwasher"),
            secrets: ["a": "purple monkey dishwasher"])
        #expect(result.error?.message.hasSuffix(": expected a list, found \"\(text)***\"") == true)
    }

    @Test("on_failure sees the error, finally always runs, and a failure there does not hide the first")
    func afterwards() async throws {
        let result = try await run(
            """
            steps:
              - { id: a, uses: fail }
            on_failure:
              - { id: b, uses: echo, with: { value: "{{ error.code }} in {{ error.step }}" } }
              - { id: c, uses: fail, with: { message: second } }
            finally:
              - { id: d, uses: echo, with: { value: done } }
            """)
        #expect(result.error?.message == "it broke")
        #expect(result.outputs["b"] == "broken in a")
        #expect(result.outputs["d"] == "done")
    }

    @Test("on_error: continue lets the run go on")
    func continuing() async throws {
        let result = try await run(
            "steps:\n  - { id: a, uses: fail, on_error: continue }\n  - { uses: echo, with: { value: 3 } }")
        #expect(result.output == 3)
        #expect(result.outputs["a"] == .null)
    }

    @Test("a transient failure is tried again after a pause, under one idempotency key")
    func retrying() async throws {
        let (clock, log) = (ManualClock(), EventLog())
        async let running = run("steps: [{ uses: flaky, retry: { attempts: 3 } }]", clock: clock, log: log)
        for _ in 1...2 {
            await clock.waitForSleepers()
            clock.advance(by: .seconds(60))
        }
        #expect(try await running.output == "run-1_flaky")
        #expect(
            log.names == [
                "run-started", "step-started", "step-failed", "step-started", "step-failed", "step-started",
                "step-succeeded", "run-finished",
            ])
    }

    @Test("the idempotency key names the run, the step and the item, and no group")
    func idempotencyKeys() async throws {
        let result = try await run(
            """
            steps:
              - { id: one, uses: keyed }
              - id: both
                parallel: true
                steps: [ { id: left, uses: keyed } ]
              - { id: each, for_each: [a, b], uses: keyed }
              - id: rows
                for_each: [[1], [2]]
                steps:
                  - { id: cells, for_each: "{{ item }}", uses: keyed }
            """)
        #expect(
            result.outputs == [
                "one": "run-1_one", "both": ["left": "run-1_left"], "left": "run-1_left",
                "each": ["run-1_each:0", "run-1_each:1"],
                "rows": [["run-1_cells:0:0"], ["run-1_cells:1:0"]],
            ])
    }

    @Test(
        "the wait doubles up to its limit, and whoever asks for more gets it up to that limit",
        arguments: [
            (1, nil, 1), (2, nil, 2), (3, nil, 4), (4, nil, 5), (1, 3, 3), (1, 5, 5), (1, 30, 5),
            (1, 365 * 86_400, 5), (5, nil, nil),
        ]
            as [(Int, Int?, Int?)])
    func plan(attempt: Int, retryAfter: Int?, expected: Int?) {
        var declaration = RetryDeclaration()
        declaration.attempts = PositiveCount(5)
        declaration.maxBackoff = .seconds(5)
        var error = RunError(reported: "busy", "busy")
        #expect(RetryPlan(declaration: declaration).delay(after: error, attempt: 1, jitter: 1) == nil)
        error.isTransient = true
        error.retryAfter = retryAfter.map { .seconds($0) }
        let delay = RetryPlan(declaration: declaration).delay(after: error, attempt: attempt, jitter: 1)
        #expect(delay == expected.map { .seconds($0) })
    }

    @Test(
        "a time-out of the step or the run ends it in words",
        arguments: [
            ("steps: [{ uses: slow, timeout: 2s }]", "the step took longer than its `timeout` of 2s"),
            ("timeout: 2s\nsteps: [{ uses: slow }]", "the run took longer than its `timeout` of 2s"),
        ])
    func timeouts(yaml: String, message: String) async throws {
        let clock = ManualClock()
        async let running = run(yaml, clock: clock)
        await clock.waitForSleepers(2)
        clock.advance(by: .seconds(2))
        #expect(try await running.error?.message == message)
    }

    @Test("a step that takes longer than its `timeout` keeps what it had produced")
    func timeoutKeepsPartialOutput() async throws {
        let clock = ManualClock()
        async let running = run("steps: [{ uses: half, timeout: 2s }]", clock: clock)
        await clock.waitForSleepers(2)
        clock.advance(by: .seconds(2))
        let error = try await running.error
        #expect(error?.message == "the step took longer than its `timeout` of 2s")
        #expect(error?.partialOutput == "half ")
    }

    @Test("the steps after a run's time-out still see what was done before it")
    func timeoutKeepsOutputs() async throws {
        let clock = ManualClock()
        async let running = run(
            """
            timeout: 2s
            steps:
              - { id: a, uses: echo, with: { value: 1 } }
              - { id: b, uses: slow }
            finally:
              - { id: c, uses: echo, with: { value: "{{ steps.a }} {{ error.code }}" } }
            """, clock: clock)
        await clock.waitForSleepers(2)
        clock.advance(by: .seconds(2))
        #expect(try await running.outputs["c"] == "1 run-timeout")
    }

    @Test("an event as JSON has its run, time and step")
    func json() async throws {
        let log = EventLog()
        _ = try await run("name: p\nsteps: [{ id: a, uses: echo, with: { value: 1 } }]", log: log)
        let head = #""run":"run-1","time":"2026-01-01T00:00:00"#
        #expect(log.json.count == 4)
        #expect(log.json.allSatisfy { $0.contains(head) }, "\(log.json)")
        #expect(
            log.json[0].hasPrefix(#"{"event":"run-started","#) && log.json[0].hasSuffix(#""pipeline":"p","steps":1}"#))
        #expect(log.json[2].hasSuffix(#""step":"a","uses":"echo","took_ms":0.0,"output":1}"#), "\(log.json[2])")
    }

    @Test("cancelling the task cancels the run")
    func cancelling() async throws {
        let clock = ManualClock()
        let task = Task { try await run("steps: [{ uses: slow }]", clock: clock) }
        await clock.waitForSleepers()
        task.cancel()
        #expect(try await task.value.outcome.state == "cancelled")
    }

    @Test("a secret is masked in every event, also when it is split over pieces of text")
    func masking() async throws {
        let log = EventLog()
        let result = try await run(
            """
            steps:
              - { uses: talk, with: { pieces: [hun, ter, 2x], note: "{{ secrets.key }}" } }
              - { uses: fail, with: { message: "no {{ secrets.key }}" } }
            """, secrets: ["key": "hunter2x"], log: log)
        #expect(result.error?.message == "no ***")
        #expect(log.names.contains("step-text"))
        #expect(!log.json.joined().contains("hunter2x"))
    }

    @Test("a secret in the error code that a program reports is masked")
    func maskedCode() {
        let error = RunError(reported: "hunter2x", "no").redacted(by: Redactor(secrets: ["hunter2x"]))
        #expect(error.code == "***")
        #expect(error.message == "no")
    }

    @Test("a long message or hint of an error, and a long note, is truncated after secrets are masked")
    func longTexts() async throws {
        let long = String(repeating: "x", count: 8190)
        let shown = long + "*…"
        let error = RunError(reported: "busy", long + "hunter2x", hint: long + "hunter2x")
            .redacted(by: Redactor(secrets: ["hunter2x"]))
        #expect(error.message == shown)
        #expect(error.hint == shown)
        let log = EventLog()
        _ = try await run(
            "steps: [{ uses: talk, with: { pieces: [], note: '\(long){{ secrets.key }}' } }]",
            secrets: ["key": "hunter2x"], log: log)
        #expect(log.json.contains { $0.contains("\"\(shown)\"") })
    }

    @Test(
        "an error in a template file names the file, line and column", arguments: [#"\n"#, #"\r\n"#])
    func rendering(lineEnd: String) async throws {
        let result = try await run(#"steps: [{ uses: echo, with: { text: "a\#(lineEnd) {{ '{{' }} nope }}" } }]"#)
        let message = try #require(result.error?.message)
        #expect(message.hasPrefix(#"letter.txt:2:5: "#), "\(message)")
    }
}

@Suite("Inputs") struct InputTests {
    @Test(
        "inputs that do not fit are refused in words",
        arguments: [
            (["cuont", "1"], #"the pipeline "p" has no input "cuont"; did you mean "count"?"#),
            (["count", "x"], #"the input "count": expected a whole number, found "x""#),
            (["mode", "c"], #"the input "mode": "c" is not one of "a", "b""#),
            (["mode", "a"], #"the input "count" is required; add `--input count=…`"#),
        ])
    func refused(given: [String], message: String) throws {
        let yaml = "inputs:\n  count: { type: integer }\n  mode: { enum: [a, b], default: a }\nsteps: [{ uses: echo }]"
        let loader = try PipelineLoader(registry: StepRegistry([FakePlugin()]))
        let pipeline = try #require(loader.load(Array(yaml.utf8), file: "p.yaml").pipeline)
        let error = #expect(throws: InputError.self) { try pipeline.inputValues([(given[0], given[1])]) }
        #expect(error?.message == message)
        #expect(try pipeline.inputValues([("count", "2")]) == ["count": 2, "mode": "a"])
    }

    @Test("an input that is given as null is null where it may be, and else an error")
    func null() throws {
        let yaml = """
            inputs:
              a: { default: x }
              b: { default: y, required: false }
              c: { type: integer, default: 1 }
              d: { type: list, required: false, default: null }
            steps: [{ uses: echo }]
            """
        let loader = try PipelineLoader(registry: StepRegistry([FakePlugin()]))
        let pipeline = try #require(loader.load(Array(yaml.utf8), file: "p.yaml").pipeline)
        #expect(try pipeline.inputValues(json: [:]) == ["a": "x", "b": "y", "c": 1, "d": .null])
        #expect(try pipeline.inputValues(json: ["b": .null])["b"] == .null)
        #expect(try pipeline.inputValues(json: ["a": 5, "c": "7"]) == ["a": "5", "b": "y", "c": 7, "d": .null])
        let text = #expect(throws: InputError.self) { try pipeline.inputValues(json: ["a": .null]) }
        #expect(text?.message == #"the input "a": expected a string, found null"#)
        let typed = #expect(throws: InputError.self) { try pipeline.inputValues([("c", "null")]) }
        #expect(typed?.message == #"the input "c": expected a whole number, found null"#)
        // What is typed for a text is the text.
        #expect(try pipeline.inputValues([("a", "null")])["a"] == "null")
    }

    @Test("for an input of type integer, 5.0 and 1e3 become 5 and 1000")
    func whole() throws {
        let yaml = """
            inputs: { n: { type: integer, default: 3.0 }, f: { type: number, default: 3.0 } }
            steps: [{ uses: echo }]
            """
        let loader = try PipelineLoader(registry: StepRegistry([FakePlugin()]))
        let pipeline = try #require(loader.load(Array(yaml.utf8), file: "p.yaml").pipeline)
        func shown(_ values: ValueObject) -> String { Value.object(values).json() }
        #expect(try shown(pipeline.inputValues([])) == #"{"n":3,"f":3.0}"#)
        #expect(try shown(pipeline.inputValues([("n", "5.0"), ("f", "5.0")])) == #"{"n":5,"f":5.0}"#)
        #expect(try shown(pipeline.inputValues([("n", "1e3")])) == #"{"n":1000,"f":3.0}"#)
        #expect(try shown(pipeline.inputValues(json: ["n": 5.0])) == #"{"n":5,"f":3.0}"#)
    }
}
