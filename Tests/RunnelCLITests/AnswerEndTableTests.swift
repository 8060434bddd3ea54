import MarketplaceSimulator
import RunnelKit
import Testing

/// One way in which an answer can end, and what a person finds of it afterwards.
struct AnswerEndRow: Sendable, CustomTestStringConvertible {
    let fault: Fault
    /// The exit status of `runnel run`.
    let status: Int32
    /// The code of the failure; nil where it is a success.
    let code: String?
    /// How its message begins.
    let words: String
    /// Whether the text so far is kept.
    let keepsText: Bool
    /// What the journal says of the finish reason.
    let reason: Value?
    /// How many calls are counted, with or without known tokens.
    let calls: Int

    init(
        _ fault: Fault, _ code: String? = nil, _ words: String = "", keepsText: Bool = false, reason: Value? = nil,
        calls: Int = 1
    ) {
        self.fault = fault
        status = code == nil ? 0 : 1
        self.code = code
        self.words = words
        self.keepsText = keepsText
        self.reason = reason
        self.calls = calls
    }

    var testDescription: String { fault.rawValue }

    static let all: [AnswerEndRow] = [
        AnswerEndRow(.quickstartShape),
        AnswerEndRow(.tokenExpiresEarly, reason: "stop"),
        AnswerEndRow(.unauthorizedOnce, reason: "stop"),
        AnswerEndRow(.serverErrorOnce, reason: "stop"),
        AnswerEndRow(.rateLimited, reason: "stop"),
        AnswerEndRow(.doneWithoutBlankLine, reason: "stop"),
        AnswerEndRow(.emptyEvents, reason: "stop"),
        AnswerEndRow(.contentParts, reason: "stop"),
        AnswerEndRow(.splitCharacter, reason: "stop"),
        AnswerEndRow(.slowStart, reason: "stop"),
        // The simulated agent also reports tasks, so that an answer without text is a success.
        AnswerEndRow(.emptyAnswer, reason: "stop"),
        AnswerEndRow(.jsonInsteadOfStream),
        AnswerEndRow(.unauthorizedAlways, "unauthorized", "the server refused the access token: 401", calls: 0),
        AnswerEndRow(.forbidden, "forbidden", "the server does not allow this call: 403", calls: 0),
        AnswerEndRow(.notFound, "not-found", "nothing is at ", calls: 0),
        AnswerEndRow(.badRequest, "bad-request", "the server does not accept the request: 400", calls: 0),
        AnswerEndRow(.serverErrorAlways, "server-error", "the server failed: 503", calls: 0),
        AnswerEndRow(.htmlInsteadOfStream, "not-an-event-stream", "http://127.0.0.1:", calls: 0),
        AnswerEndRow(.finishLength, "answer-truncated", "the answer was cut off", keepsText: true, reason: "length"),
        AnswerEndRow(
            .contentFilter, "content-filter", "the server's content filter stopped", keepsText: true,
            reason: "content_filter"),
        AnswerEndRow(.finishError, "error-in-stream", "the server reported an error in its answer", keepsText: true),
        AnswerEndRow(.errorMidStream, "error-in-stream", "the server reported an error in its answer", keepsText: true),
        AnswerEndRow(
            .flatError, "error-in-stream", "the server reported an error in its answer: \"Simulated: the context"),
        AnswerEndRow(.refusal, "refusal", "the model refused to answer: \"Simulated: I cannot help with that.\""),
        AnswerEndRow(
            .toolCall, "unexpected-tool-call",
            "the model wants the tool \"read_message\" to be called, and none was offered to it", keepsText: true,
            reason: "tool_calls"),
        AnswerEndRow(
            .interactionRequired, "interaction-required",
            "the agent asks and waits for a person: \"May I read your messages?\""),
        AnswerEndRow(
            .malformedJSON, "malformed-event", "the server sent an event that cannot be read", keepsText: true),
        AnswerEndRow(.hugeLine, "line-too-long", "the server sent a line longer than", keepsText: true),
        AnswerEndRow(.cutOff, "stream-cut-off", "the stream ended before [DONE]", keepsText: true),
        AnswerEndRow(
            .missingDone, "stream-cut-off", "the stream ended before [DONE]", keepsText: true, reason: "stop"),
        AnswerEndRow(
            .resetMidStream, "stream-cut-off", "the stream ended before [DONE]: the connection was reset",
            keepsText: true),
        AnswerEndRow(.stall, "idle-timeout", "nothing was received for 4s", keepsText: true),
        AnswerEndRow(
            .stallWithHeartbeats, "total-timeout", "the answer was not complete after 4s", keepsText: true),
        AnswerEndRow(
            .tokenRejected, "wrong-credentials", "the server refused the client id and secret: 401", calls: 0),
        AnswerEndRow(.connectionReset, "connection-failed", "no connection to http://127.0.0.1:", calls: 0),
    ]
}

