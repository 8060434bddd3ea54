import RunnelKit
import Templates

/// The variables of templates at one point of a run.
struct RunScope: TemplateScope {
    let request: RunRequest
    let values: ProjectValues
    let pipeline: String
    let startedAt: Int64
    let now: Int64
    let visible: VisibleValues

    private static let names = ["input", "inputs", "steps", "trigger", "vars", "secrets", "env", "run", "error"]

    func value(named name: String) -> Value? {
        switch name {
        case "input": visible.input
        case "inputs": visible.inputs ?? .object(request.inputs)
        case "steps": .object(visible.outputs)
        case "trigger": request.trigger
        case "secrets", "env", "vars": values.scope[name]
        case "run":
            [
                "id": .string(request.id), "pipeline": .string(pipeline),
                "started_at": .string(Timestamp.text(nanoseconds: startedAt)),
            ]
        // Without an error it is null in `finally`, so that `error` without `default` fails with a message.
        case "error": visible.error.map(\.scopeValue) ?? .null
        case "item": visible.item
        case "index": visible.index.map { .int(Int64($0)) }
        default: nil
        }
    }

    var knownNames: [String] { Self.names + (visible.item == nil ? [] : ["item", "index"]) }
}
