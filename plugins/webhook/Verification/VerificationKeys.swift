internal import RunnelKit

/// The keys of `verify`, of which each scheme takes some.
struct VerificationKeys: FieldGroup {
    @Field(
        """
        How a caller proves who it is. `standard-webhooks` (also with the header names of Svix), `github`, `stripe`, \
        `slack` and `twilio` check the signature that these senders make; `hmac` one of a similar kind; `bearer` a token; `basic` user and password; `none` nothing at all.
        """)
    var scheme: VerificationScheme
    @Field("What the caller shares with this hook: a secret, or a list of them while it changes.")
    var secret: SharedSecrets?
    @Field("For `hmac`: where the signature stands. For `bearer`: where the token stands, if not in `Authorization`.")
    var header: HeaderName?
    @Field("For `hmac`: the hash function.") var algorithm: HashAlgorithm = .sha256
    @Field("For `hmac`: how the signature is written.") var encoding: CodeEncoding = .hex
    @Field("For `hmac`: what stands before the signature, such as `sha256=`.") var prefix: String = ""
    @Field("For `standard-webhooks`, `stripe` and `slack`: how old a signature may be, or how far ahead of the clock.")
    var tolerance: Duration = .seconds(300)
    @Field("For `basic`: the user.") var user: String?
    @Field("For `basic`: the password, or a list of them while it changes.") var password: SharedSecrets?
}

enum VerificationScheme: String, FieldChoice {
    case standardWebhooks = "standard-webhooks"
    case github, stripe, slack, twilio, hmac, bearer, basic, none

    /// The keys without which it cannot work.
    var required: [String] {
        switch self {
        case .standardWebhooks, .github, .stripe, .slack, .twilio, .bearer: ["secret"]
        case .hmac: ["secret", "header"]
        case .basic: ["user", "password"]
        case .none: []
        }
    }

    /// The keys that it can do without.
    var optional: [String] {
        switch self {
        case .standardWebhooks, .stripe, .slack: ["tolerance"]
        case .hmac: ["algorithm", "encoding", "prefix"]
        case .bearer: ["header"]
        case .github, .twilio, .basic, .none: []
        }
    }
}
