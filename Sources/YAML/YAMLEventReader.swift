import CLibYAML

/// Owns a libyaml parser, and frees the parser, its input and every event on all paths.
package struct YAMLEventReader: ~Copyable {
    private let parser: UnsafeMutablePointer<yaml_parser_t>
    // libyaml keeps a pointer to its input, so the buffer must not move.
    private let input: UnsafeMutableBufferPointer<UInt8>
    package let source: YAMLSource

    /// Starts to parse a text. Throws only if out of memory.
    package init(_ source: YAMLSource) throws(YAMLError) {
        let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
        guard yaml_parser_initialize(parser) == 1 else {
            parser.deallocate()
            throw LibYAMLProblem.outOfMemory(source)
        }
        let input = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: max(1, source.text.utf8.count))
        _ = input.initialize(from: source.text.utf8)
        yaml_parser_set_input_string(parser, input.baseAddress, source.text.utf8.count)
        yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
        self.parser = parser
        self.input = input
        self.source = source
    }

    deinit {
        yaml_parser_delete(parser)
        parser.deallocate()
        input.deallocate()
    }

    /// The next event; after `streamEnd`, `streamEnd` again.
    package mutating func next() throws(YAMLError) -> YAMLEvent {
        var event = yaml_event_t()
        defer { yaml_event_delete(&event) }
        guard yaml_parser_parse(parser, &event) == 1 else {
            throw LibYAMLProblem(parser.pointee).error(in: source)
        }
        return YAMLEvent(event)
    }
}

extension YAMLEvent {
    fileprivate init(_ event: yaml_event_t) {
        start = event.start_mark.index
        end = event.end_mark.index
        kind =
            switch event.type {
            case YAML_STREAM_START_EVENT: .streamStart
            case YAML_DOCUMENT_START_EVENT: .documentStart(isImplicit: event.data.document_start.implicit != 0)
            case YAML_DOCUMENT_END_EVENT: .documentEnd(isImplicit: event.data.document_end.implicit != 0)
            case YAML_ALIAS_EVENT: .alias(String(yaml: event.data.alias.anchor) ?? "")
            case YAML_SCALAR_EVENT:
                .scalar(
                    String(
                        decoding: UnsafeBufferPointer(
                            start: event.data.scalar.value, count: event.data.scalar.length), as: UTF8.self),
                    YAMLScalarStyle(event.data.scalar.style),
                    Properties(
                        tag: String(yaml: event.data.scalar.tag), anchor: String(yaml: event.data.scalar.anchor)))
            case YAML_SEQUENCE_START_EVENT:
                .sequenceStart(
                    Properties(
                        tag: String(yaml: event.data.sequence_start.tag),
                        anchor: String(yaml: event.data.sequence_start.anchor)),
                    isFlow: event.data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE)
            case YAML_SEQUENCE_END_EVENT: .sequenceEnd
            case YAML_MAPPING_START_EVENT:
                .mappingStart(
                    Properties(
                        tag: String(yaml: event.data.mapping_start.tag),
                        anchor: String(yaml: event.data.mapping_start.anchor)),
                    isFlow: event.data.mapping_start.style == YAML_FLOW_MAPPING_STYLE)
            case YAML_MAPPING_END_EVENT: .mappingEnd
            default: .streamEnd
            }
    }
}

extension YAMLScalarStyle {
    fileprivate init(_ style: yaml_scalar_style_t) {
        self =
            switch style {
            case YAML_SINGLE_QUOTED_SCALAR_STYLE: .singleQuoted
            case YAML_DOUBLE_QUOTED_SCALAR_STYLE: .doubleQuoted
            case YAML_LITERAL_SCALAR_STYLE: .literal
            case YAML_FOLDED_SCALAR_STYLE: .folded
            default: .plain
            }
    }
}

extension String {
    /// The NUL-terminated string at a pointer of libyaml; nil for a null pointer.
    fileprivate init?(yaml pointer: UnsafeMutablePointer<yaml_char_t>?) {
        guard let pointer else { return nil }
        self.init(cString: pointer)
    }
}

/// An event of libyaml's parser, with its position.
package struct YAMLEvent: Sendable {
    /// The anchor and the tag of a node.
    package struct Properties: Sendable {
        package var tag: String?
        package var anchor: String?
    }

    package enum Kind: Sendable {
        case streamStart
        case streamEnd
        case documentStart(isImplicit: Bool)
        case documentEnd(isImplicit: Bool)
        case alias(String)
        case scalar(String, YAMLScalarStyle, Properties)
        case sequenceStart(Properties, isFlow: Bool)
        case sequenceEnd
        case mappingStart(Properties, isFlow: Bool)
        case mappingEnd
    }

    package var kind: Kind
    /// Where it starts and ends, in Unicode scalars from the start of the text.
    package var start, end: Int
}
