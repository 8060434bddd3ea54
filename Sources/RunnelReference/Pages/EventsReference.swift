import RunnelEngine
import RunnelKit

/// `events.md`: the run events in JSON. The keys and examples come from events that are encoded for it.
enum EventsReference {
    static var text: String {
        let names = RunEvent.Name.allCases
        let list = names.map { "- [`\($0.rawValue)`](#\(Markdown.anchor($0.rawValue))): \(meaning($0))\n" }.joined()
        return """
            # Run events

            What happens in a run, as programs see it:

            - `runnel run --json`, `runs retry --json` and `runs resume --json` write each event as a line of JSON to
              standard output.
            - `runnel runs watch --json` and `runnel logs --json` do so for a run in the journal.
            - `GET /api/v1/runs/{id}/events` sends them as server-sent events until the run has ended: the name stands in
              `event:`, the number in `id:`, the JSON in `data:`. A client that connects again sends the last number as
              `Last-Event-ID`. A comment comes every 15 s. `event: shutdown` with a `message` ends the stream of a
              server that shuts down before the run has ended; connect again later. `event: unauthorized` with a `message`
              ends the stream of a client whose token is no longer valid.

            Secrets are masked. Events from the journal, that is all but those of the commands that work on the run
            themselves, have neither `run` nor `output`: `runnel runs show --json` and `GET /api/v1/runs/{id}` have the
            outputs. Releases can add events and keys; pass over those that you do not know.

            \(list)
            """ + names.map(section).joined() + """

                ## Errors

                What `error` holds:

                \(table([error.json], help: errorKeys, optional: optionalErrorKeys))
                """
    }

    private static func section(_ name: RunEvent.Name) -> String {
        let events = samples(name).map { RunEvent(runID: "0198…", time: 1_795_770_000_000_000_000, kind: $0).json }
        let lines = events.map { "\($0.json())\n" }.joined()
        // The journal keeps neither.
        let table = table(events, help: keys, optional: ["run", "output"])
        return "\n## \(name.rawValue)\n\n\(meaning(name))\n\n\(table)\n```json\n\(lines)```\n"
    }

    /// A row for each key. One that only some of the objects have can be missing.
    private static func table(_ objects: [Value], help: [String: String], optional: Set<String>) -> String {
        var merged = ValueObject()
        for object in objects { for (key, value) in object.asObject ?? [:] { merged[key] = value } }
        return Markdown.table(
            ["key", "value", "can be missing", "meaning"],
            merged.map { key, value in
                let isOptional = objects.contains { $0[key] == nil } || optional.contains(key)
                return [Markdown.code(key), kind(key, value), isOptional ? "yes" : "", help[key] ?? ""]
            })
    }

    private static func kind(_ key: String, _ value: Value) -> String {
        guard !["output", "input", "partial_output"].contains(key) else { return "any value" }
        return switch value {
        case .string: key == "time" ? "time" : "string"
        case .int: "whole number"
        case .double: "number"
        case .bool: "boolean"
        case .list: "list"
        case .object: "object"
        case .null, .bytes: "any value"
        }
    }

    private static func meaning(_ name: RunEvent.Name) -> String {
        switch name {
        case .runStarted: "The run begins, or goes on after an interruption or a wait."
        case .stepStarted: "An attempt of a step begins."
        case .stepText: "A piece of the text that a step streams, such as the answer of an agent."
        case .stepNote: "What a step says of its progress."
        case .stepSkipped: "The step was left out, because its `if` was false."
        case .stepSucceeded: "The step has an output."
        case .stepFailed: "An attempt of the step failed."
        case .stepHeld: "A dry run ends here: the step has a cost or a side effect."
        case .stepCancelled: "The step was stopped, because the run was cancelled or its time was over."
        case .runFinished: "The run has ended."
        }
    }

    private static let place = RunEvent.StepPlace(id: "answer", uses: "chat")
    private static let error = RunError(json: [
        "code": "rate-limited", "message": "429: too many requests", "hint": "ask less often", "step": "answer",
        "file": "digest.yaml", "line": 4, "column": 11, "partial_output": ["text": "So far"],
    ])

    /// Events of every shape that this kind has.
    private static func samples(_ name: RunEvent.Name) -> [RunEvent.Kind] {
        switch name {
        case .runStarted: [.runStarted(pipeline: "digest", steps: 2)]
        case .stepStarted: [.stepStarted(place, attempt: 1)]
        case .stepText: [.stepText(place, "The notes are")]
        case .stepNote: [.stepNote(place, "asking again")]
        case .stepSkipped: [.stepSkipped(place)]
        case .stepSucceeded:
            [.stepSucceeded(place, output: ["text": "The notes are short."], took: .milliseconds(1834))]
        case .stepFailed:
            [
                .stepFailed(place, error, took: .milliseconds(412), retryIn: .seconds(2)),
                .stepFailed(place, error, took: .milliseconds(412), retryIn: nil),
            ]
        case .stepHeld: [.stepHeld(place, with: ["prompt": "Sum up: Ada"], input: "Ada")]
        case .stepCancelled: [.stepCancelled(place, took: .milliseconds(240))]
        case .runFinished:
            [
                .runFinished(.succeeded(output: "The notes are short."), took: .milliseconds(1902)),
                .runFinished(.failed(error), took: .milliseconds(2830)),
                .runFinished(.cancelled, took: .milliseconds(240)),
            ]
        }
    }

    private static let keys = [
        "event": "What happened.",
        "run": "The id of the run.",
        "time": "When, in UTC.",
        "pipeline": "The name of the pipeline.",
        "steps": "How many steps stand under `steps`.",
        "step": "The id of the step; of an item of `for_each` with its index, such as `answer[2]`.",
        "uses": "The type of the step; empty for a group.",
        "attempt": "Which attempt; 1 is the first.",
        "text": "The text.",
        "output": "What the step or the run gave. Not in events from the journal.",
        "took_ms": "How long it took, in milliseconds.",
        "error": "Why: see [Errors](#errors).",
        "retry_in_ms": "After so many milliseconds comes the next attempt; missing if this was the last.",
        "with": "The settings of the step, rendered.",
        "input": "The input that the step would have had.",
        "state": "`succeeded`, `failed` or `cancelled`.",
    ]

    private static let optionalErrorKeys: Set = ["hint", "step", "file", "line", "column", "partial_output"]

    private static let errorKeys = [
        "code": "One of the [error codes](errors.md), or one of a plugin.",
        "message": "What happened.",
        "hint": "What to do.",
        "step": "The id of the step that failed.",
        "file": "The file of the pipeline.",
        "line": "The line in it; the first is 1.",
        "column": "The column in it; the first is 1.",
        "partial_output": "What the step gave before it failed.",
    ]
}
