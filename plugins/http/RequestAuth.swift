internal import RunnelHTTP
internal import RunnelKit

/// The credentials of a request.
struct RequestAuth: FieldGroup {
    struct Basic: FieldGroup {
        @Field("The user; it must not contain a colon.") var user: String
        @Field("The password.") var password: SecretText

        func validate() throws(FieldError) {
            guard user.contains(":") else { return }
            throw FieldError("a user must not contain a colon", path: [.key("user")])
        }
    }

    static let rules: [FieldRule] = [.exactlyOne(["bearer", "basic"])]

    @Field("A token, sent as `Authorization: Bearer …`.") var bearer: SecretText?
    @Field("User and password (RFC 7617).") var basic: Basic?

    func validate() throws(FieldError) {
        guard let bearer else { return }
        do throws(FieldError) {
            guard try !HeaderFields.checked(value: bearer.text).isEmpty else { throw FieldError("the token is empty") }
        } catch {
            throw error.under(.key("bearer"))
        }
    }
}

/// A text that must not be a literal in the pipeline: `runnel validate` warns of one.
struct SecretText: FieldValue {
    let text: String

    static var schema: Value { ["type": "string", "writeOnly": true] }

    init(field value: Value) throws(FieldError) {
        text = try String(field: value)
    }
}

/// The `Authorization` header of a request.
struct Authorization: Sendable {
    let value: String
    /// The secrets to redact in errors.
    let secrets: [String]

    /// The credentials of `auth`, otherwise the user information of the URL; nil if there are none.
    init?(_ auth: RequestAuth?, url: HTTPURL) {
        if let bearer = auth?.bearer?.text {
            let token = (try? HeaderFields.checked(value: bearer)) ?? bearer
            self.init(value: "Bearer \(token)", secrets: [token])
        } else if let basic = auth?.basic {
            self.init(user: basic.user, password: basic.password.text)
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
}

/// The method of a request, in upper or lower case.
enum RequestMethod: String, FieldValue, CaseIterable {
    case get = "GET"
    case head = "HEAD"
    case post = "POST"
    case put = "PUT"
    case patch = "PATCH"
    case delete = "DELETE"
    case options = "OPTIONS"

    static var schema: Value {
        ["enum": .list(allCases.flatMap { [.string($0.rawValue), .string($0.rawValue.lowercased())] })]
    }

    init(field value: Value) throws(FieldError) {
        guard let word = value.asString, let method = Self(rawValue: word.uppercased()) else {
            throw .expected("one of \(Self.allCases.map(\.rawValue).joined(separator: ", "))", found: value)
        }
        self = method
    }

    var fieldDefault: Value? { .string(rawValue) }
}