@Suite("Every way in which an answer can end", .timeLimit(.minutes(10))) struct AnswerEndTableTests {
    @Test("it has its exit status, its words, and what the journal keeps of it", arguments: AnswerEndRow.all)
    func end(row: AnswerEndRow) async throws {
        let pipeline =
            "name: end\nsteps: [ { id: ask, uses: chat, with: { prompt: \"How are the sales of this quarter?\" } } ]\n"
        let (idle, total) = (row.code == "idle-timeout" ? "4s" : "2m", row.code == "total-timeout" ? "4s" : "30m")
        try await withAgent(
            ["end.yaml": pipeline],
            settings: "  timeouts: { idle: \(idle), total: \(total) }\n  limits: { max_event: 256KiB }\n",
            shape: { configuration in
                configuration.faults = .every(row.fault)
                configuration.slowStart = .milliseconds(100)
                if row.fault == .stallWithHeartbeats { configuration.heartbeat = .milliseconds(200) }
            }
        ) { runnel, _ in
            let ended = try await runnel.run(["run", "end"])
            #expect(ended.status == row.status, "\(ended.error)")
            let run = try Value.json(try await runnel.run(["runs", "show", "last", "--json"]).output)
            #expect(run["error"]?["code"]?.asString == row.code)
            #expect(run["error"]?["message"]?.asString?.hasPrefix(row.words) ?? true, "\(run["error"] ?? .null)")
            let kept = run["error"]?["partial_output"]
            #expect(
                (kept?.asString ?? kept?["text"]?.asString).map { !$0.isEmpty } ?? false
                    == (row.keepsText || row.code == "interaction-required"))
            let step = try #require(run["steps"]?[0])
            #expect(step["with"]?["prompt"] == "How are the sales of this quarter?")
            if let reason = row.reason { #expect(step["attributes"]?["finish_reason"] == reason) }
            let usage = try Value.json(try await runnel.run(["usage", "--json"]).output)
            #expect(usage["total"]?["calls"]?.asInt == Int64(row.calls))
        }
    }

    private static let labels = """
        name: end
        steps:
          - id: ask
            uses: chat
            with:
              prompt: How are the sales?
              schema: { type: object, required: [label], properties: { label: { enum: [good] } } }
        """

    @Test(
        "JSON is found in what stands around it, and asked for once more where it does not fit",
        arguments: [(.schemaMismatchOnce, 2), (.proseAroundJSON, 1), (.fencedJSON, 1), (.jsonInThink, 1)]
            as [(Fault, Int64)])
    func json(fault: Fault, calls: Int64) async throws {
        try await withAgent(["end.yaml": Self.labels], shape: { $0.faults = .every(fault) }) { runnel, _ in
            #expect(try await runnel.run(["run", "end"]).status == 0)
            let run = try Value.json(try await runnel.run(["runs", "show", "last", "--json"]).output)
            #expect(run["steps"]?[0]?["output"]?["json"] == ["label": "good"])
            let usage = try Value.json(try await runnel.run(["usage", "--json"]).output)
            #expect(usage["total"]?["calls"]?.asInt == calls)
        }
    }

    @Test("JSON that does not fit twice fails the step, keeps the text, and counts both calls")
    func mismatch() async throws {
        try await withAgent(
            ["end.yaml": Self.labels], shape: { $0.cannedAnswer = { _ in .stream(text: "None.", fault: nil) } }
        ) { runnel, _ in
            #expect(try await runnel.run(["run", "end"]).status == 1)
            let run = try Value.json(try await runnel.run(["runs", "show", "last", "--json"]).output)
            #expect(run["error"]?["code"] == "schema-mismatch")
            #expect(
                run["error"]?["message"]
                    == "the answer does not fit the schema, also when asked again: there is no JSON in it")
            let kept = run["error"]?["partial_output"]
            #expect((kept?["text"] ?? kept) == "None.")
            let usage = try Value.json(try await runnel.run(["usage", "--json"]).output)
            #expect(usage["total"]?["calls"] == 2)
            #expect(usage["total"]?["unknown_calls"] == 0)
        }
    }

    /// An answer of which half comes.
    private static func stall(_ simulator: inout SimulatorConfiguration) {
        simulator.cannedAnswer = { _ in
            .stream(text: "Sales are up by four percent, and costs are down.", fault: .stall)
        }
    }

    @Test("the `timeout` of the step ends an answer that does not: its text is kept, and the call counts")
    func stepTimeout() async throws {
        let pipeline = """
            name: end
            steps: [ { id: ask, uses: chat, timeout: 4s, with: { prompt: "How are the sales?" } } ]
            """
        try await withAgent(["end.yaml": pipeline], shape: Self.stall) { runnel, _ in
            #expect(try await runnel.run(["run", "end"]).status == 1)
            let run = try Value.json(try await runnel.run(["runs", "show", "last", "--json"]).output)
            #expect(run["error"]?["code"] == "step-timeout")
            #expect(run["error"]?["message"] == "the step took longer than its `timeout` of 4s")
            let partial = try #require(run["error"]?["partial_output"]?.asString)
            #expect("Sales are up by four percent, and costs are down.".hasPrefix(partial) && !partial.isEmpty)
            let usage = try Value.json(try await runnel.run(["usage", "--json"]).output)
            #expect(usage["total"]?["calls"] == 1)
            #expect(usage["total"]?["unknown_calls"] == 1)
        }
    }

    @Test("Ctrl-C cancels the run: 130, its text is kept as partial, and the call counts with unknown tokens")
    func interrupted() async throws {
        let pipeline = """
            name: end
            steps:
              - { id: ask, uses: chat, with: { prompt: "How are the sales?" } }
              - { id: tell, uses: file.write, with: { path: told.txt, content: "{{ steps.ask.text }}" } }
            """
        try await withAgent(["end.yaml": pipeline], shape: Self.stall) { runnel, _ in
            let ended = try await runnel.interrupt(["run", "end"], after: "▸ ask")
            #expect(ended.status == 130)
            #expect(ended.output.isEmpty)
            #expect(ended.error.contains("; its text is partial\n"), "\(ended.error)")
            #expect(ended.error.hasSuffix("cancelled\n"), "\(ended.error)")
            let run = try Value.json(try await runnel.run(["runs", "show", "last", "--json"]).output)
            #expect(run["state"] == "cancelled")
            #expect(run["output"]?.isNull ?? true)
            let step = run["steps"]?[0]
            #expect(step?["state"] == "cancelled")
            #expect(step?["output"]?.isNull ?? true)
            let partial = try #require(step?["error"]?["partial_output"]?.asString)
            #expect("Sales are up by four percent, and costs are down.".hasPrefix(partial) && !partial.isEmpty)
            let shown = try await runnel.run(["runs", "show", "last"]).output
            #expect(shown.contains("    so far: \(partial)\n"), "\(shown)")
            #expect(run["steps"]?[1]?["state"] != "succeeded")
            #expect(run["steps"]?[0]?["with"]?["prompt"] == "How are the sales?")
            let usage = try Value.json(try await runnel.run(["usage", "--json"]).output)
            #expect(usage["total"]?["calls"] == 1)
            #expect(usage["total"]?["unknown_calls"] == 1)
        }
    }

    @Test("with --simulate a broken answer is taken up again where the project has a path for that")
    func reconnected() async throws {
        let pipeline = "name: end\nsteps: [ { id: ask, uses: chat, with: { prompt: \"How are the sales?\" } } ]\n"
        let paths = "  paths: { reconnect: \"/theirs/{conversation_id}\" }"
        try await withAgent(["end.yaml": pipeline], settings: paths) { runnel, _ in
            let ended = try await runnel.run(["run", "end", "--simulate", "--fault", "cut-off"])
            #expect(ended.status == 0, "\(ended.error)")
            #expect(ended.error.contains("; taking the answer up again in "))
        }
    }

    @Test("the simulator prints its paths for reconnecting and cancelling")
    func simulatorPaths() async throws {
        try await withProject([:]) { runnel in
            let ended = try await runnel.interruptOutput(
                ["simulate", "--port", "0"], when: { $0.contains("Ctrl-C stops it.") })
            for line in [
                "RUNNEL_MARKETPLACE_PATHS_RECONNECT='/api/v1/chat/messages/{message_id}'\n",
                "RUNNEL_MARKETPLACE_PATHS_CANCEL='/api/v1/chat/messages/{message_id}/cancel'\n",
            ] {
                #expect(ended.output.contains("  export " + line), "\(ended.output)")
            }
        }
    }

    @Test("a simulator that cannot begin says why, and what to do, in the form of all errors")
    func simulatorErrors() async throws {
        try await withAgent { runnel, simulator in
            let port = try #require(simulator.baseURL.split(separator: ":").last.map(String.init))
            let taken = try await runnel.run(["simulate", "--port", port])
            #expect(taken.status == 2)
            #expect(
                taken.error == """
                    error: the port \(port) of 127.0.0.1 is in use
                      = stop the program that listens on it, or choose another with --port

                    """)
            let nowhere = try await runnel.run(["simulate", "--host", "no host"])
            #expect(nowhere.status == 2)
            #expect(nowhere.error.hasPrefix("error: there is no host \"no host\": "), "\(nowhere.error)")
            #expect(nowhere.error.hasSuffix("listen on 127.0.0.1, or on 0.0.0.0 for all addresses, with --host\n"))
            let unknown = try await runnel.run(["simulate", "--fault", "stal"])
            #expect(unknown.status == 2)
            #expect(unknown.error == "error: unknown fault \"stal\"\n  = did you mean \"stall\"?\n")
        }
    }

    @Test("Ctrl-C in a question keeps what came of its answer, and says that it is partial")
    func interruptedQuestion() async throws {
        try await withAgent(shape: Self.stall) { runnel, _ in
            let ended = try await runnel.interruptOutput(["ask", "How are the sales?"], when: { !$0.isEmpty })
            #expect(ended.status == 130)
            #expect(ended.error.hasSuffix("cancelled; the answer is partial\n"), "\(ended.error)")
            let run = try Value.json(try await runnel.run(["runs", "show", "last", "--json"]).output)
            #expect(run["state"] == "cancelled")
            #expect(run["steps"]?[0]?["error"]?["partial_output"] == .string(String(ended.output.dropLast())))
        }
    }

    @Test("SIGTERM leaves the run resumable, and `runs show` has the text so far")
    func terminated() async throws {
        let pipeline = "name: end\nsteps: [ { id: ask, uses: chat, with: { prompt: \"How are the sales?\" } } ]\n"
        try await withAgent(
            ["end.yaml": pipeline], settings: "runs: { grace: 1ms }", shape: Self.stall
        ) { runnel, _ in
            let ended = try await runnel.terminate(["run", "end"], after: "▸ ask")
            #expect(ended.status == 130)
            #expect(ended.error.contains("stopped; resume the run with `runnel runs resume "), "\(ended.error)")
            let shown = try await runnel.run(["runs", "show", "last"]).output
            #expect(shown.contains("    so far: Sales"), "\(shown)")
        }
    }

    @Test("no fault of the simulator is left out")
    func complete() {
        let others: Set<Fault> = [
            // They befall JSON, which has tests of its own.
            .schemaMismatchOnce, .proseAroundJSON, .fencedJSON, .jsonInThink,
        ]
        #expect(Set(Fault.allCases).subtracting(AnswerEndRow.all.map(\.fault)) == others)
    }
}
