import RunnelKit

extension StandardFilters {
    static let numbers: [TemplateFilter] = [
        TemplateFilter(
            name: "round", summary: "Rounds to a number of decimals.", usage: "round(digits=0)", arguments: 0...1,
            checkArguments: { _ = try $0.first?.map(decimals) }
        ) { value, arguments in
            let digits = try arguments.first.map(decimals) ?? 0
            let exact = try numeric(value)
            if case .int = exact { return exact }
            let scale = (0..<digits).reduce(1.0) { scale, _ in scale * 10 }
            let number = try number(exact)
            let rounded = (number * scale).rounded() / scale
            // Such a large number has no decimals.
            let result = rounded.isFinite ? rounded : number
            return digits == 0 ? Int64(exactly: result).map { .int($0) } ?? .double(result) : .double(result)
        },
        TemplateFilter(name: "abs", summary: "The absolute value.", usage: "abs") { value, _ in
            let exact = try numeric(value)
            if case .int(let number) = exact, number != .min { return .int(abs(number)) }
            return .double(abs(try number(exact)))
        },
        TemplateFilter(name: "int", summary: "Converts to an integer, rounded towards zero.", usage: "int") {
            value, _ in
            let exact = try numeric(value)
            if case .int = exact { return exact }
            guard let whole = Int64(exactly: try number(exact).rounded(.towardZero)) else {
                throw FilterError("\(value.shown) does not fit 64 bits")
            }
            return .int(whole)
        },
        TemplateFilter(name: "float", summary: "Converts to a floating-point number.", usage: "float") { value, _ in
            .double(try number(value))
        },
        TemplateFilter(name: "string", summary: "As text.", usage: "string") { value, _ in
            guard !value.isNull else { throw FilterError("null is not a text", code: TemplateErrorCode.emptyValue) }
            return .string(value.text)
        },
        TemplateFilter(
            name: "bool", summary: "Converts to true or false; the texts \"true\" and \"false\" are parsed.",
            usage: "bool"
        ) { value, _ in
            .bool(value == "false" ? false : value.isTruthy)
        },
        reduce("min", "The smallest of the numbers.") { $0.isLess(than: $1) ?? false },
        reduce("max", "The largest of the numbers.") { $1.isLess(than: $0) ?? false },
        TemplateFilter(name: "sum", summary: "The sum of the numbers.", usage: "sum") { value, _ in
            let items = try value.filterList().map(numeric)
            let whole = items.compactMap { if case .int(let number) = $0 { number } else { nil } }
            if whole.count == items.count {
                var total: Int64 = 0
                for number in whole {
                    let (sum, overflow) = total.addingReportingOverflow(number)
                    guard !overflow else { throw FilterError("the sum does not fit 64 bits") }
                    total = sum
                }
                return .int(total)
            }
            let total = try items.map(number).reduce(0, +)
            guard total.isFinite else { throw FilterError("the sum does not fit 64 bits") }
            return .double(total)
        },
    ]

    /// The argument of `round`.
    @Sendable private static func decimals(_ argument: Value) throws(FilterError) -> Int {
        let digits = try argument.filterCount()
        guard digits <= 15 else { throw FilterError("at most 15 decimals are possible") }
        return digits
    }

    private static func reduce(
        _ name: String, _ summary: String, _ isBetter: @escaping @Sendable (Value, Value) -> Bool
    ) -> TemplateFilter {
        TemplateFilter(name: name, summary: summary, usage: name) { value, _ in
            let numbers = try value.filterList().map(numeric)
            return numbers.dropFirst().reduce(numbers.first ?? .null) { isBetter($1, $0) ? $1 : $0 }
        }
    }

    /// The value as a number; strings are parsed.
    @Sendable private static func numeric(_ value: Value) throws(FilterError) -> Value {
        if value.asDouble != nil { return value }
        if let whole = value.asString.flatMap({ Int64($0) }) { return .int(whole) }
        return .double(try number(value))
    }

    @Sendable private static func number(_ value: Value) throws(FilterError) -> Double {
        if let number = value.asDouble { return number }
        if let text = value.asString, let number = Double(text), number.isFinite { return number }
        throw FilterError("expected a number, found \(value.shown)")
    }
}
