/// One thing that is wrong with a value, in words for the person who wrote it.
public struct SchemaIssue: Sendable, Hashable {
    /// Where in the value. For a missing or unknown key this is the object, and ``key`` names the key.
    public let path: InstancePath
    /// The keyword of the schema that says so: "required", "type", "additionalProperties", "enum", …
    ///
    /// "false" where the schema allows nothing at all, and "limit" where the check was given up (see ``JSONSchema``).
    public let keyword: String
    /// A sentence without place: `expected a string, found the number 5`. It may quote the value, cut short.
    public let message: String
    /// The key concerned, for `required`, `dependentRequired`, `additionalProperties`, `unevaluatedProperties` and
    /// `propertyNames`.
    public let key: String?
    /// What was probably meant: a known key, or a permitted value as it stands in a string.
    public let suggestion: String?
    /// What the schema would accept: kinds in words ("a string") for `type`, values as JSON for `enum` and `const`.
    public let expected: [String]

    /// An issue in these words.
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

extension SchemaIssue: CustomStringConvertible {
    /// The path and the message: `messages[0].content: expected a string, found the number 5`.
    public var description: String {
        path.isRoot ? message : "\(path): \(message)"
    }
}
