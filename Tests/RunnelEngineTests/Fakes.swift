import Logging
import RunnelKit
import RunnelTesting
import Synchronization
import YAML

@testable import RunnelEngine

struct Echo: Step {
    static let name = "echo"
    static let summary = "Gives back its value, or its input."
    static let documentation = StepDocumentation(output: "The value.")
    @Field("What to give back.") var value: Value?
    @Field("Rendered through the context.") var text: String?

    func run(_ context: StepContext) async throws -> Value {
        if let text { return try context.render(text, "letter.txt") }
        return value ?? context.input
    }
}

struct Fail: Step {
    static let name = "fail"
    static let summary = "Fails."
    static let documentation = StepDocumentation(output: "Nothing.")
    @Field("In which words.") var message: String = "it broke"

    func run(_ context: StepContext) async throws -> Value {
        throw StepError(reported: "broken", message, hint: "mend it")
    }
}

/// Fails with a transient error until the third attempt, then gives its idempotency key.
struct Flaky: Step {
    static let name = "flaky"
    static let summary = "Succeeds at the third attempt."
    static let documentation = StepDocumentation(output: "The idempotency key.")

    func run(_ context: StepContext) async throws -> Value {
        if context.identity.attempt < 3 { throw StepError(reported: "busy", context.idempotencyKey, isTransient: true) }
        return .string(context.idempotencyKey)
    }
}

struct Keyed: Step {
    static let name = "keyed"
    static let summary = "Gives its idempotency key."
    static let documentation = StepDocumentation(output: "The idempotency key.")

    func run(_ context: StepContext) async throws -> Value { .string(context.idempotencyKey) }
}

struct Slow: Step {
    static let name = "slow"
    static let summary = "Takes an hour."
    static let documentation = StepDocumentation(output: "null")

    func run(_ context: StepContext) async throws -> Value {
        try await context.clock.sleep(for: .seconds(3600))
        return .null
    }
}

/// Says half of what it has to say, waits, and keeps that half where it is cancelled.
struct Half: Step {
    static let name = "half"
    static let summary = "Says half of it, and waits an hour."
    static let documentation = StepDocumentation(output: "A text.")

    func run(_ context: StepContext) async throws -> Value {
        await context.report(.text("half "))
        do {
            try await context.clock.sleep(for: .seconds(3600))
        } catch {
            throw StepError.cancelled(partialOutput: "half ")
        }
        return "half of it"
    }
}

struct Talk: Step {
    static let name = "talk"
    static let summary = "Reports text in pieces, and a note."
    static let documentation = StepDocumentation(output: "Null.")
    @Field("The pieces.") var pieces: [String]
    @Field("The note.") var note: String

    func run(_ context: StepContext) async throws -> Value {
        for piece in pieces { await context.report(.text(piece)) }
        await context.report(.note(note))
        return .string(pieces.joined())
    }
}

struct Typed: Step {
    enum Mode: String, FieldChoice { case text, json }
    static let name = "typed.step"
    static let summary = "Has fields of every kind."
    static let documentation = StepDocumentation(output: "null")
    static let rules: [FieldRule] = [.atMostOne(["limit", "names"])]
    @Field("Where.") var path: String
    @Field("How.") var mode: Mode = .text
    @Field("How long.") var wait: Duration = .seconds(1)
    @Field("How many.") var limit: Int?
    @Field("Who.") var names: [String]?

    func run(_ context: StepContext) async throws -> Value { .string(path) }
}

struct FakePlugin: Plugin {
    let name = "fakes"
    var steps: [StepDefinition] {
        [
            StepDefinition(Echo.self), StepDefinition(Fail.self), StepDefinition(Flaky.self),
            StepDefinition(Slow.self), StepDefinition(Half.self), StepDefinition(Talk.self), StepDefinition(Typed.self),
            StepDefinition(Keyed.self),
        ]
    }
}

/// What `runnel validate` would print.
func printed(_ yaml: String) throws -> String {
    let names = ProjectNames(secrets: ["api_key"], env: ["HOME"])
    let loader = try PipelineLoader(registry: StepRegistry([FakePlugin()]), names: names)
    let report = loader.load(Array(yaml.utf8), file: "p.yaml").report
    return DiagnosticPrinter(sources: [report.source]).text(report.diagnostics)
}

final class EventLog: Sendable {
    private let storage = Mutex<[RunEvent]>([])
    var all: [RunEvent] { storage.withLock { $0 } }
    var json: [String] { all.map { $0.json.json() } }
    var names: [String] { all.compactMap { $0.json["event"]?.asString } }
    func append(_ event: RunEvent) { storage.withLock { $0.append(event) } }
}

struct InvalidPipeline: Error { let text: String }

func run(
    _ yaml: String, input: Value = .null, secrets: [String: String] = [:], clock: any Clock<Duration> = ManualClock(),
    log: EventLog = EventLog()
) async throws -> RunResult {
    let registry = try StepRegistry([FakePlugin()])
    let loader = try PipelineLoader(registry: registry)
    let (pipeline, report) = loader.load(Array(yaml.utf8), file: "p.yaml")
    guard let pipeline else {
        throw InvalidPipeline(text: DiagnosticPrinter(sources: [report.source]).text(report.diagnostics))
    }
    let runner = PipelineRunner(
        registry: registry, environment: loader.environment, services: Services(),
        project: ProjectDirectory(path: "/nonexistent"), values: ProjectValues(secrets: secrets),
        redactor: Redactor(secrets: secrets.values), logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
        clock: clock, now: { 1_767_225_600_000_000_000 })
    return await runner.run(pipeline, RunRequest(id: "run-1", input: input)) { log.append($0) }
}

extension RunResult {
    var output: Value? {
        if case .succeeded(let output) = outcome { output } else { nil }
    }
    var error: RunError? {
        if case .failed(let error) = outcome { error } else { nil }
    }
}
