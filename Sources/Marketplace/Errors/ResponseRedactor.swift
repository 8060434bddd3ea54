internal import RunnelSupport

/// Takes secrets out of text that came from elsewhere: a server may echo what it was sent, in whatever encoding.
struct ResponseRedactor: Sendable {
    /// The matcher is made when there is something to redact: most calls have nothing.
    private let secrets: [String]

    /// - Parameter secrets: Those shorter than ``SecretMatcher/minimumLength`` are left out.
    init(secrets: [String]) {
        self.secrets = secrets
    }

    func redact(_ text: String) -> String {
        guard !secrets.isEmpty, !text.isEmpty else { return text }
        return SecretMatcher(secrets: secrets.map { (name: "", secret: $0) }).redact(text)
    }

    func redact(_ text: String?) -> String? {
        text.map { redact($0) }
    }
}
