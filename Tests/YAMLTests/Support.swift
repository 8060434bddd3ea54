import Testing
import YAML

/// Parses a text that must be valid and not empty.
func root(_ text: String) throws -> YAMLNode {
    try #require(try YAMLParser.parse(text, name: "p.yaml").root)
}

/// The error of a text that must not be valid.
func failure(
    _ text: String, limits: YAMLLimits = .default, sourceLocation: SourceLocation = #_sourceLocation
) throws -> YAMLError {
    try failure(Array(text.utf8), limits: limits, sourceLocation: sourceLocation)
}

/// The error of bytes that must not be valid.
func failure(
    _ bytes: [UInt8], limits: YAMLLimits = .default, sourceLocation: SourceLocation = #_sourceLocation
) throws -> YAMLError {
    let error = #expect(throws: YAMLError.self, sourceLocation: sourceLocation) {
        try YAMLParser.parse(bytes, name: "p.yaml", limits: limits)
    }
    return try #require(error, sourceLocation: sourceLocation)
}

extension YAMLNode {
    /// The scalars of a tree, keys included.
    var allScalars: [YAMLNode] {
        switch content {
        case .scalar: [self]
        case .sequence(let items): items.flatMap(\.allScalars)
        case .mapping(let pairs): pairs.flatMap { $0.key.allScalars + $0.value.allScalars }
        }
    }
}

extension YAMLSource {
    /// A scalar's value, put together again from the pieces of its source.
    func rebuiltValue(of node: YAMLNode) throws -> String {
        let pieces = try #require(self.pieces(of: node))
        let text = text(of: node)
        var value: [UInt8] = []
        for piece in pieces.pieces {
            #expect(piece.valueStart == value.count)
            value += piece.replacement ?? Array(text[piece.sourceStart..<piece.sourceStart + piece.sourceCount])
        }
        // Line breaks that the chomping removed are past the end.
        let count = node.scalar?.text.utf8.count ?? 0
        #expect(value.dropFirst(count).allSatisfy { $0 == 0x0A })
        return String(decoding: value.prefix(count), as: UTF8.self)
    }
}

extension String {
    /// The text as a UTF-16 file with a byte order mark, low bytes first.
    var utf16LittleEndian: [UInt8] {
        "\u{FEFF}\(self)".utf16.reduce(into: []) { $0 += [UInt8($1 & 0xFF), UInt8($1 >> 8)] }
    }

    /// The text as a UTF-16 file with a byte order mark, high bytes first.
    var utf16BigEndian: [UInt8] {
        "\u{FEFF}\(self)".utf16.reduce(into: []) { $0 += [UInt8($1 >> 8), UInt8($1 & 0xFF)] }
    }
}
