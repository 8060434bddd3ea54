internal import RunnelValue

/// Strings that fit a schema. They begin with "Simulated: " unless a format, a pattern or the length forbids it.
struct StringSampler {
    private static let prefix = "Simulated: "
    private static let longestPadding = 65_536
    private static let longestText = 160

    private let headings: [String]
    private let sentences: [String]

    init(outline: TextOutline) {
        headings = outline.sections.compactMap(\.heading)
        sentences = outline.sentences
    }

    func string(for schema: Value, name: String, hash: StableHash) -> String {
        if let format = schema["format"]?.asString, let text = Self.formatted(format, hash: hash) { return text }
        if let pattern = schema["pattern"]?.asString, let match = PatternSampler.match(for: pattern) {
            // A pattern that isn't tied to the beginning allows anything before its match.
            return pattern.hasPrefix("^")
                ? match : fitted(Self.prefix + match, to: ["minLength": schema["minLength"] ?? 0])
        }
        return fitted(Self.prefix + content(name: name, hash: hash), to: schema)
    }

    /// A heading for a title, otherwise a sentence of the prompt.
    private func content(name: String, hash: StableHash) -> String {
        let name = name.lowercased()
        let isTitle = ["title", "subject", "headline", "name"].contains { name.hasSuffix($0) }
        let text = isTitle ? headings.first ?? sentences.first : nil
        if let text { return String(text.prefix(Self.longestText)) }
        guard !sentences.isEmpty else { return name.isEmpty ? "value" : name }
        return String(sentences[hash.index(below: sentences.count)].prefix(Self.longestText))
    }

    /// Cut or filled to the lengths, which count Unicode scalars.
    private func fitted(_ text: String, to schema: Value) -> String {
        var scalars = Array(text.unicodeScalars)
        let fewest = min(schema["minLength"]?.count ?? 0, Self.longestPadding)
        while scalars.count < fewest { scalars.append(".") }
        if let most = schema["maxLength"]?.count, most >= 0, scalars.count > most { scalars.removeSubrange(most...) }
        var result = String.UnicodeScalarView()
        result.append(contentsOf: scalars)
        return String(result)
    }

    /// A value of a format that JSON Schema defines (Validation, section 7.3); nil for others.
    private static func formatted(_ format: String, hash: StableHash) -> String? {
        let date = CivilDate(daysSinceEpoch: 20_454 + hash.index(below: 365)).description  // in 2026
        switch format {
        case "date": return date
        case "time": return "09:30:00Z"
        case "date-time": return "\(date)T09:30:00Z"
        case "duration": return "PT30M"
        case "email", "idn-email": return "simulated@example.com"
        case "hostname", "idn-hostname": return "simulated.example.com"
        case "ipv4": return "192.0.2.1"
        case "ipv6": return "2001:db8::1"
        case "uri", "iri": return "https://example.com/simulated"
        case "uri-reference", "iri-reference": return "/simulated"
        case "uuid": return StableHash.uuid(String(hash.value))
        case "json-pointer": return "/simulated"
        default: return nil
        }
    }
}
