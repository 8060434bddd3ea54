import RunnelKit
import RunnelTesting
import TestSupport
import Testing

@testable import MCP
@testable import RunnelProcess

private func manifest(_ era: String, _ extra: ValueObject = [:], state: String? = nil) throws -> PluginManifest {
    var words: [Value] = ["python3", "mcp_child.py", .string(era)]
    if let state { words.append(.string(state)) }
    var object: ValueObject = ["name": "tools", "protocol": "mcp", "command": .list(words)]
    for (key, value) in extra { object[key] = value }
    return try PluginManifest(manifest: .object(object))
}

/// Runs `body` with the tools of a server of that era.
private func withServer<Result>(
    _ era: String = "legacy", _ extra: ValueObject = [:], clock: any Clock<Duration> = ContinuousClock(),
    _ body: (_ stage: Stage, _ plugin: MCPPlugin, _ directory: String) async throws -> Result
) async throws -> Result {
    try await withTemporaryDirectory { directory in
        let manifest = try manifest(era, extra, state: directory + "/state")
        let plugin = try await MCPPlugin.discover(
            manifest, folder: resources, cacheFile: directory + "/cache/tools.json", host: host,
            context: Stage().context)
        return try await Stage.with(plugin, clock: clock) { try await body($0, plugin, directory) }
    }
}

