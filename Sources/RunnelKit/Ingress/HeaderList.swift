/// HTTP header fields in the order in which they came. Names are compared without regard to case, and may be repeated.
public struct HeaderList: Sendable {
    /// All fields, in order, with their names as they were written.
    public private(set) var fields: [(name: String, value: String)]

    /// A list of these names and values.
    public init(_ fields: some Sequence<(String, String)> = []) {
        self.fields = fields.map { (name: $0.0, value: $0.1) }
    }

    /// Appends a field; one of the same name stays beside it.
    public mutating func add(_ name: String, _ value: String) {
        fields.append((name, value))
    }

    /// All values of the name, in order.
    public subscript(name: String) -> [String] {
        let wanted = name.lowercased()
        return fields.lazy.filter { $0.name.lowercased() == wanted }.map(\.value)
    }

    /// The first value of the name.
    public func first(_ name: String) -> String? {
        self[name].first
    }
}

extension HeaderList: ExpressibleByDictionaryLiteral {
    /// A list of these names and values.
    public init(dictionaryLiteral elements: (String, String)...) {
        self.init(elements)
    }
}
