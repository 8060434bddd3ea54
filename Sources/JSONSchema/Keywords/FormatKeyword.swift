import RunnelKit

/// `format`, where it is more than a remark.
struct FormatKeyword: Keyword {
    let format: StringFormat

    func evaluate(_ instance: Instance, _ run: inout Evaluation) -> Verdict {
        guard instance.isContentKnown else { return .unknown }
        guard let text = instance.value.asString, !format.accepts(text) else { return .valid }
        return run.fail("format", "\(Wording.quoted(text)) is not \(format.words)")
    }

    @Sendable static func compile(
        _ site: KeywordSite, _ compiler: inout SchemaCompiler
    ) throws(SchemaError) -> (any Keyword)? {
        let name = try site.string()
        guard compiler.assertFormats || site.dialect.vocabularies.contains(.formatAssertion) else { return nil }
        return StringFormat(rawValue: name).map(FormatKeyword.init)
    }
}
