public import YAML

/// One thing in which a run was not as its test wants it.
public struct TestMismatch: Sendable, Hashable {
    /// What it is about: `outputs.label`, `files.out/a.json`, `http`.
    public var subject: String
    /// Where the test file says so.
    public var range: YAMLRange?
    /// A half sentence: `expected "bug", found "feature"`.
    public var message: String
    /// Several lines that show more, such as a difference in the unified format.
    public var detail: String?
    /// What to do.
    public var hint: String?

    init(_ subject: String, _ range: YAMLRange?, _ message: String, detail: String? = nil, hint: String? = nil) {
        self.subject = subject
        self.range = range
        self.message = message
        self.detail = detail
        self.hint = hint
    }

    init(_ subject: String, _ matcher: Matcher, _ finding: Finding) {
        self.init(subject + finding.path, matcher.node.range, finding.message, detail: finding.detail)
    }
}
