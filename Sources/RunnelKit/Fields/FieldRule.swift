/// A rule over several keys of one object, checked while a pipeline is validated and written into its JSON schema.
@nonexhaustive public enum FieldRule: Sendable, Hashable {
    /// One of the keys has to be there, and only one.
    case exactlyOne([String])
    /// No two of the keys may be there together.
    case atMostOne([String])
    /// Where the first key is, the others have to be too.
    case requires(String, [String])

    /// What is wrong with an object that has the `keys`; nil where nothing is.
    public func violation(in keys: Set<String>) -> String? {
        switch self {
        case .exactlyOne(let choices):
            let given = choices.filter(keys.contains)
            if given.isEmpty { return "\(Self.words(choices, "or")) is required" }
            return given.count == 1 ? nil : "\(Self.words(given, "and")) are mutually exclusive"
        case .atMostOne(let choices):
            let given = choices.filter(keys.contains)
            return given.count <= 1 ? nil : "\(Self.words(given, "and")) are mutually exclusive"
        case .requires(let key, let others):
            let missing = others.filter { !keys.contains($0) }
            return keys.contains(key) && !missing.isEmpty ? "\"\(key)\" also needs \(Self.words(missing, "and"))" : nil
        }
    }

    var schema: Value {
        switch self {
        case .exactlyOne(let keys): ["oneOf": .list(keys.map { ["required": [.string($0)]] })]
        case .atMostOne(let keys):
            [
                "not": [
                    "anyOf": .list(
                        keys.enumerated().flatMap { index, key in
                            keys[(index + 1)...].map { ["required": [.string(key), .string($0)]] }
                        })
                ]
            ]
        case .requires(let key, let others): ["dependentRequired": [key: .list(others.map { .string($0) })]]
        }
    }

    private static func words(_ keys: [String], _ joint: String) -> String {
        let quoted = keys.map { "\"\($0)\"" }
        guard let last = quoted.last, quoted.count > 1 else { return quoted.joined() }
        return quoted.dropLast().joined(separator: ", ") + " \(joint) \(last)"
    }
}
