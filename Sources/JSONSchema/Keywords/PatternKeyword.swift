import RunnelKit

/// `pattern`.
struct PatternKeyword: Keyword {
    let pattern: Pattern

    func evaluate(_ instance: Instance, _ run: inout Evaluation) -> Verdict {
        guard instance.isContentKnown else { return .unknown }
        guard let text = instance.text else { return .valid }
        switch run.matches(pattern, text) {
        case true: return .valid
        case false:
            return run.fail(
                "pattern", "\(Wording.quoted(text)) does not match the pattern \(Wording.quoted(pattern.source))")
        case nil:
            return run.fail(
                "pattern",
                "a string of \(text.unicodeScalars.count) characters is too long to be checked against the pattern "
                    + Wording.quoted(pattern.source))
        }
    }

    @Sendable static func compile(
        _ site: KeywordSite, _ compiler: inout SchemaCompiler
    ) throws(SchemaError) -> (any Keyword)? {
        PatternKeyword(pattern: try compiler.pattern(try site.string(), of: site, at: []))
    }
}
