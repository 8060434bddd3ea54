public import RunnelKit

/// A violation of a schema, with a message for the author of the value.
public struct SchemaIssue: Sendable, Hashable {
    /// The location in the value. For a missing or unknown key it is the object, and ``key`` names the key.
    public let path: InstancePath
    /// The schema keyword that is violated: "required", "type", "additionalProperties", "enum", …
    ///
    /// "false" if the schema allows nothing, and "limit" if evaluation was aborted (see ``JSONSchema``).
    public let keyword: String
    /// A sentence without location: `expected a string, found the number 5`. It may quote the value, truncated.
    public let message: String
    /// The key concerned, for `required`, `dependentRequired`, `additionalProperties`, `unevaluatedProperties` and
    /// `propertyNames`.
    public let key: String?
    /// A suggested replacement: a known key, or a permitted value as text.
    public let suggestion: String?
    /// What the schema accepts: type names ("a string") for `type`, values as JSON for `enum` and `const`.
    public let expected: [String]

    /// Creates an issue.
    public init(
        path: InstancePath, keyword: String, message: String, key: String? = nil, suggestion: String? = nil,
        expected: [String] = []
    ) {
        self.path = path
        self.keyword = keyword
        self.message = message
        self.key = key
        self.suggestion = suggestion
        self.expected = expected
    }
}

extension SchemaIssue {
    /// The suggestion as a hint: `did you mean "label"?`; nil without one.
    public var hint: String? { suggestion.map { "did you mean \"\($0)\"?" } }
}

extension SchemaIssue: CustomStringConvertible {
    /// The path and the message: `messages[0].content: expected a string, found the number 5`.
    public var description: String {
        path.isRoot ? message : "\(path): \(message)"
    }
}

/// An error in a schema, with its location.
public struct SchemaError: Error, Sendable, Hashable {
    /// The kind of error; ``Code/rawValue`` is stable.
    @nonexhaustive public enum Code: String, ErrorCode {
        /// A keyword has a value of the wrong type or out of its range.
        case keyword = "schema-keyword-invalid"
        /// `pattern` or `patternProperties` holds an invalid regular expression.
        case pattern = "schema-pattern-invalid"
        /// `$ref` or `$dynamicRef` points to nothing.
        case reference = "schema-reference-unresolved"
        /// `$schema` names an unknown dialect, or its metaschema an unknown vocabulary.
        case dialect = "schema-dialect-unknown"
        /// The schema refers to itself without descending into the value, so validation would never terminate.
        case loop = "schema-loop"
        /// The schema exceeds the limit on size or nesting.
        case size = "schema-too-large"

        /// The heading in the list of error codes.
        public static let part = "JSON schemas"

        /// What it means.
        public var explanation: ErrorExplanation {
            switch self {
            case .keyword: ErrorExplanation("a keyword has a value of the wrong type or out of its range")
            case .pattern: ErrorExplanation("`pattern` or `patternProperties` holds an invalid regular expression")
            case .reference: ErrorExplanation("`$ref` or `$dynamicRef` points to nothing")
            case .dialect:
                ErrorExplanation("`$schema` names an unknown dialect, or its metaschema an unknown vocabulary")
            case .loop:
                ErrorExplanation(
                    "the schema refers to itself without descending into the value, so validation would never end")
            case .size: ErrorExplanation("the schema exceeds the limit on size or nesting")
            }
        }
    }

    /// The kind of mistake.
    public let code: Code
    /// The location in the document as a JSON pointer (RFC 6901): "/properties/label/pattern"; "" for its root.
    public let pointer: String
    /// The URI of the document among the resources; nil for the schema itself.
    public let document: String?
    /// A sentence without location.
    public let message: String
    /// A suggestion how to fix it, if there is one.
    public let hint: String?

    /// Creates an error.
    public init(code: Code, pointer: String, document: String? = nil, message: String, hint: String? = nil) {
        self.code = code
        self.pointer = pointer
        self.document = document
        self.message = message
        self.hint = hint
    }
}

extension SchemaError: CustomStringConvertible {
    /// Location, message and hint in one line.
    public var description: String {
        let place = (document ?? "") + (pointer.isEmpty && document == nil ? "the schema" : "#" + pointer)
        return "\(place): \(message)" + (hint.map { " (\($0))" } ?? "")
    }
}

/// Sorts issues by their position in the value.
enum IssueOrder {
    static func sorted(_ issues: [SchemaIssue], in value: Value) -> [SchemaIssue] {
        guard issues.count > 1 else { return issues }
        let placed = issues.enumerated().map { (place: place(of: $1, in: value), rank: $0, issue: $1) }
        return placed.sorted { left, right in
            if left.place == right.place { return left.rank < right.rank }
            return left.place.lexicographicallyPrecedes(right.place)
        }.map(\.issue)
    }

    private static func place(of issue: SchemaIssue, in value: Value) -> [Int] {
        var elements = issue.path.elements
        if let key = issue.key { elements.append(.key(key)) }
        var place: [Int] = []
        var current = value
        for element in elements {
            switch element {
            case .index(let index):
                guard let next = current[index] else { return place }
                place.append(index)
                current = next
            case .key(let key):
                guard let object = current.asObject, let index = object.firstIndex(where: { $0.key == key }) else {
                    return place
                }
                place.append(index)
                current = object[index].value
            }
        }
        return place
    }
}
