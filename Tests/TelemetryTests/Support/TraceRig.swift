import Logging
import RunnelEngine
import RunnelKit
import RunnelTesting
import Synchronization
import Tracing

@testable import Telemetry

/// Keeps the spans that have ended.
final class SpanLog: Sendable {
    private let storage = Mutex<[FinishedSpan]>([])
    var all: [FinishedSpan] { storage.withLock { $0 } }
    func append(_ span: FinishedSpan) { storage.withLock { $0.append(span) } }

    func tracer(sample: Double = 1) -> SpanTracer { SpanTracer(sample: sample) { self.append($0) } }

    /// The one span of this name.
    subscript(name: String) -> FinishedSpan? {
        let found = all.filter { $0.name == name }
        return found.count == 1 ? found[0] : nil
    }
}

extension FinishedSpan {
    /// An attribute as text.
    subscript(key: String) -> String? {
        switch attributes.get(key) {
        case .string(let text): text
        case .int64(let number): "\(number)"
        case .int32(let number): "\(number)"
        case .double(let number): "\(number)"
        case .bool(let flag): "\(flag)"
        case .stringArray(let texts): texts.joined(separator: ",")
        default: nil
        }
    }
}

struct Echo: Step {
    static let name = "echo"
    static let summary = "Gives back its value, or what it would send along."
    static let documentation = StepDocumentation(output: "The value.")
    @Field("What to give back.") var value: Value?

    func run(_ context: StepContext) async throws -> Value {
        value ?? context.trace.context.map { .string($0.traceparent) } ?? .null
    }
}

struct Fail: Step {
    static let name = "fail"
    static let summary = "Fails until an attempt."
    static let documentation = StepDocumentation(output: "The number of the attempt.")
    @Field("The first attempt that succeeds.") var until: Int?
    @Field("In which words.") var message: String = "it broke"

    func run(_ context: StepContext) async throws -> Value {
        if let until, context.identity.attempt >= until { return .int(Int64(context.identity.attempt)) }
        throw StepError(reported: "broken", message, isTransient: until != nil)
    }
}

struct TracePlugin: Plugin {
    let name = "trace-tests"
    var steps: [StepDefinition] { [StepDefinition(Echo.self), StepDefinition(Fail.self)] }
}

struct InvalidPipeline: Error { let text: String }

/// Runs a pipeline without a journal.
@discardableResult func run(
    _ yaml: String, id: String = "0198c0de-0000-7000-8000-000000000001", trigger: Value = ["type": "manual"],
    secrets: [String: String] = [:], _ tracing: RunTracing
) async throws -> RunResult {
    let registry = try StepRegistry([TracePlugin()])
    let loader = try PipelineLoader(registry: registry)
    let (pipeline, report) = loader.load(Array(yaml.utf8), file: "p.yaml")
    guard let pipeline else {
        throw InvalidPipeline(text: DiagnosticPrinter(sources: [report.source]).text(report.diagnostics))
    }
    let runner = PipelineRunner(
        registry: registry, environment: loader.environment, services: Services(),
        project: ProjectDirectory(path: "/nonexistent"), values: ProjectValues(secrets: secrets),
        redactor: Redactor(secrets: secrets.values), logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
        now: { 1_767_225_600_000_000_000 }, tracing: tracing)
    return await runner.run(pipeline, RunRequest(id: id, trigger: trigger)) { _ in }
}
