import PipelineTesting
import RunnelKit
import Testing

/// An agent that the tests of pipelines do not know.
private struct OraclePlugin: AgentPlugin {
    let name = "oracle"
    var steps: [StepDefinition] { [StepDefinition(Consult.self), StepDefinition(Thank.self)] }
    let agentSteps = [Consult.name]

    func talking(to standIn: AgentStandIn) -> OraclePlugin { self }
}

private struct Consult: Step {
    static let name = "oracle.consult"
    static let summary = "Asks the oracle."
    static let documentation = StepDocumentation(output: "Its answer.")
    @Field("The question.") var prompt: String

    func run(_ context: StepContext) async throws -> Value { ["text": "Perhaps.", "finish_reason": "stop"] }
}

private struct Thank: Step {
    static let name = "oracle.thank"
    static let summary = "Thanks the oracle."
    static let documentation = StepDocumentation(output: "Nothing.")
    @Field("The words.") var prompt: String

    func run(_ context: StepContext) async throws -> Value { ["text": "", "finish_reason": "stop"] }
}

@Suite("Steps of agents", .timeLimit(.minutes(5))) struct AgentStepTests {
    @Test("what the steps of any plugin asked is compared with the test, and what was answered is recorded")
    func strangers() async throws {
        try await withWorkshop { workshop in
            var workshop = workshop
            workshop.plugins.append(OraclePlugin())
            let pipeline = """
                steps:
                  - { id: answer, uses: oracle.consult, with: { prompt: "Will it rain?" } }
                  - { id: thanks, uses: oracle.thank, with: { prompt: Thank you. } }
                """
            let tests = """
                tests:
                  - name: asked
                    chat: [ "Yes." ]
                    expect: { prompts: { answer: [ { prompt: "Will it rain?" } ], thanks: [] } }
                """
            let suite = try workshop.suite(pipeline, tests)
            let report = await PipelineTester(live: LiveTesting()).run([suite])
            #expect(report.isSuccess, "\(report.text(color: false))")
            let recorded = try #require(suite.recorded(report.suites.flatMap(\.results)))
            #expect(
                recorded.text == """
                    tests:
                      - name: asked
                        chat:
                          answer:
                            - text: "Perhaps."
                        expect: { prompts: { answer: [ { prompt: "Will it rain?" } ], thanks: [] } }
                    """)
        }
    }
}
