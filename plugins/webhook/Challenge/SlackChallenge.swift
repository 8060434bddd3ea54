internal import RunnelKit

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
