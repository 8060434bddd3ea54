internal import RunnelHTTP
internal import RunnelKit

/// With what a request proves its right.
struct RequestAuth: FieldGroup {
    struct Basic: FieldGroup {
        @Field("The user; it cannot hold a colon.") var user: String
        @Field("The password.") var password: String
    }

    static let rules: [FieldRule] = [.exactlyOne(["bearer", "basic"])]

    @Field("A token, sent as `Authorization: Bearer …`.") var bearer: String?
    @Field("User and password (RFC 7617).") var basic: Basic?
}

/// The `Authorization` header of a request.
struct Authorization: Sendable {
    let value: String
    /// What must not appear in an error.
    let secrets: [String]

    /// What stands in `auth`; else what stands before the `@` of the URL; else nothing.
    init?(_ auth: RequestAuth?, url: HTTPURL) throws(FieldError) {
        if let token = auth?.bearer {
            let token = try Self.inField("bearer") { () throws(FieldError) in try HeaderFields.checked(value: token) }
            guard !token.isEmpty else { throw FieldError("the token is empty", path: [.key("auth"), .key("bearer")]) }
            self.init(value: "Bearer \(token)", secrets: [token])
        } else if let basic = auth?.basic {
            guard !basic.user.contains(":") else {
                throw FieldError("a user cannot hold a colon", path: [.key("auth"), .key("basic"), .key("user")])
            }
            self.init(user: basic.user, password: basic.password)
        } else if let info = url.userInfo {
            self.init(user: info.user, password: info.password)
        } else {
            return nil
        }
    }

    private init(user: String, password: String) {
        let pair = Base64.encode(Array("\(user):\(password)".utf8))
        self.init(value: "Basic \(pair)", secrets: [pair, password])
    }

    private init(value: String, secrets: [String]) {
        self.value = value
        self.secrets = secrets
    }

    private static func inField(
        _ key: String, _ body: () throws(FieldError) -> String
    ) throws(FieldError) -> String {
        do {
            return try body()
        } catch {
            throw error.under(.key(key)).under(.key("auth"))
        }
    }
}
