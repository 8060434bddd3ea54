public import RunnelKit
public import Templates
public import YAML

/// A pipeline as its file says it, with every template parsed and every place kept.
public struct Pipeline: Sendable {
    public var name: String
    public var description: String?
    public var source: YAMLSource
    public var inputs: [InputDeclaration]
    public var triggers: [TriggerDeclaration]
    public var steps: [PipelineStep]
    /// Run when a step has failed for good; `error` is in scope.
    public var onFailure: [PipelineStep]
    /// Run at the end, however it went.
    public var finally: [PipelineStep]
    /// Of the whole run.
    public var timeout: Duration?
    /// What `output` renders; nil: the last output that was produced.
    public var output: TemplateTree?

    /// How many runs of the pipeline go on at once, and what becomes of one that comes when there are as many.
    public var concurrency: ConcurrencyDeclaration?

    /// All steps wherever they stand, in the order of the file.
    public var allSteps: [PipelineStep] { (steps + onFailure + finally).flatMap(\.withInner) }
}

/// One entry of `steps`.
public struct PipelineStep: Sendable {
    /// As the file names it, or the name of the step's kind with a number.
    public var id: String
    /// Empty for a group.
    public var uses: String
    /// For a group, its `steps`.
    public var usesNode: YAMLNode
    /// The steps of a group; nil for a step that does something itself.
    public var group: [PipelineStep]?
    /// Whether the steps of the group run side by side.
    public var isParallel = false
    /// What the step is done for, one by one.
    public var forEach: TemplateTree?
    public var forEachNode: YAMLNode?
    /// How many items, or steps of a parallel group, run at once.
    public var maxParallel: Int?
    public var with: TemplateTree
    public var withNode: YAMLNode?
    public var condition: Condition?
    public var retry: RetryDeclaration?
    public var timeout: Duration?
    public var onError: OnError
    /// The whole entry.
    public var node: YAMLNode

    /// The step and all steps inside of it.
    public var withInner: [PipelineStep] { [self] + (group ?? []).flatMap(\.withInner) }

    /// What a failure of the step does to the run.
    public enum OnError: String, Sendable, FieldChoice {
        case fail, `continue`
    }

    public struct Condition: Sendable {
        public let expression: Expression
        public let node: YAMLNode
    }
}

/// `concurrency:` of a pipeline.
public struct ConcurrencyDeclaration: FieldGroup {
    public enum Overlap: String, FieldChoice {
        /// Runs wait for their turn, the oldest first.
        case queue
        /// A run that would have to wait is not begun.
        case skip
        /// The runs that go on are cancelled in favour of the new one.
        case cancel
    }

    public init() {}

    @Field("How many runs of the pipeline go on at once. One that waits for a retry counts.") public var limit:
        PositiveCount = PositiveCount(1)
    @Field("What becomes of a run when there are as many already.") public var overlap: Overlap = .queue
}

/// A whole number from 1 on.
public struct PositiveCount: FieldValue {
    public let number: Int

    init(_ number: Int) {
        self.number = number
    }

    public static var schema: Value { ["type": "integer", "minimum": 1] }

    public init(field value: Value) throws(FieldError) {
        let number = try Int(field: value)
        guard number >= 1 else { throw FieldError("expected a whole number from 1 on, found \(number)") }
        self.number = number
    }

    public var fieldDefault: Value? { .int(Int64(number)) }
}

/// `retry:` of a step.
public struct RetryDeclaration: FieldGroup {
    public enum Growth: String, FieldChoice { case exponential, constant }

    public init() {}

    @Field("How often the step is tried altogether.") public var attempts: PositiveCount = PositiveCount(3)
    @Field("How long to wait before the second attempt. Longer than a second, the run waits in the journal.") public
        var backoff: Duration = .seconds(1)
    @Field("Whether the wait doubles each time.") public var growth: Growth = .exponential
    @Field("The longest wait, also where a server asks for a longer one (`Retry-After`).") public var maxBackoff:
        Duration = .seconds(60)
}

/// `inputs:` declares what a caller can set.
public struct InputDeclaration: Sendable {
    public enum Kind: String, FieldChoice { case string, number, integer, boolean, list, object }

    public var name: String
    public var kind: Kind
    public var help: String?
    public var defaultValue: Value?
    public var choices: [Value]?
    public var isRequired: Bool
    /// Whether null is one of its values: with `required: false`.
    public var takesNull: Bool
    public var node: YAMLNode
}

/// An entry of `on:`.
public struct TriggerDeclaration: Sendable {
    public var kind: String
    /// `watch`, or `schedule[1]` for the second of several.
    public var key: String
    public var entry: TemplateTree
    public var node: YAMLNode
    /// The key under `on:`.
    public var keyNode: YAMLNode
}
