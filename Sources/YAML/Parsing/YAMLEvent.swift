/// A step of libyaml's parse, with its place.
package struct YAMLEvent: Sendable {
    /// What a node has beside its content.
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
