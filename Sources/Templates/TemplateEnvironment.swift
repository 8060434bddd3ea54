public import RunnelKit

/// What templates can call: the standard filters and those of plugins.
public struct TemplateEnvironment: Sendable {
    private let filtersByName: [String: TemplateFilter]

    /// The standard filters alone.
    public static let standard = TemplateEnvironment(unchecked: StandardFilters.all)

    /// - Throws: A ``RegistryError`` when a filter has the name of a standard one or of another.
    public init(filters: [TemplateFilter] = []) throws(RegistryError) {
        var known = Set(StandardFilters.all.map(\.name))
        known.insert(Self.defaultFilter)
        for filter in filters where !known.insert(filter.name).inserted {
            throw RegistryError(message: "the filter \"\(filter.name)\" exists already; give it another name")
        }
        self.init(unchecked: StandardFilters.all + filters)
    }

    private init(unchecked filters: [TemplateFilter]) {
        filtersByName = Dictionary(filters.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// Answers for missing values, so it is part of the language.
    static let defaultFilter = "default"

    /// All filters, by name.
    public var filters: [TemplateFilter] { filtersByName.values.sorted { $0.name < $1.name } }
    public var filterNames: [String] { (filtersByName.keys + [Self.defaultFilter]).sorted() }

    func filter(named name: String) -> TemplateFilter? { filtersByName[name] }

    /// What a filter of another template language is called here.
    static let otherNames = [
        "json": "tojson", "to_json": "tojson", "from_json": "fromjson", "upcase": "upper", "uppercase": "upper",
        "downcase": "lower", "lowercase": "lower", "size": "length", "count": "length", "strip": "trim",
        "b64encode": "base64", "b64decode": "base64_decode", "url_encode": "urlencode", "startswith": "starts_with",
        "endswith": "ends_with", "d": "default", "capitalise": "capitalize",
    ]

    func suggestion(for name: String) -> String? {
        Self.otherNames[name] ?? Suggestion.closest(to: name, among: filterNames)
    }
}
