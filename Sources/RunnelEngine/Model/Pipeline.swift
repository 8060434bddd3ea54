public import RunnelKit
internal import RunnelSupport
package import Templates
public import YAML

/// A parsed pipeline file, with parsed templates and source positions.
public struct Pipeline: Sendable {
    /// The name of the pipeline.
    public var name: String
    /// What it is for, in the words of its author.
    public var description: String?
    package var source: YAMLSource
    /// The files whose steps it includes, by path, at any depth.
    public internal(set) var included: [String: YAMLSource] = [:]
    /// Names the pipeline as it is now in the journal; see ``RunRecord/definition``. Empty until the pipeline is found
    /// valid.
    public internal(set) var definition = ""
    /// The hash of ``definitionText``. Empty until the pipeline is found valid.
    private(set) var textHash = ""
    /// Whether it has no `name:`, and therefore the name of its file.
    var isNamedAfterFile = false
    package var inputs: [InputDeclaration]
    /// What starts it, in the order of the file.
    public var triggers: [TriggerDeclaration]
    /// Its steps, in order.
    public var steps: [PipelineStep]
    /// Steps that run after a step has finally failed; `error` is in scope.
    public var onFailure: [PipelineStep]
    /// Steps that always run at the end, whatever the outcome.
    public var finally: [PipelineStep]
    /// The timeout of the whole run.
    public var timeout: Duration?
    /// The template of `output`; nil for the last output that was produced.
    public var output: TemplateTree?

    /// The maximum number of concurrent runs of the pipeline, and what happens to a run beyond it.
    public var concurrency: ConcurrencyDeclaration?

    /// The priority of runs that are started without one of their own; see ``RunPriority``.
    public var priority = 0

    /// The file and those that it includes.
    public var sources: [YAMLSource] { [source] + included.sorted { $0.key < $1.key }.map(\.value) }

    /// The text that the journal keeps for its runs: that of the file, with the files that it includes.
    public var definitionText: String {
        DefinitionBundle(text: source.text, included: included.mapValues(\.text)).joined
    }

    /// The name of the pipeline in a file, also of one with errors.
    package static func name(in bytes: [UInt8], file: String) -> String {
        var root = try? YAMLParser.parse(bytes, name: file).root
        if root == nil {
            // Where the file is no YAML, the line with the name may be.
            let lines = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline)
            root = lines.first { $0.hasPrefix("name:") }.flatMap {
                try? YAMLParser.parse(String($0), name: file).root
            }
        }
        return (root?["name"]?.asString ?? PipelineDecoder.defaultName(file: file)).composed
    }

    /// Computes ``definition`` and ``textHash``. Two files with the same text are two definitions if they differ in their
    /// names.
    mutating func identify() {
        textHash = definitionText.sha256
        definition = isNamedAfterFile ? "\(name)\0\(textHash)".sha256 : textHash
    }

    /// Whether the run began with the pipeline as it is now.
    package func isDefinition(of run: RunRecord) -> Bool {
        // Older runs name it by its text alone.
        run.definition == definition || run.definition == textHash
    }

    /// All steps at any depth, in file order.
    public var allSteps: [PipelineStep] { (steps + onFailure + finally).flatMap(\.withInner) }
}

/// One entry of `steps`.
public struct PipelineStep: Sendable {
    /// The id in the file, or one generated from the step type.
    public var id: String
    /// Empty for a group.
    public var uses: String
    /// For a group, its `steps`.
    public var usesNode: YAMLNode
    /// The steps of a group; nil for a step with `uses`.
    public var group: [PipelineStep]?
    /// Whether the steps of the group run in parallel.
    public var isParallel = false
    /// The items for which the step runs.
    public var forEach: TemplateTree?
    package var forEachNode: YAMLNode?
    /// The maximum number of concurrent items, or steps of a parallel group.
    public var maxParallel: Int?
    /// What the step is told, with templates.
    public var with: TemplateTree
    package var withNode: YAMLNode?
    package var condition: Condition?
    package var retry: RetryDeclaration?
    /// `until` or `while`: the step is executed again until its condition allows the run to go on.
    public var loop: LoopDeclaration?
    package var timeout: Duration?
    package var onError: OnError
    /// The whole entry.
    public var node: YAMLNode
    /// The file that the step stands in, if that is not the pipeline's own.
    public var source: YAMLSource?
    /// For a group that was made of an included file: the prefix of the ids of its steps, which is left out in its
    /// templates. They see the values of the file's inputs, and no step outside.
    public internal(set) var scope: String?
    /// A step that including a file adds, which no plugin brings.
    var added: AddedStep?

    /// The step and all nested steps.
    public var withInner: [PipelineStep] { [self] + (group ?? []).flatMap(\.withInner) }

