import RunnelEngine
import RunnelKit

/// The keys of a pipeline file, other than those of steps and triggers.
enum PipelineKeys {
    static let pipeline: [DeclaredKey] = [
        DeclaredKey(
            "name", "string", "The name of the pipeline.", schema: ["type": "string"], absent: "the file name"),
        DeclaredKey(
            "description", "string", "A one-sentence summary.", schema: ["type": "string"]),
        DeclaredKey(
            "on", "object",
            "The triggers: a key for each, with one entry or a list.",
            schema: ["$ref": "#/definitions/on"], absent: "manual runs only", mayBeEmpty: true),
        DeclaredKey(
            "inputs", "object", "Inputs that can be set when a run is started, by name; templates read `inputs.NAME`.",
            schema: ["type": "object", "additionalProperties": ["$ref": "#/definitions/input"]], mayBeEmpty: true),
        DeclaredKey(
            "concurrency", "object", "The maximum number of concurrent runs of the pipeline.",
            schema: ["$ref": "#/definitions/concurrency"], absent: "unlimited"),
        DeclaredKey(
            "priority", "integer from \(RunPriority.levels.lowerBound) to \(RunPriority.levels.upperBound)",
            "Which queued runs begin first: those of the highest priority, among them the oldest. A run that waits rises "
                + "by one level every ten minutes. A run can be started with a priority of its own.",
            schema: RunPriority.schema, absent: "0"),
        DeclaredKey(
            "timeout", "duration",
            "The time limit of `steps`. Waiting and downtime do not count. `on_failure` and `finally` have no time limit but "
                + "that of their steps.",
            schema: Duration.schema, absent: "no limit"),
        DeclaredKey(
            "steps", "list of steps", "The steps, run in sequence.",
            schema: ["type": "array", "minItems": 1, "items": ["$ref": "#/definitions/step"]], isRequired: true),
        DeclaredKey(
            "on_failure", "list of steps", "Steps that run after a step has finally failed; templates can use `error`.",
            schema: ["type": "array", "items": ["$ref": "#/definitions/step"]]),
        DeclaredKey(
            "finally", "list of steps",
            "Steps that always run at the end, whatever the outcome, also after a cancellation; templates can use `error`.",
            schema: ["type": "array", "items": ["$ref": "#/definitions/step"]]),
        DeclaredKey(
            "output", "any value", "The output of a run; can contain templates.", schema: [:],
            absent: "the last output that was produced"),
    ]

    static let input: [DeclaredKey] = [
        DeclaredKey(
            "type", "one of " + InputDeclaration.Kind.allCases.map { "`\($0.rawValue)`" }.joined(separator: ", "),
            "The type of the value.", schema: InputDeclaration.Kind.schema, absent: "`string`"),
        DeclaredKey("default", "any value", "The value if it is not set.", schema: [:]),
        DeclaredKey("description", "string", "The purpose of the input.", schema: ["type": "string"]),
        DeclaredKey("enum", "list", "The allowed values.", schema: ["type": "array"]),
        DeclaredKey(
            "required", "boolean", "Whether it must be set. With `false`, null is allowed.",
            schema: ["type": "boolean"], absent: "`true` without a `default`"),
    ]

    /// The keys that an entry of every trigger can have beside the trigger's own.
    static let trigger: [DeclaredKey] = [
        DeclaredKey(
            "if", "expression",
            "An event starts a run only if this is true for it: `trigger.body.action == \"opened\"`.",
            schema: ["type": ["string", "boolean", "number"]], absent: "every event starts a run", mayBeEmpty: true),
        DeclaredKey(
            "debounce", "object", "Folds a burst of events into one run.", schema: ["$ref": "#/definitions/debounce"],
            absent: "each event has its run"),
    ]

    static let debounce: [DeclaredKey] = [
        DeclaredKey(
            "for", "duration", "The run begins when no further event has arrived for so long.",
            schema: Duration.schema, isRequired: true),
        DeclaredKey(
            "key", "any value",
            "A template: events with different values of it are folded into different runs.", schema: [:],
            absent: "one run for all events of the entry"),
        DeclaredKey(
            "max", "duration", "How long after the first event the run begins at the latest.",
            schema: Duration.schema, absent: "\(DebounceDeclaration.defaultFactor) times `for`"),
    ]

