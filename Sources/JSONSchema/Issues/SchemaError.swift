/// What is wrong with a schema, and where in it.
public struct SchemaError: Error, Sendable, Hashable {
    /// What kind of mistake it is; ``Code/rawValue`` is stable.
    public enum Code: String, Sendable, Hashable {
        /// A keyword has a value of the wrong type or out of its range.
        case keyword = "schema-keyword-invalid"
        /// `pattern` or `patternProperties` holds a regular expression that cannot be read.
        case pattern = "schema-pattern-invalid"
        /// `$ref` or `$dynamicRef` points to nothing.
        case reference = "schema-reference-unresolved"
        /// `$schema` names a dialect, or its metaschema a vocabulary, that is not known here.
        case dialect = "schema-dialect-unknown"
        /// The schema refers to itself without looking deeper into the value, so a check would never end.
        case loop = "schema-loop"
        /// The schema is larger or nested deeper than is accepted.
        case size = "schema-too-large"
    }

    /// The kind of mistake.
    public let code: Code
    /// Where in the document, as a JSON pointer (RFC 6901): "/properties/label/pattern"; "" for its root.
    public let pointer: String
    /// The URI of the document among the resources; nil for the schema itself.
    public let document: String?
    /// A sentence without place.
    public let message: String
    /// What to do about it, where that is known.
    public let hint: String?

    /// An error in these words.
    public init(code: Code, pointer: String, document: String? = nil, message: String, hint: String? = nil) {
        self.code = code
        self.pointer = pointer
        self.document = document
        self.message = message
        self.hint = hint
    }
}

extension SchemaError: CustomStringConvertible {
    /// Place, message and hint in one line.
    public var description: String {
        let place = (document ?? "") + (pointer.isEmpty && document == nil ? "the schema" : "#" + pointer)
        return "\(place): \(message)" + (hint.map { " (\($0))" } ?? "")
    }
}
