import RunnelKit

/// The built-in filters, except for `default`, which is part of the language.
enum StandardFilters {
    static let all: [TemplateFilter] = texts + lists + numbers + data
}

/// Limits on a filter's result, checked before a result is built that can be much larger than its input.
enum FilterLimit {
    /// The default of ``TemplateLimits/output``.
    private static let bytes = TemplateLimits().output

    /// - Throws: If `count + factor * size` exceeds the limit in bytes.
    static func check(_ count: Int, plus factor: Int, times size: Int) throws(FilterError) {
        let (product, overflow) = factor.multipliedReportingOverflow(by: size)
        guard !overflow, product <= bytes - min(count, bytes) else {
            throw FilterError("the result is larger than \(ByteCount(bytes))")
        }
    }
}

extension Value {
    /// The value as text for a filter; numbers and booleans are converted.
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
