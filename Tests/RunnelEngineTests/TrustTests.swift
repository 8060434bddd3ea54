import Logging
import RunnelKit
import RunnelTesting
import Testing

@testable import RunnelEngine

/// Tells which of its keys depend on data from outside.
private struct Suspect: Step {
    static let name = "suspect"
    static let summary = "Tells what it does not trust."
    static let documentation = StepDocumentation(output: "The keys, and whether the data is from outside.")
    @Field("A text.") var url: String = ""

    func run(_ context: StepContext) async throws -> Value {
        [
            "outside": .bool(context.isFromOutside),
            "keys": .object(ValueObject(context.dataKeys.map { ($0.key, Value.string($0.value)) })),
        ]
    }
}

private struct Tide: Trigger {
    static let name = "tide"
    static let summary = "Starts a run at high tide."
    static let documentation = TriggerDocumentation(payload: [])
    static let bringsOutsideData = false

    func run(_ context: TriggerContext) async throws {}
}

private struct Letter: Trigger {
    static let name = "letter"
    static let summary = "Starts a run for each letter."
    static let documentation = TriggerDocumentation(payload: [])

    func run(_ context: TriggerContext) async throws {}
}

private struct TrustPlugin: Plugin {
    let name = "trust"
    var steps: [StepDefinition] { [StepDefinition(Suspect.self)] }
    var triggers: [TriggerDefinition] { [TriggerDefinition(Tide.self), TriggerDefinition(Letter.self)] }
}

@Suite("Data from outside") struct TrustTests {
    @Test(
        "is what a trigger brings, unless it says otherwise, or nobody knows it",
        arguments: [("manual", false), ("tide", false), ("letter", true), ("gone", true), (nil, true)]
            as [(String?, Bool)])
    func triggers(type: String?, isFromOutside: Bool) async throws {
        var trigger: ValueObject = [:]
        trigger["type"] = type.map { .string($0) }
        let registry = try StepRegistry([TrustPlugin()])
        let loader = try PipelineLoader(registry: registry)
        let url = #"https://a.example/{{ trigger.type | default("x") }}"#
        let yaml = "steps: [ { uses: suspect, with: { url: '\(url)' } } ]"
        let pipeline = try #require(loader.load(Array(yaml.utf8), file: "p.yaml").pipeline)
        let runner = PipelineRunner(
            registry: registry, environment: loader.environment, services: Services(),
            project: ProjectDirectory(path: "/nonexistent"), values: ProjectValues(secrets: [:]),
            redactor: Redactor(secrets: [String]()), logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            clock: ManualClock(), now: { 0 })
        let result = await runner.run(pipeline, RunRequest(id: "run-1", trigger: .object(trigger))) { _ in }
        #expect(result.output == ["outside": .bool(isFromOutside), "keys": ["url": "https://a.example/"]])
    }
}
