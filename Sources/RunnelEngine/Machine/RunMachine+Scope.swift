import RunnelKit

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
}

extension RunMachine {
    /// - Parameter key: The execution; nil for `output:` of the pipeline.
    func visible(from key: ExecutionKey?) -> VisibleValues {
        var chain: [Frame] = []
        var current = key.flatMap { executions[$0]?.frame }
        while let frame = current.flatMap({ frames[$0] }) {
            chain.append(frame)
            current = frame.parent
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
        return visible
    }
}
