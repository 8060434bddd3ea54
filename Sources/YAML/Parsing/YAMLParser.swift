/// Reads a YAML document into nodes that know their place.
///
/// YAML 1.2 core schema on libyaml's syntax. Accepted are exactly the texts libyaml accepts, except that more than one
/// document, a duplicate key, a tag outside the core schema or at odds with its value, an alias without an anchor or
/// inside its own anchor, and a merge key (`<<`) without a mapping are errors, as is whatever exceeds a limit.
public enum YAMLParser {
    /// Parses the bytes of a file: UTF-8, or UTF-16 with a byte order mark.
    ///
    /// - Parameters:
    ///   - bytes: The whole file.
    ///   - name: What messages call it.
    ///   - limits: What it may cost.
    /// - Throws: The first error, with its place.
    public static func parse(
        _ bytes: [UInt8], name: String, limits: YAMLLimits = .default
    ) throws(YAMLError) -> YAMLDocument {
        guard bytes.count <= min(limits.maxBytes, 1 << 30) else {
            throw YAMLError(
                code: "too-large",
                message: "The file is larger than the limit of \(min(limits.maxBytes, 1 << 30)) bytes.",
                range: YAMLRange(at: YAMLPosition(line: 1, column: 1)),
                source: YAMLSource(name: name, text: ""))
        }
        let source = YAMLSource(name: name, text: try TextDecoder.decode(bytes, name: name))
        try DirectiveLimit.check(source)
        var composer = NodeComposer(source: source, limits: limits)
        return YAMLDocument(source: source, root: try composer.compose(EventStream(source)))
    }

    /// Parses a text that is already a string.
    ///
    /// - Throws: The first error, with its place.
    public static func parse(
        _ text: String, name: String, limits: YAMLLimits = .default
    ) throws(YAMLError) -> YAMLDocument {
        try parse(Array(text.utf8), name: name, limits: limits)
    }
}