    /// The keys of a step; `uses` lists what is registered.
    static func step(_ registry: StepRegistry) -> [DeclaredKey] {
        // Editors show the descriptions next to the names.
        let names: Value = [
            "enum": .list(registry.names.map { .string($0) }),
            "enumDescriptions": .list(registry.names.map { .string(registry[$0]?.summary ?? "") }),
        ]
        let uses: Value = ["anyOf": [names, ["type": "string", "pattern": #"^\.{0,2}/.*\.ya?ml$"#]]]
        let onlySteps = "Either `uses` or `steps` is required."
        return [
            DeclaredKey(
                "id", "string", "The step's id: `steps.ID` is its output. Letters, digits, `_` and `-`.",
                schema: ["type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_-]*$"],
                absent: "the step type, such as `file-write`"),
            DeclaredKey("name", "string", "A comment for readers of the file.", schema: ["type": "string"]),
            DeclaredKey(
                "uses", "the name of a step",
                "The step type, or a file with steps: `./steps/notify.yaml`. \(onlySteps)",
                schema: uses),
            DeclaredKey(
                "with", "object",
                "The settings of the step; the keys depend on `uses`. Any string can contain templates. A key that is "
                    + "written is given, also when its value is null.",
                schema: ["type": "object"], mayBeEmpty: true),
            DeclaredKey(
                "if", "expression", "The step runs only if this is true; otherwise its output is null.",
                schema: ["type": ["string", "boolean", "number"]], mayBeEmpty: true),
            DeclaredKey(
                "for_each", "list, a template that is one, or a list for each name",
                "Runs the step once for each item, with `item` and `index` in scope; its output is the list of outputs. "
                    + "With `{ os: […], size: […] }` once for each combination: `item.os`, `item.size`.",
                schema: [
                    "anyOf": [
                        ["type": "array"], ["$ref": "#/definitions/text"],
                        [
                            "type": "object", "minProperties": 1,
                            "additionalProperties": ["anyOf": [["type": "array"], ["$ref": "#/definitions/text"]]],
                        ],
                    ]
                ]),
            DeclaredKey(
                "max_parallel", "integer from 1",
                "The maximum number of items, or steps of a parallel group, that run concurrently.",
                schema: PositiveCount.schema,
                absent: "1 with `for_each`, all of a parallel group"),
            DeclaredKey(
                "steps", "list of steps", "Makes the step a group. \(onlySteps)",
                schema: ["type": "array", "minItems": 1, "items": ["$ref": "#/definitions/step"]]),
            DeclaredKey(
                "parallel", "boolean", "Whether the steps of a group run in parallel.",
                schema: ["type": "boolean"], absent: "`false`"),
            DeclaredKey(
                "until", "expression",
                "Runs the step again until this is true; it can use the step's own output. Not for a group.",
                schema: ["type": ["string", "boolean", "number"]], mayBeEmpty: true),
            DeclaredKey(
                "while", "expression", "Runs the step again while this is true of its output. Not for a group.",
                schema: ["type": ["string", "boolean", "number"]], mayBeEmpty: true),
            DeclaredKey(
                "every", "duration",
                "With `until` or `while`: the pause between rounds. During one of more than a second the run waits in the "
                    + "journal and takes no place of `runs.limit`.", schema: Duration.schema,
                absent: DurationText.format(LoopDeclaration.defaultPause)),
            DeclaredKey(
                "max_rounds", "integer from 1",
                "With `until` or `while`: the maximum number of rounds; then the step fails. Failed attempts are no rounds.",
                schema: PositiveCount.schema, absent: "\(LoopDeclaration.defaultLimit)"),
            DeclaredKey(
                "retry", "object", "Retries the step after a transient failure; not for a group.",
                schema: ["$ref": "#/definitions/retry"], absent: "one attempt"),
            DeclaredKey(
                "timeout", "duration", "The time limit of each attempt; of a group, that of all its steps together.",
                schema: Duration.schema, absent: "no limit"),
            DeclaredKey(
                "on_error", PipelineStep.OnError.allCases.map { "`\($0.rawValue)`" }.joined(separator: " or "),
                "Whether the run fails with the step, or continues with null as its output.",
                schema: PipelineStep.OnError.schema, absent: "`fail`"),
        ]
    }
}

/// A key of a pipeline file, for the schema and the reference.
struct DeclaredKey: Sendable {
    let name: String
    /// A description in Markdown.
    let help: String
    /// Its type, in words for a table.
    let kind: String
    /// The schema of its value.
    let schema: Value
    /// The default in words; empty if it is obvious.
    let absent: String
    let isRequired: Bool
    /// Whether null is allowed: an empty section, or the word `null`.
    let mayBeEmpty: Bool

    init(
        _ name: String, _ kind: String, _ help: String, schema: Value, absent: String = "", isRequired: Bool = false,
        mayBeEmpty: Bool = false
    ) {
        self.name = name
        self.kind = kind
        self.help = help
        self.schema = schema
        self.absent = absent
        self.isRequired = isRequired
        self.mayBeEmpty = mayBeEmpty
    }

    /// The schema with its description.
    var documentedSchema: Value {
        guard var object = schema.asObject else { return schema }
        if let types = object["type"] {
            if mayBeEmpty { object["type"] = .list((types.asList ?? [types]) + ["null"]) }
        } else if object["$ref"] != nil {
            // Siblings of `$ref` are ignored in draft-07.
            object = ["anyOf": mayBeEmpty ? [schema, ["type": "null"]] : [schema]]
        }
        object["description"] = .string(help)
        return .object(object)
    }
}

extension [DeclaredKey] {
    /// The members of `properties`.
    var properties: ValueObject { ValueObject(map { ($0.name, $0.documentedSchema) }) }
}

/// The names available in templates, for the reference.
enum TemplateNames {
    static let all: [(name: String, help: String)] = [
        ("input", "The last output that was produced; for the first step, the input of the run."),
        ("inputs.NAME", "The value of an input that the pipeline declares."),
        ("steps.ID", "The output of an earlier step; null if it was skipped."),
        (
            "trigger.type",
            "What started the run: `manual`, or the trigger's name; the trigger's own fields are next to it."
        ),
        ("vars.NAME", "A value from `vars` in `runnel.yaml`."),
        ("secrets.NAME", "A secret from `runnel.yaml`. It is masked wherever it is shown."),
        ("env.NAME", "An environment variable that `runnel.yaml` lists under `env`."),
        ("run.id", "The run's id, the same after a crash."),
        ("run.pipeline", "The pipeline's name."),
        ("run.started_at", "The start time of the run (RFC 3339, UTC)."),
        ("item", "With `for_each`: the item."),
        ("index", "With `for_each`: the index of the item, from 0."),
        ("error.code", "In `on_failure` and `finally`: the error code; see [errors.md](errors.md)."),
        ("error.message", "The error message."),
        ("error.hint", "The hint how to fix it; empty if there is none."),
        ("error.step", "The id of the step that failed."),
        ("error.output", "The partial output of the step."),
    ]
}
