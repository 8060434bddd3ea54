internal import RunnelKit

/// The question of a WebSub hub, or of a platform that borrowed it, whether it may send here (WebSub, section 5.3).
struct HubChallenge: Hashable {
    static let longest = 1024

    let challenge: String
    /// `hub.verify_token`, which not every hub sends.
    let token: String?

    /// Nil for a request that is no such question.
    init?(_ request: IngressRequest) {
        guard request.method == "GET", request.query.contains("hub."),
            let query = try? FormReader.read(Array(request.query.utf8)),
            let mode = query["hub.mode"]?.asString, ["subscribe", "unsubscribe"].contains(mode),
            let challenge = query["hub.challenge"]?.asString, (1...Self.longest).contains(challenge.utf8.count)
        else { return nil }
        self.challenge = challenge
        token = query["hub.verify_token"]?.asString
    }
}

/// Slack's question whether a URL is really its owner's: https://docs.slack.dev/reference/events/url_verification
struct SlackChallenge: Hashable {
    let challenge: String

    /// Nil for a body that is no such question.
    init?(_ body: Value) {
        guard body["type"]?.asString == "url_verification", let challenge = body["challenge"]?.asString else {
            return nil
        }
        self.challenge = challenge
    }
}
