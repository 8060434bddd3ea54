import RunnelKit
import Templates

/// The variables of templates at one point of a run.
///
/// A class, because an attempt and the context of its step hold the same scope as long as the step runs.
final class RunScope: TemplateScope {
    let request: RunRequest
    let values: ProjectValues
    let pipeline: String
    let startedAt: Int64
    let now: Int64
    let visible: VisibleValues

    init(
        request: RunRequest, values: ProjectValues, pipeline: String, startedAt: Int64, now: Int64,
        visible: VisibleValues
    ) {
        self.request = request
        self.values = values
        self.pipeline = pipeline
        self.startedAt = startedAt
        self.now = now
        self.visible = visible
    }

    /// The same scope with other values of the project.
    func with(_ values: ProjectValues) -> RunScope {
        RunScope(
            request: request, values: values, pipeline: pipeline, startedAt: startedAt, now: now, visible: visible)
    }

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

/// The values visible to the templates of an execution.
struct VisibleValues: Sendable {
    /// The last output that was produced.
    var input: Value
    /// The outputs by step id.
    var outputs: ValueObject
    /// The innermost `for_each`.
    var item: Value?
    var index: Int?
    var error: RunError?
    /// In an included file, the values of its inputs.
    var inputs: Value?
    /// In an included file, the prefix of the ids of its steps, which templates leave out.
    var prefix = ""
}

extension RunMachine {
    /// - Parameter key: The execution; nil for `output:` of the pipeline.
    func visible(from key: ExecutionKey?) -> VisibleValues {
        var chain: [Frame] = []
        let execution = key.flatMap { executions[$0] }
        var current = execution?.frame
        if execution?.step.isOutside ?? false { current = current.flatMap { frames[$0]?.parent } }
        while let frame = current.flatMap({ frames[$0] }) {
            chain.append(frame)
            // Templates of an included file see nothing outside of it.
            current = frame.scope == nil ? frame.parent : nil
        }
        guard let innermost = chain.first, let outermost = chain.last else {
            return VisibleValues(input: flow, outputs: outputs, error: error)
        }
        var visible = VisibleValues(input: innermost.input, outputs: outermost.outputs, error: error)
        for frame in chain.dropLast().reversed() {
            visible.outputs.merge(frame.outputs)
            if let item = frame.item {
                visible.item = item
                visible.index = frame.items.last
            }
        }
        guard let prefix = outermost.scope else { return visible }
        visible.prefix = prefix
        visible.outputs = ValueObject(
            visible.outputs.compactMap { id, value in
                id.hasPrefix(prefix) ? (String(id.dropFirst(prefix.count)), value) : nil
            })
        visible.inputs = visible.outputs[AddedStep.Kind.inputs.rawValue] ?? [:]
        visible.outputs = visible.outputs.removing(AddedStep.Kind.inputs.rawValue)
        return visible
    }
}
