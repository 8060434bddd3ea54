import Foundation
import MarketplaceSimulator
import RunnelKit
import Synchronization
import Testing

@Suite("Tests with the real agent", .timeLimit(.minutes(5))) struct LiveTests {
    private static let files = [
        "p.yaml": """
        name: p
        steps:
          - { id: answer, uses: chat, with: { prompt: "How are you?" } }
          - { id: short, uses: template, with: { text: "{{ steps.answer.text }}" } }
        """,
        "p.test.yaml": """
        # Kept.
        tests:
          - name: the answer is friendly
            # Also kept.
            chat: [ "Canned and friendly." ]
            expect:
              output: { contains: friendly }
          - name: a busy agent fails the run
            chat: [ { error: { status: 400, code: bad, message: no } } ]
            expect: { status: failed }
        """,
    ]

    /// The agent gives these answers one after another.
    private static func answers(_ texts: [String]) -> @Sendable (CannedRequest) -> CannedAnswer {
        let rest = Mutex(texts)
        return { _ in
            .stream(text: rest.withLock { $0.count > 1 ? $0.removeFirst() : $0.first ?? "" }, fault: nil)
        }
    }

    private static func lines(_ text: String) -> [String] {
        text.split(separator: "\n").map { line in
            String(line).replacing(#/\d+(\.\d)? m?s\b/#, with: "1 ms")
        }
    }

    @Test("each test with answers runs several times, and the share that passes decides")
    func samples() async throws {
        let answers = Self.answers(["friendly", "rude", "friendly"])
        try await withAgent(Self.files, shape: { $0.cannedAnswer = answers }) { runnel, _ in
            let offline = try await runnel.run(["test"])
            #expect(offline.status == 0)
            let most = try await runnel.run(["test", "--live", "--samples", "3", "--at-least", "0.6"])
            #expect(most.status == 0, "\(most.output)")
            #expect(
                Self.lines(most.output) == [
                    "p.test.yaml", "  ✓ the answer is friendly 2 of 3 1 ms", "1 passed in 1 ms",
                ])
            #expect(most.error.hasSuffix(" model tokens were used\n"))
        }
    }

    @Test("a sample that fails says what was found, and a budget keeps further ones from beginning")
    func failing() async throws {
        let answers = Self.answers(["rude"])
        try await withAgent(Self.files, shape: { $0.cannedAnswer = answers }) { runnel, simulator in
            let ended = try await runnel.run(["test", "--live", "--samples", "4", "--budget", "1"])
            #expect(ended.status == 1)
            #expect(
                Self.lines(ended.output).prefix(4) == [
                    "p.test.yaml", "  ✗ the answer is friendly 0 of 1 1 ms",
                    "      only 1 of 4 samples ran: the budget of model tokens is used up (p.test.yaml:3)",
                    "      output: expected it to contain \"friendly\", found \"rude\" (p.test.yaml:7)",
                ])
            #expect(simulator.chatRequests.count == 1)
            let wrong = try await runnel.run(["test", "--samples", "2"])
            #expect(wrong.status == 2)
            #expect(wrong.error.contains("--samples needs --live"))
        }
    }

    @Test("a budget of the project with a cost does not fail a test")
    func pricedBudget() async throws {
        let settings =
            "  pipeline_budgets: { p: { cost: 20 USD, per: day } }\n"
            + "prices: { agent-ai-bot: { input: 1 USD, output: 2 USD } }\n"
        let answers = Self.answers(["friendly"])
        try await withAgent(Self.files, settings: settings, shape: { $0.cannedAnswer = answers }) { runnel, _ in
            let ended = try await runnel.run(["test", "--live"])
            #expect(ended.status == 0, "\(ended.output)\(ended.error)")
        }
    }

    @Test("a sample whose answer is cut off counts with an estimate, and no further one begins")
    func cutOff() async throws {
        let answer: @Sendable (CannedRequest) -> CannedAnswer = { _ in
            .stream(text: "Friendly as ever, and in good health.", fault: .cutOff)
        }
        try await withAgent(Self.files, shape: { $0.cannedAnswer = answer }) { runnel, _ in
            let ended = try await runnel.run(["test", "--live", "--samples", "4", "--budget", "1"])
            #expect(ended.status == 1)
            #expect(
                ended.output.contains(
                    "only 1 of 4 samples ran: the budget of model tokens is used up (p.test.yaml:3)"),
                "\(ended.output)")
            // The question alone is 12 bytes.
            let used = ended.error.split(separator: "\n").last?.split(separator: " ").first.flatMap { Int($0) }
            #expect(used.map { $0 > 3 } ?? false, "\(ended.error)")
        }
    }

    @Test("an answer that was asked for once more counts twice, with what the server told")
    func correction() async throws {
        let files = [
            "p.yaml": """
            name: p
            steps:
              - id: label
                uses: chat
                with:
                  prompt: How are you?
                  schema: { type: object, required: [label], properties: { label: { enum: [good] } } }
            """,
            "p.test.yaml": """
            tests:
              - name: it is good
                chat: [ '{"label": "good"}' ]
                expect: { status: succeeded }
            """,
        ]
        let answers = Self.answers(["None.", #"{"label": "good"}"#])
        try await withAgent(files, shape: { $0.cannedAnswer = answers }) { runnel, simulator in
            let ended = try await runnel.run(["test", "--live"])
            #expect(ended.status == 0, "\(ended.output)\(ended.error)")
            #expect(simulator.usage.chats == 2)
            let counted = simulator.usage.inputTokens + simulator.usage.outputTokens
            #expect(ended.error.split(separator: "\n").last == "\(counted) model tokens were used", "\(ended.error)")
        }
    }

    @Test("each round of a loop counts")
    func rounds() async throws {
        let files = [
            "p.yaml": """
            name: p
            steps:
              - id: ready
                uses: chat
                with: { prompt: Are you ready? }
                until: steps.ready.text == "ready"
                every: 1ms
            """,
            "p.test.yaml": """
            tests:
              - name: it gets ready
                chat: [ ready ]
                expect: { output: { json: { text: ready } } }
            """,
        ]
        let answers = Self.answers(["not yet", "ready"])
        try await withAgent(files, shape: { $0.cannedAnswer = answers }) { runnel, simulator in
            let ended = try await runnel.run(["test", "--live"])
            #expect(ended.status == 0, "\(ended.output)\(ended.error)")
            #expect(simulator.chatRequests.count == 2)
            // The simulator counts words: three in each question, two and one in the answers.
            #expect(ended.error.split(separator: "\n").last == "9 model tokens were used", "\(ended.error)")
        }
    }

    @Test("a sample that takes too long counts with an estimate, and no further one begins")
    func late() async throws {
        let answer: @Sendable (CannedRequest) -> CannedAnswer = { _ in
            .stream(text: "Friendly as ever, and in good health.", fault: .stall)
        }
        try await withAgent(Self.files, shape: { $0.cannedAnswer = answer }) { runnel, _ in
            let ended = try await runnel.run([
                "test", "--live", "--samples", "4", "--budget", "1", "--limit", "4s",
            ])
            #expect(ended.status == 1)
            #expect(
                ended.output.contains(
                    "only 1 of 4 samples ran: the budget of model tokens is used up (p.test.yaml:3)"),
                "\(ended.output)")
            #expect(ended.output.contains("the run took longer than 4s and was cancelled"), "\(ended.output)")
        }
    }

    @Test("prompts are compared with what the chats asked, each chat once however often it was tried")
    func prompts() async throws {
        let files = [
            "p.yaml": """
            name: p
            steps:
              - id: each
                for_each: [one, two]
                uses: chat
                with: { system: Be short., prompt: "Label {{ item }}." }
                retry: { attempts: 2, backoff: 1ms }
            """,
            "p.test.yaml": """
            tests:
              - name: right
                chat: [ "1", "2" ]
                expect:
                  prompts: { each: [ { prompt: Label one., system: Be short. }, { contains: two } ] }
              - name: wrong
                chat: [ "1", "2" ]
                expect:
                  prompts: { each: [ { contains: three }, { contains: two } ] }
              - name: too few
                chat: [ "1", "2" ]
                expect:
                  prompts: [ { contains: one } ]
              - name: repeats are not seen
                chat: [ "1", "2", "3" ]
                expect:
                  prompts: { each: [ { contains: one }, { contains: one }, { contains: two } ] }
            """,
        ]
        let failed = Mutex(false)
        let answer: @Sendable (CannedRequest) -> CannedAnswer = { _ in
            let isFirst = failed.withLock { failed in
                defer { failed = true }
                return !failed
            }
            return isFirst ? .stream(text: "cut", fault: .cutOff) : .stream(text: "fine", fault: nil)
        }
        try await withAgent(files, shape: { $0.cannedAnswer = answer }) { runnel, simulator in
            let ended = try await runnel.run(["test", "--live", "--parallel", "1"])
            #expect(
                Self.lines(ended.output) == [
                    "p.test.yaml", "  ✓ right 1 of 1 1 ms", "  ✗ wrong 0 of 1 1 ms",
                    "      prompts.each[0]: expected it to contain \"three\", found \"Label one.\" (p.test.yaml:9)",
                    "  ✗ too few 0 of 1 1 ms",
                    "      prompts: expected 1 chat request, found 2 (p.test.yaml:13)",
                    "        each: \"Label one.\"", "        each: \"Label two.\"",
                    "  ✓ repeats are not seen 1 of 1 1 ms", "2 passed, 2 failed in 1 ms",
                ], "\(ended.output)")
            // The first chat was cut off, and tried again.
            #expect(simulator.chatRequests.count == 9)
        }
    }

    @Test("the agent judges an output, and says why it is not good enough")
    func judging() async throws {
        var files = Self.files
        files["p.test.yaml"] = """
            tests:
              - name: the answer is short
                chat: [ "Fine." ]
                expect: { judge: { prompt: At most five words., at_least: 0.5 } }
            """
        let answer: @Sendable (CannedRequest) -> CannedAnswer = { request in
            .stream(
                text: request.wantsJSON ? #"{"score": 0.3, "reason": "It has nine words."}"# : "A long answer.",
                fault: nil)
        }
        try await withAgent(files, shape: { $0.cannedAnswer = answer }) { runnel, simulator in
            let offline = try await runnel.run(["test"])
            #expect(offline.status == 0, "\(offline.output)\(offline.error)")
            let ended = try await runnel.run(["test", "--live"])
            #expect(ended.status == 1)
            #expect(
                ended.output.contains(
                    "judge: expected at least 0.5, found 0.3: It has nine words. (p.test.yaml:4)"), "\(ended.output)")
            let asked = try Value.json(try #require(simulator.chatRequests.last).body)
            #expect(
                asked["messages"]?[1]?["content"] == "Criteria:\nAt most five words.\n\nAnswer:\nA long answer.")
        }
    }

    @Test("answers are recorded in the place of those before, and the rest of the file stays")
    func recording() async throws {
        let answers = Self.answers(["Very friendly:\n\"hello\""])
        try await withAgent(Self.files, shape: { $0.cannedAnswer = answers }) { runnel, _ in
            let ended = try await runnel.run(["test", "--live", "--record"])
            #expect(ended.status == 0, "\(ended.output)\(ended.error)")
            let text = try String(contentsOfFile: runnel.directory + "/p.test.yaml", encoding: .utf8)
            #expect(
                text == """
                    # Kept.
                    tests:
                      - name: the answer is friendly
                        # Also kept.
                        chat:
                          answer:
                            - text: "Very friendly:\\n\\"hello\\""
                        expect:
                          output: { contains: friendly }
                      - name: a busy agent fails the run
                        chat: [ { error: { status: 400, code: bad, message: no } } ]
                        expect: { status: failed }
                    """)
            #expect(try await runnel.run(["test"]).status == 0)
        }
    }

    @Test("a judge without criteria is found with its place")
    func reading() async throws {
        var files = Self.files
        files["p.test.yaml"] = "tests:\n  - name: a\n    chat: [ x ]\n    expect: { judge: { at_least: 2 } }\n"
        try await withProject(files) { runnel in
            let ended = try await runnel.run(["test"])
            #expect(ended.status == 2)
            #expect(ended.output.contains("`judge` needs the key \"prompt\""), "\(ended.output)")
        }
    }
}
