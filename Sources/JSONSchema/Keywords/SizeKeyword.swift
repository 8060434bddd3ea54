import RunnelKit

/// `minLength`, `maxLength`, `minItems`, `maxItems`, `minProperties` and `maxProperties`.
struct SizeKeyword: Keyword {
    private enum Measure: String, Sendable {
        case character = "Length"
        case item = "Items"
        case key = "Properties"

        var noun: String {
            switch self {
            case .character: "character"
            case .item: "item"
            case .key: "key"
            }
        }

        /// The size of what is measured; nil for other kinds of values.
        func size(_ instance: Instance) -> Int? {
            switch self {
            // Characters are code points here.
            case .character: instance.text?.unicodeScalars.count
            case .item: instance.list?.count
            case .key: instance.object?.count
            }
        }
    }

    private let name: String
    private let measure: Measure
    private let bound: Int
    private let isLower: Bool

    func evaluate(_ instance: Instance, _ run: inout Evaluation) -> Verdict {
        guard instance.isContentKnown else { return measure == .character ? .unknown : .valid }
        guard let size = measure.size(instance) else { return .valid }
        if isLower ? size >= bound : size <= bound { return .valid }
        return run.fail(
            name, "expected at \(isLower ? "least" : "most") \(Wording.count(bound, measure.noun)), found \(size)")
    }

    @Sendable static func compile(
        _ site: KeywordSite, _ compiler: inout SchemaCompiler
    ) throws(SchemaError) -> (any Keyword)? {
        guard let measure = Measure(rawValue: String(site.name.dropFirst(3))) else { return nil }
        return SizeKeyword(
            name: site.name, measure: measure, bound: try site.count(), isLower: site.name.hasPrefix("min"))
    }
}
