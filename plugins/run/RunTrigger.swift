public import RunnelKit

/// The trigger `run`.
struct RunTrigger: FollowingTrigger {
    static let name = "run"
    static let summary = "Starts a run when a run of another pipeline ends."
    static let titles = ["en": "end of", "ja": "終了時:"]

    static let documentation = TriggerDocumentation(
        details: """
            Every run that ends counts: also one that was started by hand, and one that ended while `runnel serve` was \
            not running. Each end starts one run, however many processes serve the pipeline. An entry that is new, or \
            was taken out and put back, begins with the next end.

            `pipelines` and `except` are names, and can contain `*`, `?` and `[a-z]`. A pipeline never starts itself.

            `recovered` is the first success of a pipeline after a failure; `succeeded` covers it as well. With both in \
            the list it starts one run, whose `trigger.state` is `recovered`.

            Runs that start each other form a chain of at most `runs.chain` runs (8 unless runnel.yaml says otherwise). \
            The end of the last one starts nothing, and the trigger reports a problem. `runnel validate` reports \
            pipelines that would start each other in a ring.

            Secrets are masked in all values of `trigger`. The values of a run that retention has removed meanwhile are \
            null. The journal keeps ends for `dedupe.keep`, at most the latest 100000.
            """,
        payload: [
            .init("id", "The id of the run that ended."),
            .init("pipeline", "The name of its pipeline."),
            .init("state", "`succeeded`, `failed`, `cancelled`, `skipped` or `recovered`."),
            .init(
                "error",
                "Why it failed: an object with `code`, `message`, and where known `hint` and `step`; null otherwise."),
            .init("inputs", "Its inputs, by name.", isListed: false),
            .init("output", "Its output, if it succeeded.", isListed: false),
            .init("trigger", "What had started it: its own `trigger`.", isListed: false),
            .init("created_at", "When it was accepted (RFC 3339, UTC)."),
            .init("started_at", "When it began; null if it never did."),
            .init("ended_at", "When it ended."),
            .init("url", "The run in the dashboard; null without `server.public_url`."),
        ],
        examples: [
            .init(
                "After a run of \"import\" has succeeded",
                "run: { pipelines: [import], states: [succeeded] }"),
            .init(
                "On any failure and on the first success after it",
                "run: { states: [failed, recovered], except: [alert] }"),
        ])

    @Field("Names of pipelines, also with `*`.") var pipelines: [PipelinePattern] = [.all]
    @Field("How the run has ended.") var states: [EndState] = [.failed]
    @Field("Names of pipelines that are left out, also with `*`.") var except: [PipelinePattern] = []

    static let memoryWhileDeclared = [RunSession.watermarkKey]
    static let keepsMemoryWhenEdited = true

    func identity() -> String? {
        let listened = "\(states.map(\.rawValue).sortedList) of \(pipelines.map(\.text).sortedList)"
        return except.isEmpty ? listened : "\(listened) except \(except.map(\.text).sortedList)"
    }

    func validate() throws(FieldError) {
        if pipelines.isEmpty { throw FieldError("the list holds no pipeline", path: [.key("pipelines")]) }
        if states.isEmpty { throw FieldError("the list holds no state", path: [.key("states")]) }
        let isAnyLeft = pipelines.contains { pattern in !except.contains { $0.covers(pattern) } }
        guard isAnyLeft else {
            throw FieldError(
                "every pipeline of `pipelines` is left out here, so no run would start",
                hint: "leave out fewer, such as `except: [alert]`", path: [.key("except")])
        }
    }

    func validate(in context: ValidationContext) throws(FieldError) {
        for (index, pattern) in pipelines.enumerated() where pattern.text == context.pipeline {
            throw FieldError(
                "the pipeline \"\(context.pipeline)\" cannot start itself",
                hint: "name other pipelines; `retry` repeats a step that fails",
                path: [.key("pipelines"), .index(index)])
        }
    }

    static func summary(of payload: Value) -> String? { payload["pipeline"]?.asString }

    func follows(_ pipeline: String, in own: String) -> Bool {
        pipeline != own && pipelines.contains { $0.matches(pipeline) } && !except.contains { $0.matches(pipeline) }
    }

    var namedPipelines: [(path: [FieldError.PathElement], name: String)] {
        pipelines.enumerated().filter { $0.element.isName }.map { index, pattern in
            (path: [.key("pipelines"), .index(index)], name: pattern.text)
        }
    }

    /// `trigger.state` for the end; nil if it starts no run.
    func state(for end: EndedRun, in own: String) -> EndState? {
        guard follows(end.pipeline, in: own) else { return nil }
        if end.isRecovery, states.contains(.recovered) { return .recovered }
        return EndState(rawValue: end.state.rawValue).flatMap { states.contains($0) ? $0 : nil }
    }

    func run(_ context: TriggerContext) async throws {
        try await RunSession(trigger: self, context: context).run()
    }
}

/// How a run has ended, for the trigger `run`.
enum EndState: String, FieldChoice {
    case succeeded, failed, cancelled, skipped
    /// The first success after a failure.
    case recovered
}

/// A name of a pipeline, or a pattern for names.
struct PipelinePattern: FieldValue, Hashable {
    let text: String
    /// nil: every name.
    private let glob: Glob?

    static let all = PipelinePattern(text: "*", glob: nil)

    static var schema: Value { ["type": "string", "minLength": 1] }

    private init(text: String, glob: Glob?) {
        self.text = text
        self.glob = glob
    }

    init(field value: Value) throws(FieldError) {
        text = try String(field: value)
        glob = text == Self.all.text ? nil : try Glob(field: value)
    }

    var fieldDefault: Value? { .string(text) }

    func matches(_ pipeline: String) -> Bool { glob?.matches(path: pipeline) ?? true }

    /// Whether it stands for one pipeline.
    var isName: Bool { !text.contains { "*?[".contains($0) } }

    /// Whether it surely matches every pipeline that `other` matches.
    func covers(_ other: PipelinePattern) -> Bool {
        glob == nil || text == other.text || other.isName && matches(other.text)
    }
}

extension [String] {
    /// The texts without repetitions, in an order that does not depend on how they are written.
    var sortedList: String { Set(self).sorted().joined(separator: ",") }
}

/// Starts pipelines when runs of others end, and when problems begin and end.
public struct RunPlugin: Plugin {
    /// The plugin; it needs no settings.
    public init() {}

    /// The plugin's name.
    public let name = "run"

    /// The triggers `run` and `health`.
    public var triggers: [TriggerDefinition] {
        [TriggerDefinition(RunTrigger.self), TriggerDefinition(HealthTrigger.self)]
    }
}