@Suite("MCP servers on stdio") struct MCPTests {
    @Test(
        "all revisions are spoken, with what servers of each expect in a call",
        arguments: [("modern", true), ("legacy", false), ("old", false), ("fragile", false)])
    func eras(era: String, isStateless: Bool) async throws {
        try await withServer(era) { stage, plugin, _ async throws in
            #expect(try await stage.run(plugin, "add", ["n": 41]) == "42")
            let request = try Value.json(try await stage.run(plugin, "echo", ["n": 1]).text)
            #expect(request["arguments"] == ["n": 1])
            #expect(
                request["_meta"]?["io.modelcontextprotocol/protocolVersion"] == (isStateless ? "2026-07-28" : nil))
            #expect(request["_meta"]?["progressToken"]?.asInt != nil)
        }
    }

    @Test("the documentation of a tool names the keys of its output")
    func documentation() throws {
        let schema: Value = ["type": "object", "properties": ["sum": [:], "count": [:]]]
        let tool = try #require(MCPTool(["name": "add", "inputSchema": [:], "outputSchema": schema]))
        #expect(tool.documentation.output == "An object with `sum`, `count`.")
    }

    @Test("a call carries the trace of its step in `_meta`, beside what the protocol puts there")
    func trace() async throws {
        try await withServer { stage, plugin, _ async throws in
            let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
            var traced = stage
            traced.harness.trace = StepTrace(context: TraceContext(traceparent: parent, tracestate: "a=1"))
            let meta = try Value.json(try await traced.run(plugin, "echo", ["n": 1]).text)["_meta"]
            #expect(meta?["traceparent"] == .string(parent))
            #expect(meta?["tracestate"] == "a=1")
            #expect(meta?["progressToken"]?.asInt != nil)
            let none = try Value.json(try await stage.run(plugin, "echo", ["n": 1]).text)["_meta"]
            #expect(none?["traceparent"] == nil)
        }
    }

    @Test("a null argument that the tool's schema does not admit is an error, and the tool is not called")
    func null() async throws {
        try await withServer { stage, plugin, _ async throws in
            let error = try #require(await stage.failure(plugin, "add", ["n": .null]))
            #expect(error.code == "empty-value")
            #expect(error.message == "`n`: expected a whole number, found null")
        }
    }

    @Test("a server that never answers server/discover is begun with initialize after five seconds")
    func mute() async throws {
        let clock = ManualClock()
        var stage = Stage()
        stage.harness.clock = clock
        let context = stage.context
        try await withTemporaryDirectory { directory in
            async let plugin = MCPPlugin.discover(
                try manifest("mute"), folder: resources, cacheFile: directory + "/tools.json", host: host,
                context: context)
            // The limits of the start and of the question.
            #expect(await eventually { clock.timeUntilNextDeadline == .seconds(5) })
            clock.advance(by: .seconds(5))
            #expect(try await plugin.tools.count == 29)
        }
    }

    @Test("a tool is left out if its name has a control character (log injection) or repeats an earlier name")
    func names() async throws {
        let manifest = try manifest("legacy")
        try await withTemporaryDirectory { directory in
            let names: [Value] = ["add", "a\nhttp.fetch", "add"]
            let cache = ToolCache(
                manifest: manifest, protocol: "", tools: names.compactMap { MCPTool(["name": $0]) })
            try cache.write(directory + "/tools.json")
            let plugin = try #require(
                MCPPlugin.cached(manifest, folder: resources, cacheFile: directory + "/tools.json", host: host))
            #expect(plugin.steps.map(\.name) == ["tools.add"])
            #expect(
                plugin.problems == [
                    #"the plugin "tools" lists a tool whose name contains a control character: "a\nhttp.fetch""#,
                    #"the plugin "tools" lists the tool "add" twice"#,
                ])
        }
    }

    @Test("a server of an unknown revision is refused in exact words")
    func foreign() async throws {
        let error = await #expect(throws: StepError.self) { try await withServer("foreign") { _, _, _ in } }
        #expect(error?.code == "plugin-start-failed")
        #expect(
            error?.message
                == """
                the plugin "tools" cannot be used: it speaks 1999-01-01 of the Model Context Protocol; Runnel speaks \
                2026-07-28, 2025-11-25, 2025-06-18, 2025-03-26, 2024-11-05
                """)
    }

    @Test("a server that ends before it is ready says why")
    func neverReady() async throws {
        let error = await #expect(throws: StepError.self) { try await withServer("never-ready") { _, _, _ in } }
        #expect(
            error?.message
                == """
                the plugin "tools" ended with exit status 2 before it was ready; last lines of standard error:
                    no key given
                """)
    }

    @Test("tools come from all pages, with summary and schema")
    func listing() async throws {
        try await withServer { _, plugin, _ in
            #expect(plugin.steps.count == 29)
            let step = plugin.steps.first { $0.name == "tools.add" }
            #expect(step?.summary == "Does add.")
            #expect(step?.documentation.details == "Does add. And more.")
            #expect(step?.schema["properties"]?["n"]?["type"] == "integer")
        }
    }

    @Test("tools are kept in a file, so that the next time nothing is started, until the manifest changes")
    func cache() async throws {
        try await withTemporaryDirectory { directory in
            let file = directory + "/plugins/tools.json"
            let first = try manifest("legacy", state: directory + "/state")
            #expect(MCPPlugin.cached(first, folder: resources, cacheFile: file, host: host) == nil)
            func discover(_ manifest: PluginManifest, refresh: Bool = false) async throws -> MCPPlugin {
                try await MCPPlugin.discover(
                    manifest, folder: resources, cacheFile: file, host: host, refresh: refresh, context: Stage().context
                )
            }
            func starts() throws -> Int { try text(directory + "/state").split(separator: "\n").count }
            let asked = try await discover(first)
            #expect(try starts() == 1)
            #expect(try await discover(first).tools == asked.tools)
            #expect(try starts() == 1)
            #expect(MCPPlugin.cached(first, folder: resources, cacheFile: file, host: host)?.tools == asked.tools)
            _ = try await discover(first, refresh: true)
            #expect(try starts() == 2)
            let changed = try manifest("legacy", ["version": "2"], state: directory + "/state")
            #expect(MCPPlugin.cached(changed, folder: resources, cacheFile: file, host: host) == nil)
            let moved = try manifest("old", state: directory + "/state")
            #expect(MCPPlugin.cached(moved, folder: resources, cacheFile: file, host: host) == nil)
        }
    }

    @Test("when a server says that its tools have changed, the file is brought up to date")
    func change() async throws {
        for era in ["legacy", "modern"] {
            try await withServer(era) { stage, plugin, directory async throws in
                #expect(try await stage.run(plugin, "change") == "changed")
                #expect(ToolCache.read(directory + "/cache/tools.json")?.tools.last?.name == "new")
            }
        }
    }

    @Test("the output is structured content, text, a list of contents, or null")
    func outputs() async throws {
        try await withServer { stage, plugin, _ async throws in
            #expect(try await stage.run(plugin, "structured") == ["degrees": 21.5])
            #expect(try await stage.run(plugin, "empty") == .null)
            #expect(
                try await stage.run(plugin, "mixed") == [
                    ["type": "text", "text": "a"], ["type": "image", "data": "AA==", "mimeType": "image/png"],
                ])
        }
    }

    @Test("an answer without a final line break is read when the server ends, and `content` may be a string")
    func unended() async throws {
        try await withServer("legacy") { stage, plugin, _ async throws in
            #expect(try await stage.run(plugin, "unended") == "the end")
            #expect(try await stage.run(plugin, "add", ["n": 1]) == "2")
        }
    }

    @Test("progress is reported, and messages go to the log")
    func progress() async throws {
        try await withServer { stage, plugin, _ async throws in
            #expect(try await stage.run(plugin, "progress") == "done")
            #expect(stage.harness.progress == [.note("halfway (1 of 2)"), .note("0.5")])
            _ = try await stage.run(plugin, "log")
            #expect(stage.log.messages == [#"disk: {"free":3}"#])
        }
    }

    @Test(
        "what goes wrong is said in exact words, and the next call works",
        arguments: [
            ("fails", "mcp-tool-failed", #"the tool "fails" of the plugin "tools" failed: no such city"#, false),
            (
                "error", "mcp-error",
                #"the plugin "tools" answered with the error -32602 while it worked on "error": Unknown tool: error"#,
                false
            ),
            (
                "half", "plugin-crashed", #"the plugin "tools" ended with exit status 0 while it worked on "half""#,
                true
            ),
            (
                "die", "plugin-crashed",
                #"the plugin "tools" ended with exit status 7 while it worked on "die"; last lines of standard error:"#
                    + "\n    about to die",
                true
            ),
            (
                "long", "plugin-crashed",
                #"the plugin "tools" wrote a line longer than 256KiB (max_line) while it worked on "long""#, true
            ),
            (
                "says-failed", "mcp-tool-failed",
                #"the tool "says-failed" of the plugin "tools" failed: no such city"#, false
            ),
            (
                "closes", "plugin-crashed",
                #"the plugin "tools" closed its output while it worked on "closes""#, true
            ),
            (
                "deep", "mcp-refused",
                #"the plugin "tools" gave an answer that cannot be read (column 556: nested deeper than 512 levels) while it"#
                    + #" worked on "deep""#,
                false
            ),
            (
                "nan", "mcp-refused",
                #"the plugin "tools" gave an answer that cannot be read (column 45: expected a JSON value, found 'N') while"#
                    + #" it worked on "nan""#,
                false
            ),
            (
                "asks-back", "mcp-input-required",
                #"the tool "asks-back" of the plugin "tools" wants an answer ("input_required")"#, false
            ),
        ])
    func failures(tool: String, code: String, message: String, isTransient: Bool) async throws {
        try await withServer("legacy", ["max_line": "256KiB"]) { stage, plugin, _ async throws in
            let error = try #require(await stage.failure(plugin, tool))
            #expect(error.code == code)
            #expect(error.message == message)
            #expect(error.isTransient == isTransient)
            #expect(try await stage.run(plugin, "add", ["n": 1]) == "2")
        }
    }

    @Test(
        "a line of invalid JSON is the response to the request whose id is at its top level",
        arguments: [
            (#"{"jsonrpc": "2.0", "result": {"id": 1, "a": NaN}, "id" : 7}"#, 7), (#"{"id":7,"result":["#, 7),
            (#"{"id":7,"method":"ping","params":NaN}"#, nil), (#"{"id":"7","result":NaN}"#, nil),
            (#"{"a":"\"id\":7","b":NaN}"#, nil), (#"{"result":{"id":7},"b":NaN}"#, nil), (#"{"id"#, nil), ("", nil),
            (#"{"a\"#, nil), ("Server is ready!", nil),
        ] as [(String, Int64?)])
    func unreadable(line: String, id: Int64?) {
        #expect(MCPIncoming.answered(by: Array(line.utf8)) == id)
    }

    @Test("second answers, and answers that nobody asked for, are ignored with a word in the log")
    func twice() async throws {
        try await withServer { stage, plugin, _ async throws in
            #expect(try await stage.run(plugin, "twice") == "first")
            #expect(try await stage.run(plugin, "add", ["n": 1]) == "2")
            #expect(
                stage.log.messages == [
                    "ignored a late or second answer to request 3",
                    "ignored an answer to request 987654, which was never made",
                ])
        }
    }

    @Test("a line that is no message is logged, and does no harm")
    func garbage() async throws {
        try await withServer { stage, plugin, _ async throws in
            #expect(try await stage.run(plugin, "garbage") == "after garbage")
            #expect(stage.log.messages == [#"a line of its output is not JSON: "Server is ready!""#])
        }
    }

    @Test("pings are answered, and other requests of a server are refused")
    func serverRequests() async throws {
        try await withServer { stage, plugin, _ async throws in
            let replies = try Value.json(try await stage.run(plugin, "ask").text)
            #expect(
                replies == [
                    ["jsonrpc": "2.0", "id": "p1", "result": [:]],
                    [
                        "jsonrpc": "2.0", "id": "s1",
                        "error": ["code": -32601, "message": "Method not found: sampling/createMessage"],
                    ],
                ])
        }
    }

    @Test("a cancelled call is cancelled at the server, which is kept")
    func cancellation() async throws {
        try await withServer { stage, plugin, _ async throws in
            let call = Task { try await stage.run(plugin, "hang") }
            #expect(await eventually { !stage.harness.progress.isEmpty })
            call.cancel()
            await #expect(throws: CancellationError.self) { try await call.value }
            let cancelled = try Value.json(try await stage.run(plugin, "cancelled").text)
            #expect(cancelled == [["requestId": 3, "reason": "the caller gave up"]])
            let pid = try await stage.run(plugin, "where")["pid"]?.asInt
            #expect(stage.harness.progress == [.note("\(pid ?? 0) (0)")])
        }
    }

    @Test("a call that is not answered ends with the time-out, and so does the child, once its other calls are over")
    func hang() async throws {
        let clock = ManualClock()
        try await withServer("legacy", ["timeout": "30s"], clock: clock) { stage, plugin, _ async throws in
            let before = try await stage.run(plugin, "where")["pid"]?.asInt
            async let failure = stage.failure(plugin, "hang")
            #expect(await eventually { clock.timeUntilNextDeadline != nil && !stage.harness.progress.isEmpty })
            clock.advance(by: .seconds(30))
            let error = try #require(await failure)
            #expect(error.code == "plugin-timeout")
            #expect(error.message == #"the plugin "tools" did not answer "hang" within 30s (timeout)"#)
            #expect(before.map(exists) == false)
            let after = try await stage.run(plugin, "where")["pid"]?.asInt
            #expect(after != nil && after != before)
        }
    }

    @Test("a child that dies at every tenth call fails that call only")
    func everyTenth() async throws {
        try await withServer { stage, plugin, _ async throws in
            var failures = 0
            for _ in 0..<60 {
                if let error = await stage.failure(plugin, "tenth") {
                    failures += 1
                    #expect(error.code == "plugin-crashed")
                }
            }
            #expect(failures == 6)
        }
    }

    @Test("a flood on standard error is thinned out, and the call succeeds")
    func flood() async throws {
        try await withServer { stage, plugin, _ async throws in
            #expect(try await stage.run(plugin, "flood") == "survived")
            #expect(stage.log.messages.count < 2000)
        }
    }

    @Test("calls that run at once get their own answers")
    func parallel() async throws {
        try await withServer("legacy", ["concurrency": 8]) { stage, plugin, _ async throws in
            try await withThrowingTaskGroup(of: Bool.self) { group in
                for number in 0..<200 {
                    group.addTask {
                        try await stage.run(plugin, "add", ["n": .int(Int64(number))]) == .string("\(number + 1)")
                    }
                }
                for try await isRight in group { #expect(isRight) }
            }
        }
    }

    @Test("the agent's end ends the server and what it had started")
    func shutDown() async throws {
        let (server, helper) = try await withServer { stage, plugin, _ async throws in
            let server = try await stage.run(plugin, "where")["pid"]?.asInt
            return (server, Int64(try await stage.run(plugin, "spawn").text))
        }
        #expect(server.map(exists) == false)
        #expect(await eventually { helper.map { [nil, "Z"].contains(state($0)) } == true })
    }
}
