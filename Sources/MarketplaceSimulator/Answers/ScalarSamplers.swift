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

/// Numbers that fit a schema's bounds.
enum NumberSampler {
    /// Between the bounds, else from 1 to 100.
    static func integer(for schema: Value, hash: StableHash) -> Value {
        let step = max(1, (schema["multipleOf"]?.asDouble ?? 1).rounded(.up))
        var bounds = Bounds(schema)
        bounds.complete(span: 99 * step)
        var low = (bounds.low / step).rounded(.up) * step
        if bounds.excludesLow, low == bounds.low { low += step }
        var high = (bounds.high / step).rounded(.down) * step
        if bounds.excludesHigh, high == bounds.high { high -= step }
        let places = Int(min(max(0, (high - low) / step), 1_000_000))
        let value = low + Double(hash.index(below: places + 1)) * step
        return number(value)
    }

    /// Between the bounds in steps of a hundredth of the span, else from 1 to 100.
    static func number(for schema: Value, hash: StableHash) -> Value {
        if let step = schema["multipleOf"]?.asDouble, step > 0 {
            var bounds = Bounds(schema)
            bounds.complete(span: 99 * step)
            var factor = (bounds.low / step).rounded(.up)
            if bounds.excludesLow, factor * step == bounds.low { factor += 1 }
            return number(factor * step)
        }
        var bounds = Bounds(schema)
        bounds.complete(span: 99)
        // 1 to 99 of 100 keeps clear of both ends, so that exclusive bounds hold too.
        let value = bounds.low + (bounds.high - bounds.low) * Double(1 + hash.index(below: 99)) / 100
        let rounded = (value * 100).rounded() / 100
        return number(rounded > bounds.low && rounded < bounds.high ? rounded : value)
    }

    private static func number(_ value: Double) -> Value {
        if let whole = Int64(exactly: value) { return .int(whole) }
        return value.isFinite ? .double(value) : 0
    }

    private struct Bounds {
        var low: Double
        var high: Double
        var excludesLow = false
        var excludesHigh = false

        init(_ schema: Value) {
            low = schema["minimum"]?.asDouble ?? -.infinity
            high = schema["maximum"]?.asDouble ?? .infinity
            if let exclusive = schema["exclusiveMinimum"]?.asDouble, exclusive >= low {
                low = exclusive
                excludesLow = true
            }
            if let exclusive = schema["exclusiveMaximum"]?.asDouble, exclusive <= high {
                high = exclusive
                excludesHigh = true
            }
        }

        /// Gives a value to the ends that the schema leaves open.
        mutating func complete(span: Double) {
            if low == -.infinity { low = high == .infinity ? 1 : high >= 1 ? 1 : high - span }
            if high == .infinity { high = low + span }
        }
    }
}

/// Chooses among words by what a text speaks of.
struct WordChoice {
    private let words: [String]
    private static let mostWords = 20_000

    init(in text: String) {
        words = text.lowercased().split(maxSplits: Self.mostWords) { !$0.isLetter && !$0.isNumber }
            .prefix(Self.mostWords).map(String.init)
    }

    /// The candidate that the text names most often, the one named last among equals (a prompt lists the choices
    /// first and brings the case to decide after them); nil when it names none.
    func mostNamed(of candidates: [String]) -> Int? {
        var best: (index: Int, count: Int, last: Int)?
        for (index, candidate) in candidates.enumerated() {
            guard let (count, last) = occurrences(of: candidate) else { continue }
            if let best, (best.count, best.last) >= (count, last) { continue }
            best = (index, count, last)
        }
        return best?.index
    }

    func names(_ candidate: String) -> Bool { occurrences(of: candidate) != nil }

    private func occurrences(of candidate: String) -> (count: Int, last: Int)? {
        let parts = candidate.lowercased().split { !$0.isLetter && !$0.isNumber }
        guard !parts.isEmpty, parts.count <= words.count else { return nil }
        var count = 0
        var last = 0
        for start in 0...(words.count - parts.count)
        where zip(parts, words[start...]).allSatisfy({ Self.isForm($1, of: $0) }) {
            count += 1
            last = start
        }
        return count == 0 ? nil : (count, last)
    }

    /// The word itself or with a short ending: "bugs", "refunded".
    private static func isForm(_ word: String, of stem: Substring) -> Bool {
        word.hasPrefix(stem) && (word.count == stem.count || stem.count >= 3 && word.count <= stem.count + 3)
    }
}
