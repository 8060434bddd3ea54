import RunnelKit

/// The filters every template can use, beside `default`, which is part of the language.
enum StandardFilters {
    static let all: [TemplateFilter] = texts + lists + numbers + data
}

/// What a filter may make, checked before it is made where a text can grow by more than a small factor.
enum FilterLimit {
    /// The text of ``TemplateLimits/output``, by default.
    private static let bytes = TemplateLimits().output

    /// - Throws: When `count` and `factor` times `size` together are too many bytes.
    static func check(_ count: Int, plus factor: Int, times size: Int) throws(FilterError) {
        let (product, overflow) = factor.multipliedReportingOverflow(by: size)
        guard !overflow, product <= bytes - min(count, bytes) else {
            throw FilterError("the result is larger than \(ByteCount(bytes))")
        }
    }
}

extension Value {
    /// The value as a text for a filter; numbers and truth values count as their text.
    func filterText() throws(FilterError) -> String {
        switch self {
        case .string(let text): return text
        case .int, .double, .bool: return json()
        default: throw FilterError("expected a text, found \(kindName)")
        }
    }

    func filterList() throws(FilterError) -> [Value] {
        guard let items = asList else { throw FilterError("expected a list, found \(kindName)") }
        return items
    }

    func filterObject() throws(FilterError) -> ValueObject {
        guard let object = asObject else { throw FilterError("expected an object, found \(kindName)") }
        return object
    }

    func filterCount() throws(FilterError) -> Int {
        guard let number = asInt, let count = Int(exactly: number), count >= 0, count <= 1_000_000 else {
            throw FilterError("expected a whole number from 0 to 1000000, found \(shown)")
        }
        return count
    }
}
