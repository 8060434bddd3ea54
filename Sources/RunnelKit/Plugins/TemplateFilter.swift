/// A filter of the template language: what stands behind a `|` in `{{ steps.title | upper }}`.
public struct TemplateFilter: Sendable {
    /// As it stands behind the `|`.
    public let name: String
    /// One sentence for the reference.
    public let summary: String
    /// How it is written, such as `truncate(length, end="…")`.
    public let usage: String
    /// How many arguments it takes beside the value before the `|`.
    public let arguments: ClosedRange<Int>
    /// Names of the filter in other template languages. Runnel suggests this filter for them.
    public let otherNames: [String]
    /// Checks the arguments when a pipeline is read, so that a mistake is not found by a run. An argument that only a run
    /// knows is nil. What is wrong is a ``FilterError``.
    public let checkArguments: @Sendable ([Value?]) throws -> Void
    /// Makes the result from the value and the arguments. What goes wrong is a ``FilterError``.
    public let apply: @Sendable (Value, [Value]) throws -> Value

    /// A filter; see the properties.
    public init(
        name: String, summary: String, usage: String, arguments: ClosedRange<Int> = 0...0,
        otherNames: [String] = [], checkArguments: @escaping @Sendable ([Value?]) throws -> Void = { _ in },
        apply: @escaping @Sendable (Value, [Value]) throws -> Value
    ) {
        self.name = name
        self.summary = summary
        self.usage = usage
        self.arguments = arguments
        self.otherNames = otherNames
        self.checkArguments = checkArguments
        self.apply = apply
    }
}

/// Why a filter could not do its work, in one sentence.
public struct FilterError: Error, Sendable, Hashable {
    /// What is wrong, in a sentence that quotes the value.
    public let message: String
    /// Stable and in kebab case, such as `empty-value` for a null where something is needed; nil for `filter-failed`.
    public let code: String?

    /// An error.
    /// - Parameters:
    ///   - message: What is wrong, in a sentence that quotes the value.
    ///   - code: What is wrong, for programs; nil for `filter-failed`.
    public init(_ message: String, code: (any ErrorCode)? = nil) {
        self.message = message
        self.code = code?.rawValue
    }
}
