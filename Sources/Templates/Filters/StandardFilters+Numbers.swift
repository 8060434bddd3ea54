import RunnelKit

extension StandardFilters {
    static let numbers: [TemplateFilter] = [
        TemplateFilter(
            name: "round", summary: "To so many digits behind the point.", usage: "round(digits=0)", arguments: 0...1
        ) { value, arguments in
            let digits = try arguments.first?.filterCount() ?? 0
            guard digits <= 15 else { throw FilterError("more than 15 digits cannot be kept") }
            if case .int = value { return value }
            let scale = (0..<digits).reduce(1.0) { scale, _ in scale * 10 }
            return whole((try number(value) * scale).rounded() / scale, always: digits == 0)
        },
        TemplateFilter(name: "abs", summary: "Without its sign.", usage: "abs") { value, _ in
            if case .int(let number) = value, number != .min { return .int(abs(number)) }
            return .double(abs(try number(value)))
        },
        TemplateFilter(name: "int", summary: "As a whole number, rounded towards zero.", usage: "int") { value, _ in
            if case .string(let text) = value, let number = Int64(text) { return .int(number) }
            return whole(try number(value).rounded(.towardZero), always: true)
        },
        TemplateFilter(name: "float", summary: "As a number with a point.", usage: "float") { value, _ in
            .double(try number(value))
        },
        TemplateFilter(name: "string", summary: "As text.", usage: "string") { value, _ in .string(value.text) },
        TemplateFilter(
            name: "bool", summary: "As true or false; the texts \"true\" and \"false\" count as what they say.",
            usage: "bool"
        ) { value, _ in
            .bool(value == "false" ? false : value.isTruthy)
        },
        reduce("min", "The smallest of the numbers.") { $0.min() },
        reduce("max", "The largest of the numbers.") { $0.max() },
        TemplateFilter(name: "sum", summary: "The numbers added up.", usage: "sum") { value, _ in
            let items = try value.filterList()
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
            return .double(try items.map(number).reduce(0, +))
        },
    ]

    private static func reduce(
        _ name: String, _ summary: String, _ choose: @escaping @Sendable ([Double]) -> Double?
    ) -> TemplateFilter {
        TemplateFilter(name: name, summary: summary, usage: name) { value, _ in
            let items = try value.filterList()
            let chosen = choose(try items.map(number))
            return items.first { $0.asDouble == chosen } ?? .null
        }
    }

    @Sendable private static func number(_ value: Value) throws(FilterError) -> Double {
        if let number = value.asDouble { return number }
        if let text = value.asString, let number = Double(text), number.isFinite { return number }
        throw FilterError("expected a number, found \(value.quoted())")
    }

    private static func whole(_ number: Double, always: Bool) -> Value {
        always ? Int64(exactly: number).map { .int($0) } ?? .double(number) : .double(number)
    }
}
