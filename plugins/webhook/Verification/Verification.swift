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
            throw FieldError("the scheme \"\(name)\" needs \"\(missing)\"")
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
        case (.none, _, _): return OpenDoor()
        default: break
        }
        throw FieldError("the scheme \"\(keys.scheme.rawValue)\" lacks a key")
    }
}
