package import RunnelKit

/// What an API token allows. Each includes those before it.
package enum AccessScope: String, FieldChoice, Sendable, Comparable {
    /// Looking at pipelines and runs.
    case read
    /// Starting, retrying and cancelling runs.
    case run
    /// Everything: triggers, the audit log and the configuration.
    case admin

    private var rank: Int {
        switch self {
        case .read: 0
        case .run: 1
        case .admin: 2
        }
    }

    package static func < (one: AccessScope, other: AccessScope) -> Bool { one.rank < other.rank }
}

/// `server.tokens.NAME` in `runnel.yaml`.
package struct APITokenSettings: FieldGroup {
    package init() {}

    @Field("The token: `Authorization: Bearer …`.") package var token: SensitiveValue
    @Field("`read` looks, `run` also starts, retries and cancels runs, `admin` does everything.")
    package var scope: AccessScope = .run
}

/// An API token with its name.
package struct APIToken: Sendable, Hashable {
    package var name: String
    package var value: String
    package var scope: AccessScope

    package init(name: String, value: String, scope: AccessScope) {
        self.name = name
        self.value = value
        self.scope = scope
    }

    /// The name of the token of `server.token`, which may do everything.
    package static let unnamed = "token"

    /// In bytes. Shorter values could be guessed.
    private static let minimumLength = 16

    /// The value of a setting; a failure if it is too short for a token.
    package static func checked(_ value: Result<String, UnavailableSecret>) -> Result<String, UnavailableSecret> {
        value.flatMap { text in
            guard text.utf8.count < minimumLength else { return .success(text) }
            return .failure(
                UnavailableSecret(
                    reason: "it is too short to be safe (minimum \(minimumLength) bytes); "
                        + "`runnel tokens --new` prints a new one"))
        }
    }
}

/// `server.sign_in` in `runnel.yaml`: browsers that a reverse proxy has signed in.
package struct ProxySignInSettings: FieldGroup {
    package init() {}

    @Field(
        """
        The header field in which a trusted proxy names the person that it has signed in, such as `X-Forwarded-Email`. The \
        proxy must remove the field from what browsers send.
        """)
    package var header: HeaderFieldName
    @Field("What people may do who are not in `scopes`: `read`, `run` or `admin`.") package var scope: AccessScope =
        .read
    @Field("What a person may do, by the name that the proxy sends.") package var scopes: [String: AccessScope] = [:]
    @Field(
        """
        What proves the proxy: it must send this value in the header field `X-Runnel-Proxy-Secret`. Without it, whoever \
        can connect from an address of `trusted_proxies` can name anybody. On loopback, these are all users of the machine.
        """)
    package var secret: SensitiveValue?
}

/// The name of a header field.
package struct HeaderFieldName: FieldValue, Hashable {
    package let text: String

    package static var schema: Value {
        ["type": "string", "pattern": "^[A-Za-z0-9-]{1,100}$", "examples": ["X-Forwarded-User"]]
    }

    package init(field value: Value) throws(FieldError) {
        text = try String(field: value)
        let isToken = text.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte | 0x20) || byte == 0x2D
        }
        guard (1...100).contains(text.utf8.count), isToken else {
            throw FieldError(
                "\(value.quoted()) is not the name of a header field",
                hint: "use letters, digits and `-`, such as \"X-Forwarded-User\"")
        }
        let name = text.lowercased()
        let others = [
            "authorization", "cookie", "host", "origin", "x-forwarded-for", "forwarded", "x-runnel-proxy-secret",
        ]
        guard !others.contains(name) else {
            throw FieldError(
                "\(value.quoted()) says something else than who is signed in",
                hint: "use the field of the proxy for it, such as \"X-Forwarded-User\"")
        }
    }

    package var fieldDefault: Value? { .string(text) }
}
