import Foundation
import MarketplaceSimulator
import RunnelKit
import Testing

/// A project whose Marketplace is this simulator.
func withAgent<Result: Sendable>(
    _ files: [String: String] = [:], settings: String = "", shape: (inout SimulatorConfiguration) -> Void = { _ in },
    _ body: @Sendable (RunnelProcess, RunningSimulator) async throws -> Result
) async throws -> Result {
    var configuration = SimulatorConfiguration()
    configuration.pace = .zero
    shape(&configuration)
    return try await MarketplaceSimulator.withSimulator(configuration) { simulator in
        var files = files
        files["runnel.yaml"] = """
            marketplace:
              base_url: "\(simulator.baseURL)"
              client_id: \(configuration.clientID)
              client_secret: { env: AGENT_SECRET }
              agent_id: \(configuration.agentID)
            \(settings)
            """
        return try await withProject(files, environment: ["AGENT_SECRET": configuration.clientSecret]) { runnel in
            try await body(runnel, simulator)
        }
    }
}

@Suite("One question", .timeLimit(.minutes(5))) struct AskTests {
    @Test("the credentials that a command fetches are used, and its secrets are not stored")
    func secretsOfCommands() async throws {
        let settings = "secrets: { key: { command: [printf, real-value-123] } }\n"
        try await withAgent(settings: settings) { runnel, _ in
            let ended = try await runnel.run(["ask", "Is", "real-value-123", "good?"])
            #expect(ended.status == 0, "\(ended.error)")
            #expect(!(ended.output + ended.error).contains("real-value-123"))
            let folder = URL(fileURLWithPath: runnel.directory + "/.runnel")
            let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
            for name in names where name.hasPrefix("journal.db") {
                let bytes = try Data(contentsOf: folder.appendingPathComponent(name))
                #expect(bytes.range(of: Data("real-value-123".utf8)) == nil, "\(name)")
            }
        }
    }

    @Test("the answer goes to standard output, and the question is a run")
    func asking() async throws {
        try await withAgent { runnel, simulator in
            let ended = try await runnel.run(["ask", "--system", "Be short.", "How", "are", "you?"])
            #expect(ended.status == 0)
            #expect(ended.error.split(separator: "\n").filter { !$0.hasPrefix("· ") } == [])
            #expect(!ended.output.isEmpty)
            #expect(ended.output.hasSuffix("\n"))
            let body = try Value.json(try #require(simulator.chatRequests.last).body)
            #expect(
                body["messages"] == [
                    ["role": "system", "content": "Be short."], ["role": "user", "content": "How are you?"],
                ])
            let shown = try await runnel.run(["runs", "show", "last", "--json"])
            let run = try Value.json(shown.output)
            #expect(run["pipeline"] == "ask")
            let step = try #require(run["steps"]?[0])
            #expect(step["with"] == ["system": "Be short."])
            let attributes = try #require(step["attributes"])
            #expect(attributes["prompt"] == "How are you?")
            #expect(attributes["agent"] == "agent-ai-bot")
            #expect(attributes["model"] == "AGENTIC STAR")
            #expect(attributes["finish_reason"] == "stop")
            #expect(attributes["input_tokens"] == 5)
            #expect(attributes["time_to_first_token_ms"] != nil)
            #expect(step["output"]?["text"]?.asString.map { $0 + "\n" } == ended.output)
            let text = try await runnel.run(["runs", "show", "last"])
            for line in [
                "    prompt              How are you?", "    finish reason       stop",
                "    input tokens        5",
            ] {
                #expect(text.output.contains(line), "it is not in \(text.output)")
            }
        }
    }

    @Test("what is piped in comes before the question, and nothing in either is a template")
    func piped() async throws {
        try await withAgent { runnel, simulator in
            let ended = try await runnel.run(["ask", "What is {{ this }}?"], input: "{{ secrets.x }}\n")
            #expect(ended.status == 0)
            let body = try Value.json(try #require(simulator.chatRequests.last).body)
            #expect(body["messages"]?[0]?["content"] == "{{ secrets.x }}\n\n\nWhat is {{ this }}?")
        }
    }

    @Test("a schema gives JSON, a conversation goes on over two processes")
    func schema() async throws {
        let schema = #"{"type":"object","required":["label"],"properties":{"label":{"enum":["bug","feature"]}}}"#
        try await withAgent(["label.json": schema]) { runnel, simulator in
            let first = try await runnel.run(["ask", "--schema", "label.json", "--conversation", "c", "Which?"])
            #expect(first.status == 0)
            let label = try Value.json(first.output)["label"]?.asString
            #expect(["bug", "feature"].contains(label))
            let second = try await runnel.run(["ask", "--json", "--conversation", "c", "Why?"])
            let answer = try Value.json(second.output)
            #expect(answer["conversation_id"]?.asString != nil)
            let body = try Value.json(try #require(simulator.chatRequests.last).body)
            #expect(body["conversationId"] == answer["conversation_id"])
        }
    }

    @Test("the conversation of a simulated run or question is none of the server's")
    func simulated() async throws {
        let pipeline = "name: conv\nsteps: [ { uses: chat, with: { prompt: Hi, conversation: { key: kk } } } ]\n"
        try await withAgent(["conv.yaml": pipeline]) { runnel, simulator in
            for words in [["run", "conv"], ["ask", "--conversation", "c", "Hi"]] {
                #expect(try await runnel.run(words + ["--simulate"]).status == 0)
                #expect(try await runnel.run(words).status == 0)
                let body = try Value.json(try #require(simulator.chatRequests.last).body)
                #expect(body["conversationId"] == nil)
            }
            #expect(simulator.chatRequestCount == 2)
        }
    }

    @Test("what is missing or wrong is said with status 2, a failed answer with 1")
    func mistakes() async throws {
        try await withAgent { runnel, _ in
            let nothing = try await runnel.run(["ask"])
            #expect(nothing.status == 2)
            #expect(nothing.error == "error: there is no question\n  = runnel ask \"…\", or pipe a text into it\n")
            var shell = runnel
            shell.program = "/bin/sh"
            let piped = try await shell.run(["-c", "printf 'caf\\351' | \(RunnelProcess.path) ask Translate"])
            #expect(piped.status == 2)
            #expect(
                piped.error
                    == "error: standard input is not UTF-8 text: byte 3 is invalid\n  = convert it to UTF-8 first\n")
            let schema = try await runnel.run(["ask", "--schema", "[1]", "Hi"])
            #expect(schema.status == 2)
            let unknown = try await runnel.run(["ask", "--schema", #"{"type":"obj"}"#, "Hi"])
            #expect(unknown.status == 2)
            #expect(
                unknown.error
                    == #"error: --schema: not a JSON schema: #/type: "obj" is not a type; types are string, number, "#
                    + #"integer, boolean, array, object, null (did you mean "object"?)"# + "\n")
            let both = try await runnel.run(["ask", "--no-journal", "--conversation", "c", "Hi"])
            #expect(both.status == 2)
            let failed = try await runnel.run(["ask", "Hi\nsimulate: finish-length"])
            #expect(failed.status == 1)
            #expect(failed.error.contains("[answer-truncated]"))
        }
        try await withProject([:]) { runnel in
            let unconfigured = try await runnel.run(["ask", "Hi"])
            #expect(unconfigured.status != 0)
            #expect(unconfigured.error.contains("marketplace"))
        }
    }
}

@Suite("What agents have used", .timeLimit(.minutes(10))) struct UsageCommandTests {
    private let prices = """
        prices:
          agent-ai-bot: { input: 1 USD, output: 2 USD }
        """

    @Test("a thousand chats over two kills are counted as the server has counted them")
    func thousand() async throws {
        let numbers = (0..<1000).map { "\($0)" }.joined(separator: ", ")
        let day = """
            name: day
            steps:
              - id: ask
                uses: chat
                for_each: [\(numbers)]
                max_parallel: 8
                with: { prompt: "What is the number {{ item }}?" }
            """
        try await withAgent(["day.yaml": day], settings: prices) { runnel, simulator in
            _ = try await runnel.kill(["run", "day"], after: "ask[200]")
            _ = try await runnel.kill(["runs", "resume", "last"], after: "ask[600]")
            let ended = try await runnel.run(["runs", "resume", "last"])
            #expect(ended.status == 0)
            let report = try Value.json(try await runnel.run(["usage", "--json"]).output)
            let total = try #require(report["total"])
            #expect(total["calls"] == 1000)
            #expect(total["calls"]?.asInt == Int64(simulator.usage.chats))
            #expect(total["input_tokens"]?.asInt == Int64(simulator.usage.inputTokens))
            #expect(total["output_tokens"]?.asInt == Int64(simulator.usage.outputTokens))
            #expect(total["unknown_calls"] == 0)
            let cost = Double(simulator.usage.inputTokens + 2 * simulator.usage.outputTokens) / 1_000_000
            #expect(abs((total["cost"]?.asDouble ?? -1) - cost) < 1e-9)
            #expect(total["currency"] == "USD")
        }
    }

    @Test("unknown tokens and costs are shown as unknown, and never as 0")
    func unknown() async throws {
        let pipeline = "name: quiet\nsteps: [ { id: ask, uses: chat, with: { prompt: Hi } } ]\n"
        try await withAgent(["quiet.yaml": pipeline], settings: "  usage: never\n") { runnel, _ in
            let empty = try await runnel.run(["ask", "--no-journal", "Hi"])
            #expect(empty.status == 0)
            _ = try await runnel.run(["run", "quiet"])
            let text = try await runnel.run(["usage"])
            let lines = text.output.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
            #expect(lines[0] == ["PIPELINE", "CALLS", "IN", "CACHED", "OUT", "COST"])
            #expect(lines[1] == ["quiet", "1", "unknown", "unknown", "unknown", "unknown"])
            #expect(text.output.contains("the server told no tokens of 1 call; estimated, and counted by budgets: "))
            let json = try Value.json(try await runnel.run(["usage", "--json", "--by", "agent"]).output)
            #expect(json["rows"]?[0]?["agent"] == "agent-ai-bot")
            #expect(json["rows"]?[0]?["input_tokens"] == .null)
            #expect(json["rows"]?[0]?["cost"] == .null)
        }
    }

    @Test("`usage --by day` counts the days of the local time zone, and says which one that is")
    func days() async throws {
        let pipeline = "name: quiet\nsteps: [ { id: ask, uses: chat, with: { prompt: Hi } } ]\n"
        try await withAgent(["quiet.yaml": pipeline]) { runnel, _ in
            #expect(try await runnel.run(["run", "quiet"]).status == 0)
            var days: [String] = []
            // 26 hours apart: it is never the same day in both.
            for zone in ["Pacific/Kiritimati", "Etc/GMT+12"] {
                var there = runnel
                there.environment["TZ"] = zone
                let json = try Value.json(try await there.run(["usage", "--json", "--by", "day"]).output)
                #expect(json["timezone"] == .string(zone))
                days.append(try #require(json["rows"]?[0]?["day"]?.asString))
                let text = try await there.run(["usage", "--by", "day"]).output
                #expect(text.contains("\ndays of the time zone \(zone)\n"), "\(text)")
            }
            #expect(days[0] > days[1])
        }
    }

    @Test(
        "under a budget --no-journal is refused for what asks an agent, and for nothing else",
        arguments: [("budget", "budget"), ("pipeline_budgets: { spend", "pipeline_budgets.spend")])
    func unkept(key: String, shown: String) async throws {
        let files = [
            "spend.yaml": "name: spend\nsteps: [ { steps: [ { id: ask, uses: chat, with: { prompt: Hi } } ] } ]\n",
            "free.yaml": "name: free\nsteps: [ { uses: template, with: { text: free } } ]\n",
        ]
        let settings = key == "budget" ? "  budget: { tokens: 1M }\n" : "  \(key): { tokens: 1M } }\n"
        try await withAgent(files, settings: settings) { runnel, simulator in
            let refused = try await runnel.run(["run", "spend", "--no-journal"])
            #expect(refused.status == 2)
            #expect(
                refused.error == """
                    error: --no-journal: what the step "ask" uses would not count in the budget `marketplace.\(shown)`
                      = leave out --no-journal, or ask a simulator with --simulate

                    """)
            #expect(refused.output.isEmpty)
            #expect(simulator.chatRequests.isEmpty)
            #expect(try await runnel.run(["run", "spend", "--no-journal", "--simulate"]).status == 0)
            #expect(try await runnel.run(["run", "spend", "--no-journal", "--dry-run"]).status == 0)
            #expect(try await runnel.run(["run", "free", "--no-journal"]).output == "free\n")
            // The question is a run of the pipeline `ask`.
            let question = try await runnel.run(["ask", "--no-journal", "Hi"])
            #expect(question.status == (key == "budget" ? 2 : 0), "\(question.error)")
            #expect(try await runnel.run(["ask", "--no-journal", "--simulate", "Hi"]).status == 0)
        }
    }

    @Test("beyond a budget the run waits for the next period, and a simulated chat is not counted")
    func budget() async throws {
        let pipeline = "name: spend\nsteps: [ { id: ask, uses: chat, with: { prompt: Hi } } ]\n"
        try await withAgent(["spend.yaml": pipeline], settings: "  budget: { tokens: 1, per: month }\n") { runnel, _ in
            #expect(try await runnel.run(["run", "spend", "--simulate"]).status == 0)
            #expect(try Value.json(try await runnel.run(["usage", "--json"]).output)["total"]?["calls"] == 0)
            #expect(try await runnel.run(["run", "spend"]).status == 0)
            let waiting = try await runnel.kill(["run", "spend"], after: "waiting until ")
            #expect(waiting.error.contains("ask: waiting for the next month: "))
            let run = try Value.json(try await runnel.run(["runs", "show", "last", "--json"]).output)
            #expect(run["state"] == "waiting")
            #expect(run["wake_at"]?.asString?.contains("-01T00:00:00") == true)
        }
    }
}

@Suite("A chat whose process is killed", .timeLimit(.minutes(5))) struct KilledChatTests {
    private let pipeline = "name: slow\nsteps: [ { id: ask, uses: chat, with: { prompt: \"How are the sales?\" } } ]\n"
    private let paths = """
          paths:
            reconnect: /api/v1/chat/messages/{message_id}
            cancel: /api/v1/chat/messages/{message_id}/cancel

        """

    /// Kills the run while its answer is coming, and resumes it.
    private func killed(
        settings: String, _ check: @Sendable (RunningSimulator, Value) throws -> Void
    ) async throws {
        try await withAgent(
            ["slow.yaml": pipeline], settings: settings, shape: { $0.pace = .milliseconds(150) }
        ) { runnel, simulator in
            // The name of the step stands before the first words of its answer.
            _ = try await runnel.kill(["run", "slow"], after: "▸ ")
            let resumed = try await runnel.run(["runs", "resume", "last"])
            #expect(resumed.status == 0, "\(resumed.error)")
            let run = try Value.json(try await runnel.run(["runs", "show", "last", "--json"]).output)
            #expect(run["state"] == "succeeded")
            let usage = try Value.json(try await runnel.run(["usage", "--json"]).output)
            #expect(usage["total"]?["calls"] == 1)
            try check(simulator, try #require(run["steps"]?[0]))
        }
    }

    @Test("with a place to reconnect the answer is taken up again: it is paid for once")
    func reconnected() async throws {
        try await killed(settings: paths) { simulator, step in
            #expect(simulator.chatRequestCount == 1)
            #expect(simulator.reconnections == 1)
            #expect(simulator.cancelledMessages.isEmpty)
            let words = step["output"]?["text"]?.asString?.split(whereSeparator: \.isWhitespace).count
            #expect(step["attributes"]?["output_tokens"]?.asInt == words.map { Int64($0) })
        }
    }

    @Test("without one it is asked again with the same idempotency key, by which the server counts it once")
    func askedAgain() async throws {
        try await killed(settings: "") { simulator, _ in
            #expect(simulator.chatRequestCount == 2)
            #expect(simulator.usage.chats == 1)
        }
    }

    @Test("a cancelled run tells the server that the answer is wanted no more")
    func cancelled() async throws {
        try await withAgent(
            ["slow.yaml": pipeline], settings: paths, shape: { $0.pace = .milliseconds(150) }
        ) { runnel, simulator in
            let ended = try await runnel.interrupt(["run", "slow"], after: "▸ ")
            #expect(ended.status == 130)
            #expect(ended.error.contains("the server was told that the answer is cancelled"))
            #expect(simulator.cancelledMessages.count == 1)
        }
    }
}
