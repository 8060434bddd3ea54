import RunnelKit
import RunnelTesting
import TestSupport
import Testing

@testable import RunnelProcess

private let allSteps = [
    "echo", "environment", "where", "fails", "status", "try-later", "result-and-status", "half-line",
    "half-line-and-status", "no-line-feed", "nothing", "two-results", "garbage", "unknown-type", "crash", "killed",
    "long-line", "too-much", "hang", "hangs-with-text", "flood", "secret", "leaves-a-child", "big",
    "unknown-keys", "wrote-elsewhere", "misspelled-result",
]

private func plugin(_ extra: ValueObject = [:], command: Value = ["python3", "exec_child.py"]) throws -> ExecPlugin {
    var manifest: ValueObject = ["name": "test", "protocol": "exec", "command": command]
    manifest["steps"] = .object(ValueObject(allSteps.map { ($0, ["summary": "It."]) }))
    for (key, value) in extra { manifest[key] = value }
    return try ExecPlugin(PluginManifest(manifest: .object(manifest)), folder: resources, host: host)
}

@Suite("exec plugins") struct ExecTests {
    @Test("a call gets its request, streams text and notes, and returns the result")
    func echo() async throws {
        let plugin = try plugin()
        try await Stage.with(plugin) { stage async throws in
            var stage = stage
            stage.harness.input = ["a": 1]
            stage.harness.identity.attempt = 2
            stage.harness.identity.epoch = 17
            let output = try await stage.run(plugin, "echo", ["key": "value"])
            #expect(
                output == [
                    "step": "echo", "with": ["key": "value"], "input": ["a": 1],
                    "run": [
                        "id": "0198c0de-0000-7000-8000-000000000001", "pipeline": "test", "step": "step", "attempt": 2,
                        "idempotency_key": "0198c0de-0000-7000-8000-000000000001_step", "epoch": 17,
                    ],
                ])
            #expect(stage.harness.progress == [.text("one "), .note("half way"), .text("two")])
        }
    }

    @Test("a shell script that does not read its request works")
    func shell() async throws {
        let plugin = try plugin(command: "./exec_child.sh 'two words'")
        try await Stage.with(plugin) { stage async throws in
            #expect(try await stage.run(plugin, "echo") == ["from": "shell"])
            #expect(stage.harness.progress == [.note("two words")])
        }
    }

    @Test("a child sees what the manifest lists, the four that all get, and nothing else")
    func environment() async throws {
        let plugin = try plugin([
            "env": [
                "RUNNEL_TEST_SEEN", "RUNNEL_TEST_ABSENT",
                ["LITERAL": "text", "NUMBER": 5, "TOKEN": ["secret": "token"]],
            ]
        ])
        try await Stage.with(plugin) { stage async throws in
            var seen = try #require(try await stage.run(plugin, "environment").asObject)
            // What Python's own start adds.
            seen["LC_CTYPE"] = nil
            for name in EnvironmentList.always { seen[name] = nil }
            #expect(
                seen == [
                    "RUNNEL_TEST_SEEN": "seen", "LITERAL": "text", "NUMBER": "5", "TOKEN": "s3cr3t-token",
                    "RUNNEL_PROJECT": "/project",
                ])
        }
    }

    @Test("a child gets the trace of its run, unless the manifest sets the variable itself")
    func trace() async throws {
        let text = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        let trace = StepTrace(context: TraceContext(traceparent: text, tracestate: "a=1"))
        let cases: [(ValueObject, String)] = [([:], text), (["env": [["TRACEPARENT": "own"]]], "own")]
        for (extra, parent) in cases {
            let plugin = try plugin(extra)
            try await Stage.with(plugin) { stage async throws in
                var stage = stage
                stage.harness.trace = trace
                let seen = try await stage.run(plugin, "environment")
                #expect(seen["TRACEPARENT"] == .string(parent))
                #expect(seen["TRACESTATE"] == "a=1")
            }
        }
    }

    @Test("a child runs in the plugin's folder, leads its group and session, and has three descriptors")
    func place() async throws {
        let plugin = try plugin()
        try await Stage.with(plugin) { stage async throws in
            #expect(
                try await stage.run(plugin, "where") == [
                    "folder": "Resources", "descriptors": [0, 1, 2], "leads": true, "ignored": [],
                ])
        }
    }

    @Test(
        "what goes wrong is said in exact words",
        arguments: [
            ("fails", "no-such-place", #"there is no place "x""#, #"try "y""#, true),
            (
                "status", "plugin-exit-status",
                #"the plugin "test" ended with exit status 3; last lines of standard error:"#
                    + "\n    first words\n    last words",
                nil, false
            ),
            ("try-later", "plugin-exit-status", #"the plugin "test" ended with exit status 75"#, nil, true),
            (
                "result-and-status", "plugin-exit-status",
                #"the plugin "test" ended with exit status 2 after it had written its result"#, nil, false
            ),
            (
                "half-line", "plugin-bad-output",
                #"the plugin "test" ended in the middle of line 1 of its output: "{\"type\":\"result\",\"out""#,
                "write complete lines, and flush standard output before the program ends", false
            ),
            ("half-line-and-status", "plugin-exit-status", #"the plugin "test" ended with exit status 4"#, nil, false),
            (
                "nothing", "plugin-no-result", #"the plugin "test" ended without a result"#,
                #"write a line such as {"type":"result","output":null} before the program ends"#, false
            ),
            (
                "two-results", "plugin-two-results",
                #"the plugin "test" wrote a second result in line 2 of its output"#,
                #"write one line of type "result" per call"#, false
            ),
            (
                "garbage", "plugin-bad-output",
                #"line 1 of what the plugin "test" wrote is not JSON: "Starting up..." (column 1: expected a JSON value, found 'S')"#,
                "write one JSON object per line to standard output, and everything else to standard error", false
            ),
            (
                "unknown-type", "plugin-bad-output",
                #"line 1 of what the plugin "test" wrote has the unknown type "resullt""#, #"did you mean "result"?"#,
                false
            ),
            (
                "misspelled-result", "plugin-bad-output",
                #"line 1 of what the plugin "test" wrote is a message of type "result" with the unknown key "ouput""#,
                #"the output of the step stands under "output""#, false
            ),
            ("crash", "plugin-crashed", #"the plugin "test" was killed by signal 11 (SIGSEGV)"#, nil, false),
            ("killed", "plugin-crashed", #"the plugin "test" was killed by signal 9 (SIGKILL)"#, nil, true),
            (
                "long-line", "plugin-output-too-long",
                #"line 1 of what the plugin "test" wrote is longer than 100KiB (max_line)"#,
                "write less, or raise max_line in plugin.yaml", false
            ),
            (
                "too-much", "plugin-output-too-long",
                #"the plugin "test" wrote more than 1MiB in one call (max_output)"#,
                "write less, or raise max_output in plugin.yaml", false
            ),
        ] as [(String, String, String, String?, Bool)])
    func failures(step: String, code: String, message: String, hint: String?, isTransient: Bool) async throws {
        let plugin = try plugin(["max_line": "100KiB", "max_output": "1MiB"])
        try await Stage.with(plugin) { stage async throws in
            let error = try #require(await stage.failure(plugin, step))
            #expect(error.code == code)
            #expect(error.message == message)
            #expect(error.hint == hint)
            #expect(error.isTransient == isTransient)
        }
    }

    @Test("a key that means nothing is a warning in the log, given once")
    func unknownKeys() async throws {
        let plugin = try plugin()
        try await Stage.with(plugin) { stage async throws in
            #expect(await stage.failure(plugin, "unknown-keys")?.message == "busy")
            #expect(
                stage.log.messages.filter { $0.contains("unknown key") } == [
                    """
                    line 1 of what the plugin "test" wrote is a message of type "note" with the unknown key "txt", which \
                    is ignored; did you mean "text"?
                    """,
                    """
                    line 3 of what the plugin "test" wrote is a message of type "error" with the unknown key \
                    "retryable", which is ignored; its keys are "code", "message", "hint" and "transient"
                    """,
                ])
        }
    }

    @Test("a written file outside of the project is a warning in the log")
    func wroteElsewhere() async throws {
        let plugin = try plugin()
        try await Stage.with(plugin) { stage async throws in
            #expect(try await stage.run(plugin, "wrote-elsewhere") == .null)
            let problems = [
                #""../../etc/passwd" leads out of "/project""#, #""/etc/passwd" leads out of "/project""#,
                "the path is empty",
            ]
            #expect(
                stage.log.messages.filter { $0.contains("wrote") }
                    == problems.map { #""wrote" of the plugin "test" has no effect: "# + $0 })
        }
    }

    @Test("text that came before an error is kept as partial output")
    func partialOutput() async throws {
        let plugin = try plugin()
        try await Stage.with(plugin) { stage async throws in
            #expect(await stage.failure(plugin, "fails")?.partialOutput == "so far")
        }
    }

    @Test("a result without a line feed at the end counts")
    func noLineFeed() async throws {
        let plugin = try plugin()
        try await Stage.with(plugin) { stage async throws in
            #expect(try await stage.run(plugin, "no-line-feed") == "whole")
        }
    }

    @Test("a result of several megabytes arrives whole")
    func big() async throws {
        let plugin = try plugin()
        try await Stage.with(plugin) { stage async throws in
            #expect(try await stage.run(plugin, "big", ["size": 5_000_000]).asString?.utf8.count == 5_000_000)
        }
    }

    @Test("a hang is ended by the time-out, with the processes that the child had started")
    func hang() async throws {
        let plugin = try plugin(["timeout": "5s"])
        let clock = ManualClock()
        try await Stage.with(plugin, clock: clock) { stage async throws in
            async let failure = stage.failure(plugin, "hang")
            #expect(await eventually { clock.timeUntilNextDeadline != nil && !stage.harness.progress.isEmpty })
            clock.advance(by: .seconds(5))
            let error = try #require(await failure)
            #expect(error.code == "plugin-timeout")
            #expect(
                error.message
                    == #"the plugin "test" did not end within 5s (timeout); last lines of standard error:"#
                    + "\n    about to hang"
            )
            guard case .note(let pid)? = stage.harness.progress.first else { return }
            #expect(await eventually { Int64(pid).map(exists) == false })
        }
    }

    @Test("a cancelled call ends its child and is cancelled")
    func cancellation() async throws {
        let plugin = try plugin()
        try await Stage.with(plugin) { stage async throws in
            let call = Task { try await stage.run(plugin, "hang") }
            #expect(await eventually { !stage.harness.progress.isEmpty })
            guard case .note(let text)? = stage.harness.progress.first, let pid = Int64(text) else { return }
            call.cancel()
            await #expect(throws: CancellationError.self) { try await call.value }
            #expect(!exists(pid))
        }
    }

    @Test("a cancelled call keeps the text that came before")
    func cancelledText() async throws {
        let plugin = try plugin()
        try await Stage.with(plugin) { stage async throws in
            let call = Task { try await stage.run(plugin, "hangs-with-text") }
            #expect(await eventually { stage.harness.progress.contains(.note("about to hang")) })
            call.cancel()
            let error = try #require(await #expect(throws: StepError.self) { try await call.value })
            #expect(error.partialOutput == "half an answer")
            #expect(error.message == "the step was cancelled before it ended; what it had produced is kept")
        }
    }

    @Test("a flood on standard error is thinned out, and the call succeeds")
    func flood() async throws {
        let plugin = try plugin()
        try await Stage.with(plugin) { stage async throws in
            #expect(try await stage.run(plugin, "flood") == "survived")
            #expect(stage.log.messages.count < 2000)
            #expect(stage.log.messages.first == "line 0 of noise")
        }
    }

    @Test("secrets on standard error are masked in the log and in the error")
    func secrets() async throws {
        let plugin = try plugin()
        try await Stage.with(plugin, secrets: ["s3cr3t-token"]) { stage async throws in
            let error = try #require(await stage.failure(plugin, "secret", ["token": "s3cr3t-token"]))
            #expect(
                error.message
                    == #"the plugin "test" ended with exit status 1; last lines of standard error:"#
                    + "\n    the token is ***")
            #expect(stage.log.messages == ["the token is ***"])
        }
    }

    @Test("processes that a child leaves behind end with it")
    func leftovers() async throws {
        let plugin = try plugin()
        try await Stage.with(plugin) { stage async throws in
            let pid = try #require(try await stage.run(plugin, "leaves-a-child").asInt)
            #expect(await eventually { [nil, "Z"].contains(state(pid)) })
        }
    }

    @Test("no more calls run at once than the plugin allows")
    func concurrency() async throws {
        let plugin = try plugin(["concurrency": 2])
        try await Stage.with(plugin) { stage async throws in
            let supervisor = try await stage.harness.services.get(ProcessSupervisorKey.self)
            try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<8 {
                    group.addTask {
                        _ = try await stage.run(plugin, "echo")
                        return await supervisor.childCount
                    }
                }
                for try await count in group { #expect(count <= 2) }
            }
            #expect(await supervisor.childCount == 0)
        }
    }

    @Test("a with: that does not fit the schema starts nothing")
    func badWith() async throws {
        let plugin = try plugin([
            "steps": ["echo": ["summary": "It.", "input": ["properties": ["n": ["type": "integer"]]]]]
        ])
        try await Stage.with(plugin) { stage async throws in
            let error = try #require(await stage.failure(plugin, "echo", ["n": "x"]))
            #expect(error.code == "bad-with")
            #expect(error.message == #"`n`: expected a whole number, found the string "x""#)
        }
    }

    @Test("a null reaches the program where the schema admits it, and else starts nothing")
    func null() async throws {
        let properties: Value = [
            "n": ["type": "integer"], "m": ["type": ["integer", "null"]], "list": ["items": ["type": "string"]],
        ]
        let plugin = try plugin(["steps": ["echo": ["summary": "It.", "input": ["properties": properties]]]])
        try await Stage.with(plugin) { stage async throws in
            let error = try #require(await stage.failure(plugin, "echo", ["n": .null]))
            #expect(error.code == "empty-value")
            #expect(error.message == "`n`: expected a whole number, found null")
            #expect(error.field == [.key("n")])
            let item = try #require(await stage.failure(plugin, "echo", ["list": ["a", .null]]))
            #expect(item.code == "empty-value")
            #expect(item.field == [.key("list"), .index(1)])
            #expect(try await stage.run(plugin, "echo", ["m": .null])["with"] == ["m": .null])
        }
    }

    @Test(
        "a command that cannot be started says why",
        arguments: [
            (
                ["./missing"], "plugin-command-not-found",
                "the plugin \"test\" cannot start: there is no executable program \"./missing\" in \(resources)",
                "check the name, and make the file executable (chmod +x)"
            ),
            (
                ["exec_child.sh"], "plugin-command-not-found",
                #"the plugin "test" cannot start: there is no program "exec_child.sh" in PATH"#,
                #"write "./exec_child.sh" for the file in the plugin's folder"#
            ),
        ] as [(Value, String, String, String)])
    func noCommand(command: Value, code: String, message: String, hint: String) async throws {
        let plugin = try plugin(command: command)
        try await Stage.with(plugin) { stage async throws in
            let error = try #require(await stage.failure(plugin, "echo"))
            #expect(error.code == code)
            #expect(error.message == message)
            #expect(error.hint == hint)
        }
    }
}
