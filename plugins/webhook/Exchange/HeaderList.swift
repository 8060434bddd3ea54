/// Header fields in the order in which they came. Names are compared without regard to case, and may stand repeatedly.
public struct HeaderList: Sendable {
    public private(set) var fields: [(name: String, value: String)]

    public init(_ fields: some Sequence<(String, String)> = []) {
        self.fields = fields.map { (name: $0.0, value: $0.1) }
    }

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
    public init(dictionaryLiteral elements: (String, String)...) {
        self.init(elements)
    }
}
