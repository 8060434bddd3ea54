public import RunnelKit
public import YAML

extension Value {
    /// Converts the node to data; keys become their text.
    public init(_ node: YAMLNode) {
        switch node.content {
        case .scalar(let scalar):
            switch scalar.value {
            case .null: self = .null
            case .bool(let value): self = .bool(value)
            case .int(let value): self = .int(value)
            // JSON has no infinity and no not-a-number, so that they would become null.
            case .float(let value): self = value.isFinite ? .double(value) : .string(scalar.text)
            case .string(let value): self = .string(value)
            }
        case .sequence(let items): self = .list(items.map { Value($0) })
        case .mapping(let pairs): self = .object(ValueObject(pairs.map { ($0.key.keyText, Value($0.value)) }))
        }
    }
}

extension YAMLNode {
    /// The source text of a key.
    package var keyText: String {
        if case .scalar(let scalar) = content { scalar.text } else { Value(self).json() }
    }

    /// The node of the key that `path` ends with, if the path is there.
    package func keyNode(at path: [FieldError.PathElement]) -> YAMLNode? {
        guard case .key(let last)? = path.last else { return nil }
        return path.dropLast().reduce(self as YAMLNode?) { node, element in
            switch element {
            case .key(let key): node?[key]
            case .index(let index): node?.items.flatMap { $0.indices.contains(index) ? $0[index] : nil }
            }
        }?.keyNode(for: last)
    }

    /// The node at `path`, or its nearest ancestor.
    func nearest(to path: some Sequence<FieldError.PathElement>) -> YAMLNode {
        var node = self
        for element in path {
            switch (element, node.content) {
            case (.key(let key), .mapping(let pairs)):
                guard let pair = pairs.first(where: { $0.key.keyText == key }) else { return node }
                node = pair.value
            case (.index(let index), .sequence(let items)):
                guard items.indices.contains(index) else { return node }
                node = items[index]
            default: return node
            }
        }
        return node
    }
}
