extension YAMLSource {
    /// The place in the file of a place in a scalar's value, so that an error inside a template is shown where it is.
    ///
    /// Exact for every style: quotes, escapes, folded lines, indentation. A character made by an escape is at the
    /// escape's backslash; a folded line break is at the end of its line. For an alias it is the place of the original.
    ///
    /// - Parameters:
    ///   - offset: In UTF-8 bytes, from the start of the scalar's text; past its end, the end of its content.
    ///   - node: A scalar of the document that this source belongs to; for a collection, its start is returned.
    public func position(ofUTF8Offset offset: Int, in node: YAMLNode) -> YAMLPosition {
        guard let scalar = node.scalar else { return node.range.start }
        let start = byteOffset(of: node.range.start)
        let pieces = ScalarPieces(scalar, bytes: bytes(in: node.range))
        let end = scalar.text.utf8.count
        return position(ofByte: start + pieces.sourceOffset(of: min(max(offset, 0), end)))
    }

    /// How the value of a scalar came from the text at `node.range`.
    package func pieces(of node: YAMLNode) -> ScalarPieces? {
        node.scalar.map { ScalarPieces($0, bytes: bytes(in: node.range)) }
    }

    /// The text of a node, with its tag and anchor.
    package func text(of node: YAMLNode) -> [UInt8] {
        Array(bytes(in: node.range))
    }
}

extension ScalarPieces {
    fileprivate init(_ scalar: YAMLScalar, bytes: ArraySlice<UInt8>) {
        var text = ScalarText(bytes)
        text.position = ScalarProperties.contentStart(in: bytes)
        switch scalar.style {
        case .plain:
            var scanner = FlowScalarScanner(text, quote: nil)
            self = scanner.scan()
        case .singleQuoted, .doubleQuoted:
            var scanner = FlowScalarScanner(text, quote: text.current)
            self = scanner.scan()
        case .literal, .folded:
            var scanner = BlockScalarScanner(text, value: scalar.text)
            self = scanner.scan()
        }
    }
}
