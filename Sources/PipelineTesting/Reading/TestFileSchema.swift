internal import MarketplaceSimulator
internal import RunnelEngine
public import RunnelKit

/// The JSON schema (draft-07) of a test file, `<anything>.test.yaml`, for editors.
public enum TestFileSchema {
    /// The schema. What depends on the pipeline, such as the ids of its steps, is checked by `runnel test`.
    public static var schema: Value {
        [
            "$schema": "http://json-schema.org/draft-07/schema#", "title": "Runnel tests",
            "description": "Tests of a Runnel pipeline, for `runnel test`.", "type": "object",
            "properties": .object(
                ValueObject(
                    [
                        (
                            "pipeline",
                            text("The pipeline, relative to this file; default is the one with the same name.")
                        )
                    ] + settings + [("tests", ["type": "array", "minItems": 1, "items": test])])),
            "required": ["tests"], "additionalProperties": false,
            "definitions": ["matcher": matcher, "matchers": matchers],
        ]
    }

    private static var settings: [(String, Value)] {
        [
            ("now", ["type": "string", "format": "date-time", "description": "The time at which the run starts."]),
            ("files", object(true, "Files in the copy of the project: texts, or data that is written as JSON.")),
            ("secrets", object(["type": "string"], "The values of secrets. The real ones are never read.")),
            ("env", object(["type": "string"], "The values of environment variables.")),
        ]
    }

    private static var test: Value {
        strict(
            [("name", text("What must hold.")), ("trigger", trigger)] + start + settings + [
                ("chat", perStep(chat, "The answers of the agent, in the order of the calls or by step.")),
                ("http", ["type": "array", "items": http, "description": "The answers to HTTP requests."]),
                ("steps", object(oneOrMore(standIn), "Steps that are not executed, by id, and their outcomes.")),
                ("expect", expect),
            ], required: ["name"], "A test: how a run starts, what it meets, and what must come of it.")
    }

    private static var trigger: Value {
        [
            "type": "object", "properties": ["type": ["type": "string"]], "required": ["type"],
            "description": "What templates find under `trigger`.",
        ]
    }

    private static var start: [(String, Value)] {
        [
            ("inputs", object(true, "The inputs of the pipeline.")),
            ("input", ["description": "The input of the first step."]),
            ("input_file", text("A file of the project whose content is the input of the first step.")),
        ]
    }

    private static var chat: Value {
        let faults = SuiteReader.faults.map { Value.string($0.rawValue) }
        let error = strict(
            [
                ("status", ["type": "integer", "minimum": 400, "maximum": 599]), ("code", ["type": "string"]),
                ("message", ["type": "string"]), ("retry_after", ["type": "string"]),
            ], required: ["status"], "An answer that is an error.")
        let answer = strict(
            [
                ("text", text("The text of the answer.")), ("json", ["description": "The answer as JSON."]),
                ("fault", ["enum": .list(faults), "description": "What goes wrong with the answer."]),
                ("error", error), ("repeat", flag("Whether all further calls get this answer too.")),
            ], "An answer of the agent.")
        return ["anyOf": [["type": "string"], answer]]
    }

    private static var http: Value {
        strict(
            [
                ("url", matcherReference), ("method", ["type": "string"]),
                ("status", ["type": "integer", "minimum": 200, "maximum": 599]),
                ("headers", ["type": "object", "additionalProperties": ["type": "string"]]),
                ("json", ["description": "The body as JSON."]), ("body", text("The body as text.")),
                ("error", CannedHTTP.Problem.schema), ("repeat", flag("Whether all further requests get it too.")),
            ], required: ["url"], "The answer to an HTTP request.")
    }

    private static var standIn: Value {
        let error = strict(
            [
                ("code", ["type": "string"]), ("message", ["type": "string"]),
                ("transient", flag("Whether a later attempt may succeed.")),
            ], "The failure of the step.")
        return strict([("output", ["description": "The output of the step."]), ("error", error)], "An outcome.")
    }

    private static var expect: Value {
        let matcher = matcherReference
        let failure = strict(
            ["code", "message", "hint", "step"].map { ($0, matcher) }, "The error of a failed run.")
        let prompt: Value = [
            "anyOf": [
                matcher, strict([("prompt", matcher), ("system", matcher)], "A prompt, and the system message."),
            ]
        ]
        let request = strict(
            [
                ("url", matcher), ("method", matcher), ("json", ["description": "What the body holds at least."]),
                ("body", matcher), ("headers", object(matcher, "Headers of the request.")),
            ], "A request.")
        var schema =
            strict(
                [
                    ("status", Expectations.Status.schema), ("error", failure), ("output", matcher),
                    ("outputs", object(matcher, "Outputs of steps, by id or path: `answer.json.label`.")),
                    (
                        "skipped",
                        ["type": "array", "items": ["type": "string"], "description": "The steps that are skipped."]
                    ),
                    ("prompts", perStep(prompt, "What the agent was asked, in order or by step.")),
                    ("files", object(matcher, "Files afterwards; `{ absent: true }` for one that must not be there.")),
                    (
                        "sent",
                        ["type": "array", "items": request, "description": "Webhooks and other requests, in order."]
                    ),
                    ("judge", judge),
                ], "What must come of the run. Without it, the run must succeed."
            ).asObject ?? [:]
        schema["type"] = ["object", "null"]
        return .object(schema)
    }

    private static var judge: Value {
        strict(
            [
                ("prompt", text("What a good answer is like.")),
                ("at_least", ["type": "number", "minimum": 0, "maximum": 1, "default": 0.8]),
            ], required: ["prompt"], "With `runnel test --live`: the agent gives the output a mark from 0 to 1.")
    }

    // MARK: - Parts

    private static let matcherReference: Value = ["$ref": "#/definitions/matcher"]

    private static var matcher: Value {
        [
            "description": "A value as it must be, or a mapping with `equals`, `contains`, `matches` or `json`.",
            "anyOf": [["$ref": "#/definitions/matchers"], true],
        ]
    }

    private static var matchers: Value {
        strict(
            [
                ("equals", ["description": "Exactly this value."]),
                ("contains", ["anyOf": [["type": "string"], ["type": "array", "items": ["type": "string"]]]]),
                ("matches", text("A regular expression.")), ("json", ["description": "What it holds at least."]),
            ], "How a value is compared.")
    }

    private static func strict(_ keys: [(String, Value)], required: [Value] = [], _ help: String) -> Value {
        var schema: ValueObject = [
            "type": "object", "description": .string(help), "properties": .object(ValueObject(keys)),
            "additionalProperties": false,
        ]
        if !required.isEmpty { schema["required"] = .list(required) }
        return .object(schema)
    }

    private static func object(_ member: Value, _ help: String) -> Value {
        ["type": "object", "additionalProperties": member, "description": .string(help)]
    }

    private static func text(_ help: String) -> Value { ["type": "string", "description": .string(help)] }
    private static func flag(_ help: String) -> Value { ["type": "boolean", "description": .string(help)] }

    private static func oneOrMore(_ item: Value) -> Value { ["anyOf": [item, ["type": "array", "items": item]]] }

    /// A list, or an object with one or more for each step.
    private static func perStep(_ item: Value, _ help: String) -> Value {
        [
            "description": .string(help),
            "anyOf": [
                ["type": "array", "items": item], ["type": "object", "additionalProperties": oneOrMore(item)],
            ],
        ]
    }
}
