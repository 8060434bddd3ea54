import RunnelKit

/// Compares a request that was sent with what a test expects of it.
struct RequestCheck {
    let expected: Expectations.Request
    let sent: SentRequest
    let subject: String

    var mismatches: [TestMismatch] {
        let url = expected.url.map { matcher in
            matcher.urlFindings(sent.url).map { TestMismatch("\(subject).url", matcher, $0) }
        }
        return (url ?? []) + find("method", expected.method, .string(sent.method))
            + expected.headers.flatMap { name, matcher in
                find("headers.\(name)", matcher, header(name))
            } + find("json", expected.json, body) + find("body", expected.body, body)
    }

    private var body: Value {
        String(validating: sent.body, as: UTF8.self).map { .string($0) } ?? .bytes(sent.body)
    }

    private func header(_ name: String) -> Value {
        let values = sent.headers.filter { $0.name == name.lowercased() }.map(\.value)
        return values.isEmpty ? .null : .string(values.joined(separator: ", "))
    }

    private func find(_ key: String, _ matcher: Matcher?, _ actual: Value) -> [TestMismatch] {
        guard let matcher else { return [] }
        return matcher.findings(actual, isDocument: true).map { TestMismatch("\(subject).\(key)", matcher, $0) }
    }
}
