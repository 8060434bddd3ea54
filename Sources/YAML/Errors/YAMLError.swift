/// Why a text is not an acceptable YAML document.
public struct YAMLError: Error, Sendable {
    /// Another place that matters, such as the first of two equal keys.
    public struct RelatedPlace: Sendable, Hashable {
        /// What is there, as a sentence.
        public var message: String
        /// Where it is.
        public var range: YAMLRange

        /// A place and what is there.
        public init(message: String, range: YAMLRange) {
            self.message = message
            self.range = range
        }
    }

    /// Stable and in kebab case, for programs: `duplicate-key`.
    public var code: String
    /// A sentence that quotes what is wrong.
    public var message: String
    /// Where it is wrong.
    public var range: YAMLRange
    /// The text. Empty when the file is too large to be kept or cannot be decoded at all.
    public var source: YAMLSource
    /// What to do about it.
    public var hint: String?
    /// Other places that matter.
    public var related: [RelatedPlace]

    /// An error at a place in a text.
    public init(
        code: String, message: String, range: YAMLRange, source: YAMLSource, hint: String? = nil,
        related: [RelatedPlace] = []
    ) {
        self.code = code
        self.message = message
        self.range = range
        self.source = source
        self.hint = hint
        self.related = related
    }

    /// The name of the file, as the caller gave it.
    public var file: String { source.name }
}

extension YAMLError: CustomStringConvertible {
    /// The error as compilers print it: file, line and column, the sentence, the line with a caret under the place; then
    /// the related places in the same way, and the hint.
    public var description: String {
        var parts = [
            "\(file):\(range.start.line):\(range.start.column): error: \(message) [\(code)]",
            source.excerpt(range),
        ]
        for place in related {
            parts.append("\(file):\(place.range.start.line):\(place.range.start.column): note: \(place.message)")
            parts.append(source.excerpt(place.range))
        }
        if let hint { parts.append("hint: \(hint)") }
        return parts.filter { !$0.isEmpty }.joined(separator: "\n")
    }
}
