import RunnelSupport

/// Parses a YAML document into nodes with their positions.
///
/// YAML 1.2 core schema on libyaml's syntax. Accepts what libyaml accepts, except for these errors: more than one
/// document, a duplicate key, a tag outside the core schema or one that contradicts its value, an alias without an
/// anchor or inside its own anchor, a merge key (`<<`) without a mapping, a character that is a line break in YAML 1.1
/// only, and a document that exceeds a limit.
public enum YAMLParser {
    /// Parses the bytes of a file: UTF-8, or UTF-16 with a byte order mark.
    ///
    /// - Parameters:
    ///   - bytes: The whole file.
    ///   - name: What messages call it.
    ///   - limits: What it may cost.
    ///   - isSecret: Whether any value may be a secret, so that no error quotes the text.
    ///   - isStored: Whether a run has begun with the file: what was accepted then is read as it was read then.
    /// - Throws: The first error, with its place.
    public static func parse(
        _ bytes: [UInt8], name: String, limits: YAMLLimits = .default, isSecret: Bool = false, isStored: Bool = false
    ) throws(YAMLError) -> YAMLDocument {
        guard bytes.count <= min(limits.maxBytes, 1 << 30) else {
            throw YAMLError(
                code: YAMLErrorCode.tooLarge,
                message: "the file is larger than the limit of \(SizeText.format(min(limits.maxBytes, 1 << 30)))",
                range: YAMLRange(at: YAMLPosition(line: 1, column: 1)),
                source: YAMLSource(name: name, text: ""))
        }
        let text = try TextDecoder.decode(bytes, name: name, allowsOldLineBreaks: isStored)
        let source = YAMLSource(name: name, text: text, isSecret: isSecret)
        try DirectiveLimit.check(source)
        var composer = NodeComposer(source: source, limits: limits)
        return YAMLDocument(source: source, root: try composer.compose(YAMLEventReader(source)))
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

/// Limits on the size of a document, against hostile input such as exponential alias expansion.
public struct YAMLLimits: Sendable, Hashable {
    /// The size of the file in bytes.
    public var maxBytes: Int
    /// The nesting depth of lists and mappings with aliases expanded. Code that recurses over a document can rely on
    /// it.
    public var maxDepth: Int
    /// The number of nodes in the document with aliases expanded.
    public var maxNodes: Int

    /// 8 MiB, 100 levels, 1,000,000 nodes.
    public static let `default` = YAMLLimits()

    /// Creates limits; each has a default.
    public init(maxBytes: Int = 8 << 20, maxDepth: Int = 100, maxNodes: Int = 1_000_000) {
        self.maxBytes = maxBytes
        self.maxDepth = maxDepth
        self.maxNodes = maxNodes
    }
}

/// Limits the number of `%TAG` lines. libyaml compares each with all before it (quadratic time), so a few megabytes of
/// them would take hours.
enum DirectiveLimit {
    static let maxDirectives = 100

    static func check(_ source: YAMLSource) throws(YAMLError) {
        var directives = 0
        for number in 1...source.lineCount where source.isDirective(line: number) {
            directives += 1
            guard directives <= maxDirectives else {
                throw YAMLError(
                    code: YAMLErrorCode.tooManyDirectives,
                    message: "there are more than \(maxDirectives) %TAG lines",
                    range: YAMLRange(
                        start: YAMLPosition(line: number, column: 1), end: YAMLPosition(line: number, column: 5)),
                    source: source)
            }
        }
    }
}

extension YAMLSource {
    fileprivate func isDirective(line number: Int) -> Bool {
        guard let bytes = lines.bytes(ofLine: number), bytes.count > 4 else { return false }
        let start = text.utf8.index(text.startIndex, offsetBy: bytes.lowerBound)
        return text.utf8[start] == UInt8(ascii: "%") && text.utf8[start...].starts(with: "%TAG".utf8)
    }
}
