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

    /// All steps wherever they stand, in the order of the file.
    public var allSteps: [PipelineStep] { steps + onFailure + finally }
}

/// One entry of `steps`.
public struct PipelineStep: Sendable {
    /// As the file names it, or the name of the step's kind with a number.
    public var id: String
    public var uses: String
    public var usesNode: YAMLNode
    public var with: TemplateTree
    public var withNode: YAMLNode?
    public var condition: Condition?
    public var retry: RetryDeclaration?
    public var timeout: Duration?
    public var onError: OnError
    /// The whole entry.
    public var node: YAMLNode

    /// What a failure of the step does to the run.
    public enum OnError: String, Sendable, FieldChoice {
        case fail, `continue`
    }

    public struct Condition: Sendable {
        public let expression: Expression
        public let node: YAMLNode
    }
}

/// `retry:` of a step.
public struct RetryDeclaration: FieldGroup {
    public enum Growth: String, FieldChoice { case exponential, constant }

    public init() {}

    @Field("How often the step is tried altogether.") public var attempts: Int = 3
    @Field("How long to wait before the second attempt.") public var backoff: Duration = .seconds(1)
    @Field("Whether the wait doubles each time.") public var growth: Growth = .exponential
    @Field("The longest wait.") public var maxBackoff: Duration = .seconds(60)
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
    public var node: YAMLNode
}

/// An entry of `on:`.
public struct TriggerDeclaration: Sendable {
    public var kind: String
    public var node: YAMLNode
}
