import RunnelKit

/// `multipleOf`, counted in decimal: 0.3 is a multiple of 0.1.
struct MultipleOfKeyword: Keyword {
    let unit: Number
    let decimal: Decimal

    func evaluate(_ instance: Instance, _ run: inout Evaluation) -> Verdict {
        guard let number = Number(instance.value) else { return .valid }
        if case (.int(let whole), .int(let unit)) = (number, unit) {
            if whole.isMultiple(of: unit) { return .valid }
        } else if let value = Decimal(number), value.isMultiple(of: decimal) {
            return .valid
        }
        return run.fail(
            "multipleOf",
            "expected a multiple of \(Wording.quoted(unit.value)), found \(Wording.quoted(instance.value))")
    }

    @Sendable static func compile(
        _ site: KeywordSite, _ compiler: inout SchemaCompiler
    ) throws(SchemaError) -> (any Keyword)? {
        guard let unit = Number(site.value), unit > .int(0), let decimal = Decimal(unit) else {
            throw site.mismatch("a number above 0", found: site.value)
        }
        return MultipleOfKeyword(unit: unit, decimal: decimal)
    }
}
