import Foundation
import RunnelKit
import Testing

@Suite("Pipelines as tools of an assistant") struct MCPTests {
    private let pipelines = [
        "runnel.yaml": "",
        "pipelines/greet.yaml": """
        name: greet
        description: Greets somebody.
        inputs:
          name: { type: string, required: true, description: Who is greeted. }
          times: { type: integer, default: 1 }
        steps:
          - { id: greet, uses: log, with: { message: "greeting {{ inputs.name }}" } }
        output: { text: "Hello, {{ inputs.name }}!", times: "{{ inputs.times }}" }
        """,
        "pipelines/fails.yaml": "name: fails\nsteps:\n  - { uses: transform, with: { jq: 'error(.)' } }\n",
        "pipelines/slow.yaml": """
        name: slow
        steps:
          - { uses: wait.here }
        """,
        "plugins/wait/plugin.yaml":
            "name: wait\nprotocol: exec\ncommand: [sleep, \"600\"]\nsteps: { here: { summary: Waits. } }\n",
    ]

    @Test(
        "the official client lists, calls, cancels and is told what goes on",
        arguments: [("handshake", "2025-11-25"), ("auto", "2026-07-28")])
    func officialClient(mode: String, revision: String) async throws {
        try await withProject(pipelines) { runnel in
            let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
                .appendingPathComponent("Resources/mcp_client.py").path
            let client = RunnelProcess(directory: runnel.directory, program: pythonForTests)
            let ended = try await client.run([script, RunnelProcess.path, runnel.directory, mode])
            let schema = """
                {"additionalProperties": false, "properties": {"input": {"description": "What the first step gets as its \
                input, such as a text."}, "name": {"description": "Who is greeted.", "type": "string"}, "priority": \
                {"description": "The priority of the run among queued ones, instead of the pipeline's.", "maximum": 10, \
                "minimum": -10, "type": "integer"}, "times": \
                {"default": 1, "type": "integer"}}, "required": ["name"], "type": "object"}
                """
            #expect(
                ended.output == """
                    \(revision)
                    {"schema": \(schema), "tools": ["fails", "greet", "slow"]}
                    False {"text": "Hello, Ada!", "times": 2}
                    progress True
                    True the required key "name" is missing
                    True jq: a text (the input was "a text") [jq-error]
                    Hello, 9! 10
                    cancelled
                    Hello, after!
                    True `priority`: expected at most 10, found 11

                    """ + (mode == "auto" ? "True\n" : ""), "\(ended.error)")
            // Each call was a run, and the one that was given up is not left going on.
            let runs = try await runnel.run(["runs", "list", "--json"]).output
            #expect(runs.contains("\"cancelled\""))
            #expect(try Value.json(runs).asList?.contains { $0["priority"] == 4 } == true)
            #expect(!runs.contains("\"running\"") && !runs.contains("\"queued\""))
        }
    }

    @Test(
        "a file that cannot be read is named on standard error, and the others are tools",
        .enabled(if: FileManager.default.fileExists(atPath: "/proc/self/mem"), "a file that not even root can read"))
    func unreadable() async throws {
        try await withProject(pipelines) { runnel in
            try FileManager.default.createSymbolicLink(
                atPath: runnel.directory + "/pipelines/broken.yaml", withDestinationPath: "/proc/self/mem")
            let messages = """
                {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"protocolVersion": "2025-11-25", \
                "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}}
                {"jsonrpc": "2.0", "method": "notifications/initialized"}
                {"jsonrpc": "2.0", "id": 2, "method": "tools/list"}

                """
            let ended = try await runnel.run(["mcp"], input: messages)
            #expect(
                ended.error.contains("error: cannot read the file \"pipelines/broken.yaml\": Input/output error\n"),
                "\(ended.error)")
            let answers = try ended.output.split(separator: "\n").map { try Value.json(String($0)) }
            let tools = answers.last?["result"]?["tools"]?.asList ?? []
            #expect(tools.compactMap { $0["name"]?.asString } == ["fails", "greet", "slow"])
        }
    }
}

/// What `scripts/python.sh` laid in.
var pythonForTests: String {
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent(".build/python/bin/python").path
}