    /// The effect of a failure of the step on the run.
    public enum OnError: String, Sendable, FieldChoice {
        case fail, `continue`
    }

    /// An expression of `if`, `until` or `while`.
    public struct Condition: Sendable {
        package let expression: Expression
        package let node: YAMLNode
    }
}

/// `concurrency:` of a pipeline.
public struct ConcurrencyDeclaration: FieldGroup {
    /// What happens to a run beyond the limit.
    public enum Overlap: String, FieldChoice {
        /// Runs are queued, in the order of ``RunPriority``.
        case queue
        /// A run beyond the limit is dropped.
        case skip
        /// Running ones are cancelled in favour of the new one.
        case cancel
    }

    /// All defaults.
    public init() {}

    @Field("The maximum number of concurrent runs of the pipeline, including waiting ones.") public var limit:
        PositiveCount = PositiveCount(1)
    @Field("What happens to a run beyond the limit.") public var overlap: Overlap = .queue
}

/// A positive integer.
public struct PositiveCount: FieldValue {
    /// The number, from 1.
    public let number: Int

    init(_ number: Int) {
        self.number = number
    }

    /// The JSON schema (2020-12) of the values that are accepted.
    public static var schema: Value { ["type": "integer", "minimum": 1] }

    /// Reads the value that is written behind a key.
    /// - Throws: A ``FieldError`` for a value that is not accepted.
    public init(field value: Value) throws(FieldError) {
        let number = try Int(field: value)
        guard number >= 1 else { throw FieldError("expected an integer from 1, found \(number)") }
        self.number = number
    }

    /// How the value is shown as a default; nil where it cannot be shown.
    public var fieldDefault: Value? { .int(Int64(number)) }
}

/// `until:` or `while:` of a step, with `every` and `max_rounds`.
public struct LoopDeclaration: Sendable {
    package var condition: PipelineStep.Condition
    /// Whether the step is repeated while the condition holds; otherwise until it holds.
    public var isWhile: Bool
    /// The pause between rounds.
    public var pause: Duration
    /// The maximum number of rounds.
    public var limit: Int

    /// The pause where `every` is not given.
    public static let defaultPause = Duration.seconds(10)
    /// The number of rounds where `max_rounds` is not given.
    public static let defaultLimit = 100

    /// The key of the condition.
    var key: String { isWhile ? "while" : "until" }
}

/// `retry:` of a step.
public struct RetryDeclaration: FieldGroup {
    /// How pauses grow.
    public enum Growth: String, FieldChoice { case exponential, constant }

    /// All defaults.
    public init() {}

    @Field("The total number of attempts.") public var attempts: PositiveCount = PositiveCount(3)
    @Field(
        """
        The pause before the second attempt. Up to half of each pause is left out at random (jitter), so that many runs \
        do not try again at once. During a pause of more than a second the run waits in the journal.
        """)
    public
        var backoff: Duration = .seconds(1)
    @Field("Whether the pause doubles each time (exponential backoff).") public var growth: Growth = .exponential
    @Field("The longest pause, also if a server asks for a longer one (`Retry-After`).") public var maxBackoff:
        Duration = .seconds(60)
}

/// `inputs:` declares what a caller can set.
public struct InputDeclaration: Sendable {
    /// The type of an input.
    public enum Kind: String, FieldChoice { case string, number, integer, boolean, list, object }

    /// The name of the input.
    public var name: String
    package var kind: Kind
    package var help: String?
    package var defaultValue: Value?
    /// The values that are accepted; nil for all of the type.
    public var choices: [Value]?
    package var isRequired: Bool
    /// Whether null is allowed, by `required: false`.
    public var takesNull: Bool
    package var node: YAMLNode
}

/// An entry of `on:`.
public struct TriggerDeclaration: Sendable {
    package var kind: String
    /// `watch`, or `schedule[1]` for the second of several.
    public var key: String
    /// The `id` of the entry, by which the trigger is recognised wherever it stands.
    public var id: String?
    /// The trigger's own keys, without those that every trigger has.
    public var entry: TemplateTree
    /// `if`: an event that it does not hold for starts no run.
    public var condition: PipelineStep.Condition?
    package var debounce: DebounceDeclaration?
    package var node: YAMLNode
    /// The key under `on:`.
    public var keyNode: YAMLNode
}

/// `debounce:` of a trigger: folds a burst of events into one run.
public struct DebounceDeclaration: Sendable {
    /// How long no further event must arrive before the run begins.
    public var length: Duration
    /// Events with different keys are folded into different runs; nil for one run.
    public var key: TemplateTree?
    /// How long after the first event the run begins at the latest.
    public var maximum: Duration
    package var node: YAMLNode

    /// `max` for an entry that does not say, as a multiple of `for`.
    public static let defaultFactor = 10
    static let keys = ["for", "key", "max"]
}
