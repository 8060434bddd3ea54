/// What tags are allowed, and that a value is what its tag says.
struct TagRules {
    let source: YAMLSource

    /// The tag of a node, if it has one.
    func tag(_ properties: YAMLEvent.Properties, _ range: YAMLRange) throws(YAMLError) -> CoreTag? {
        guard let name = properties.tag else { return nil }
        guard let tag = CoreTag(fullName: name) else {
            let known = CoreTag.allCases.filter { $0 != .nonSpecific }.map(\.rawValue).joined(separator: " ")
            throw YAMLError(
                code: "unknown-tag", message: "The tag \"\(CoreTag.shorthand(name).shortened)\" is not known.",
                range: source.rangeOfTag(in: range), source: source,
                hint: "Remove it, or put the text in quotes if \"!\" is part of it. The known tags are \(known).")
        }
        return tag
    }

    /// The value of a scalar under its tag, or without one under the core schema.
    func value(
        of text: String, _ style: YAMLScalarStyle, _ tag: CoreTag?, _ range: YAMLRange
    ) throws(YAMLError) -> YAMLScalarValue {
        guard let tag else { return style == .plain ? CoreSchema.resolve(text) : .string(text) }
        guard let value = tag.value(of: text) else {
            throw mismatch(tag, "\"\(text.shortened)\" is not \(tag.meaning)", range)
        }
        return value
    }

    /// Refuses a collection whose tag is not that of its kind.
    func check(_ tag: CoreTag?, _ kind: CoreTag, _ range: YAMLRange) throws(YAMLError) {
        guard let tag, tag != kind, tag != .nonSpecific else { return }
        throw mismatch(tag, "\(kind.meaning.capitalizedFirst) is not \(tag.meaning)", range)
    }

    private func mismatch(_ tag: CoreTag, _ fact: String, _ range: YAMLRange) -> YAMLError {
        YAMLError(
            code: "tag-mismatch", message: "\(fact), though its tag \"\(tag.rawValue)\" says so.",
            range: source.rangeOfTag(in: range), source: source,
            hint: "Remove the tag or correct the value.")
    }
}

extension YAMLSource {
    /// The place of the tag among the properties that a node begins with.
    fileprivate func rangeOfTag(in range: YAMLRange) -> YAMLRange {
        // The range of a collection that has just begun ends before its first value.
        let bytes = self.bytes(in: YAMLRange(start: range.start, end: max(range.end, range.start)))
        guard let tag = ScalarProperties.tag(in: bytes) else { return range }
        let start = byteOffset(of: range.start)
        return YAMLRange(start: position(ofByte: start + tag.lowerBound), end: position(ofByte: start + tag.upperBound))
    }
}

extension String {
    /// At most 60 characters of a text, without control characters, for messages.
    var shortened: String {
        let start = unicodeScalars.prefix(61)
        let shown = start.prefix(60).map { $0.properties.generalCategory == .control ? "\u{FFFD}" : $0 }
        return String(String.UnicodeScalarView(shown)) + (start.count > 60 ? "…" : "")
    }

    fileprivate var capitalizedFirst: String {
        prefix(1).uppercased() + dropFirst()
    }
}
