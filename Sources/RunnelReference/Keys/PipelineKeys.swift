import RunnelEngine
import RunnelKit

/// The keys of a pipeline file that belong to no step and no trigger.
enum PipelineKeys {
    static let pipeline: [DeclaredKey] = [
        DeclaredKey(
            "name", "string", "How the pipeline is called.", schema: ["type": "string"], absent: "the file's name"),
        DeclaredKey(
            "description", "string", "One sentence for lists.", schema: ["type": "string"]),
        DeclaredKey(
            "on", "object",
            "What starts runs, beside a person: a key for each trigger, with one entry or a list of them.",
            schema: ["$ref": "#/definitions/on"], absent: "started by hand", mayBeEmpty: true),
        DeclaredKey(
            "inputs", "object", "What can be set by whoever starts a run, by name; templates read `inputs.NAME`.",
            schema: ["type": "object", "additionalProperties": ["$ref": "#/definitions/input"]], mayBeEmpty: true),
        DeclaredKey(
            "concurrency", "object", "How many runs of the pipeline go on at once.",
            schema: ["$ref": "#/definitions/concurrency"], absent: "no limit of its own"),
        DeclaredKey(
            "timeout", "duration", "How long a run may be worked on altogether. Waiting and downtime do not count.",
            schema: Duration.schema, absent: "no limit"),
        DeclaredKey(
            "steps", "list of steps", "What is done, one after another.",
            schema: ["type": "array", "minItems": 1, "items": ["$ref": "#/definitions/step"]], isRequired: true),
        DeclaredKey(
            "on_failure", "list of steps", "What is done when a step has failed for good; templates know `error`.",
            schema: ["type": "array", "items": ["$ref": "#/definitions/step"]]),
        DeclaredKey(
            "finally", "list of steps",
            "What is done at the end however it went, also after a cancellation; templates know `error`.",
            schema: ["type": "array", "items": ["$ref": "#/definitions/step"]]),
        DeclaredKey(
            "output", "any value", "What a run gives back, with templates in it.", schema: [:],
            absent: "the last output that was produced"),
    ]

    static let input: [DeclaredKey] = [
        DeclaredKey(
            "type", "one of " + InputDeclaration.Kind.allCases.map { "`\($0.rawValue)`" }.joined(separator: ", "),
            "What kind of value it is.", schema: InputDeclaration.Kind.schema, absent: "`string`"),
        DeclaredKey("default", "any value", "What it is when nobody sets it.", schema: [:]),
        DeclaredKey("description", "string", "What it is for.", schema: ["type": "string"]),
        DeclaredKey("enum", "list", "The only values it may have.", schema: ["type": "array"]),
        DeclaredKey(
            "required", "boolean", "Whether it has to be set. With `false`, null is one of its values.",
            schema: ["type": "boolean"], absent: "`true` without a `default`"),
    ]

    /// The keys of a step; `uses` lists what is registered.
    static func step(_ registry: StepRegistry) -> [DeclaredKey] {
        // Editors show the descriptions beside the names.
        let uses: Value = [
            "enum": .list(registry.names.map { .string($0) }),
            "enumDescriptions": .list(registry.names.map { .string(registry[$0]?.summary ?? "") }),
        ]
        let onlySteps = "Either `uses` or `steps` is there."
        return [
            DeclaredKey(
                "id", "string", "How others name the step: `steps.ID` is its output. Letters, digits, `_` and `-`.",
                schema: ["type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_-]*$"],
                absent: "the step's kind, such as `file-write`"),
            DeclaredKey("name", "string", "A remark for whoever reads the file.", schema: ["type": "string"]),
            DeclaredKey(
                "uses", "the name of a step", "What is done. \(onlySteps)", schema: uses),
            DeclaredKey(
                "with", "object",
                "What the step is given; its keys depend on `uses`. Templates may stand in any string. A key that is "
                    + "written is given, also when its value is null.",
                schema: ["type": "object"], mayBeEmpty: true),
            DeclaredKey(
                "if", "expression", "The step is done only where this is true; otherwise its output is null.",
                schema: ["type": ["string", "boolean", "number"]], mayBeEmpty: true),
            DeclaredKey(
                "for_each", "list, or a template that is one",
                "Does the step once for each item, with `item` and `index` known; its output is the list of outputs.",
                schema: ["anyOf": [["type": "array"], ["$ref": "#/definitions/text"]]]),
            DeclaredKey(
                "max_parallel", "whole number from 1 on",
                "How many items, or steps of a parallel group, are worked on at once.", schema: PositiveCount.schema,
                absent: "1 with `for_each`, all of a parallel group"),
            DeclaredKey(
                "steps", "list of steps", "Makes the step a group. \(onlySteps)",
                schema: ["type": "array", "minItems": 1, "items": ["$ref": "#/definitions/step"]]),
            DeclaredKey(
                "parallel", "boolean", "Whether the steps of a group are done side by side.",
                schema: ["type": "boolean"], absent: "`false`"),
            DeclaredKey(
                "retry", "object", "Tries the step again when its failure may pass; not for a group.",
                schema: ["$ref": "#/definitions/retry"], absent: "one attempt"),
            DeclaredKey(
                "timeout", "duration", "How long the step may take with all its attempts.", schema: Duration.schema,
                absent: "no limit"),
            DeclaredKey(
                "on_error", PipelineStep.OnError.allCases.map { "`\($0.rawValue)`" }.joined(separator: " or "),
                "Whether the run fails with the step, or goes on with null as its output.",
                schema: PipelineStep.OnError.schema, absent: "`fail`"),
        ]
    }
}
