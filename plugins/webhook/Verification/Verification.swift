internal import RunnelKit

/// The value of `verify`: who may call a hook.
struct Verification: FieldValue {
    let scheme: VerificationScheme
    let verifier: any Verifier

    static var schema: Value {
        var schema = VerificationKeys.schema.asObject ?? ValueObject()
        schema["allOf"] = .list(
            VerificationScheme.allCases.filter { !$0.required.isEmpty }.map { scheme in
                [
                    "if": ["properties": ["scheme": ["const": .string(scheme.rawValue)]], "required": ["scheme"]],
                    "then": ["required": .list(scheme.required.map { .string($0) })],
                ]
            })
        return .object(schema)
    }

    init(field value: Value) throws(FieldError) {
        let keys = try VerificationKeys(field: value)
        let given = value.asObject?.keys ?? []
        scheme = keys.scheme
        let name = scheme.rawValue
        if let missing = scheme.required.first(where: { !given.contains($0) }) {
            let isSecret = ["secret", "password"].contains(missing)
            throw FieldError(
                "the scheme \"\(name)\" needs \"\(missing)\"",
                hint: isSecret
                    ? "write `\(missing): \"{{ secrets.NAME }}\"`, and name it under `secrets:` in runnel.yaml"
                    : "it takes \((scheme.required + scheme.optional).joined(separator: ", "))")
        }
        let known = ["scheme"] + scheme.required + scheme.optional
        if let stranger = given.first(where: { !known.contains($0) }) {
            throw FieldError("the scheme \"\(name)\" takes no \"\(stranger)\"", path: [.key(stranger)])
        }
        guard keys.tolerance > .zero else {
            throw FieldError("it has to be longer than nothing, or no signature is valid", path: [.key("tolerance")])
        }
        verifier = try Self.verifier(keys)
    }

    private static func verifier(_ keys: VerificationKeys) throws(FieldError) -> any Verifier {
        let window = ReplayWindow(tolerance: keys.tolerance)
        switch (keys.scheme, keys.secret, keys.header) {
        case (.standardWebhooks, let secrets?, _):
            do throws(FieldError) {
                return StandardWebhooksVerifier(secrets: try SigningSecrets(field: secrets.written), window: window)
            } catch {
                throw error.under(.key("secret"))
            }
        case (.github, let secrets?, _): return HMACVerifier.github(secrets)
        case (.stripe, let secrets?, _): return StripeVerifier(secrets: secrets, window: window)
        case (.slack, let secrets?, _): return SlackVerifier(secrets: secrets, window: window)
        case (.twilio, let secrets?, _): return TwilioVerifier(secrets: secrets)
        case (.hmac, let secrets?, let header?):
            return HMACVerifier(
                secrets: secrets, header: header.name, algorithm: keys.algorithm, encoding: keys.encoding,
                prefix: keys.prefix)
        case (.bearer, let secrets?, let header): return BearerVerifier(secrets: secrets, header: header?.name)
        case (.basic, _, _):
            guard let user = keys.user, let passwords = keys.password else { break }
            guard !user.contains(":") else { throw FieldError("a user cannot hold a colon", path: [.key("user")]) }
            return BasicVerifier(user: user, passwords: passwords)
        case (.none, _, _): return UnauthenticatedVerifier()
        default: break
        }
        throw FieldError("the scheme \"\(keys.scheme.rawValue)\" lacks a key")
    }
}

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

/// What callers share with a hook: one secret, or several while they change from one to the next.
struct SharedSecrets: FieldValue {
    let texts: [String]
    /// As it was written, for the scheme that reads it in its own way.
    let written: Value

    static var schema: Value { SigningSecrets.schema }

    init(field value: Value) throws(FieldError) {
        written = value
        texts = try SigningSecrets.list(value, Self.text)
    }

    /// The secrets' own bytes.
    var keys: [[UInt8]] { texts.map { Array($0.utf8) } }

    /// Throws unless one of the codes is the HMAC of the parts with one of the secrets.
    func verify(
        _ codes: [[UInt8]], _ algorithm: HashAlgorithm = .sha256, over parts: [[UInt8]]
    ) throws(VerificationFailure) {
        let isRight = keys.contains { key in
            let expected = algorithm.code(key: key, parts)
            return codes.contains { ConstantTime.areEqual(expected, $0) }
        }
        guard isRight else { throw VerificationFailure("the signature is wrong") }
    }

    /// Whether the text is one of the secrets. All are compared, also behind one that fits.
    func contain(_ text: String) -> Bool {
        texts.reduce(false) { found, secret in ConstantTime.areEqual(secret, text) || found }
    }

    private static func text(_ value: Value) throws(FieldError) -> String {
        // What was found instead may be a secret, so only its kind is said.
        guard let text = value.asString else { throw FieldError("expected a string, found \(value.kindName)") }
        guard let first = text.first, let last = text.last else { throw FieldError("the secret is empty") }
        guard !first.isWhitespace, !last.isWhitespace else {
            throw FieldError(
                "the secret begins or ends with white space",
                hint: "one read from a file may end with a line break; `| trim` takes it away")
        }
        return text
    }
}
