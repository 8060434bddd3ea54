internal import Crypto
internal import NIOHTTP1
internal import RunnelHTTP
internal import RunnelKit

/// Header fields beside those that make a request a webhook.
struct WebhookHeaders: FieldValue {
    let headers: HTTPHeaders

    static var schema: Value { HeaderFields.schema }
    static var whenAbsent: WebhookHeaders? { WebhookHeaders(headers: HTTPHeaders()) }

    static func problems(in value: Value) -> [FieldError] {
        let wrong = errors(reading: value)
        return wrong.isEmpty ? HeaderFields.sameNames(in: value) : wrong
    }

    private init(headers: HTTPHeaders) {
        self.headers = headers
    }

    init(field value: Value) throws(FieldError) {
        headers = try HeaderFields(field: value).headers
        for (name, _) in headers
        where ["webhook-id", "webhook-timestamp", "webhook-signature", "runnel-epoch", "runnel-chain"].contains(
            name.lowercased())
        {
            throw FieldError("Runnel sets the header \"\(name)\" itself", hint: "leave it out", path: [.key(name)])
        }
    }
}

/// The signature of a webhook as Standard Webhooks 1.0.0 defines it.
enum WebhookSignature {
    /// `v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`; one for each key, a space between them.
    /// - Parameter timestamp: of the attempt, in seconds since 1970.
    static func header(keys: [[UInt8]], id: String, timestamp: Int64, body: [UInt8]) -> String {
        keys.map { key in
            var code = HMAC<SHA256>(key: SymmetricKey(data: key))
            code.update(data: Array("\(id).\(timestamp).".utf8))
            code.update(data: body)
            return "v1," + Base64.encode(Array(code.finalize()))
        }.joined(separator: " ")
    }
}

/// The secrets that a receiver may know: one, or several while it changes from one to the next.
struct SigningSecrets: FieldValue {
    /// As they were written, for masking them.
    let texts: [String]
    let keys: [[UInt8]]

    static var schema: Value {
        let secret: Value = ["type": "string", "minLength": 1, "writeOnly": true]
        return ["anyOf": [secret, ["type": "array", "items": secret, "minItems": 1]]]
    }

    init(field value: Value) throws(FieldError) {
        let secrets = try Self.list(value) { item throws(FieldError) -> (text: String, key: [UInt8]) in
            let text = try Self.text(item)
            return (text, try Self.key(text))
        }
        texts = secrets.map(\.text)
        keys = secrets.map(\.key)
    }

    /// Reads one secret, or a list of them.
    static func list<Secret>(
        _ value: Value, _ read: (Value) throws(FieldError) -> Secret
    ) throws(FieldError) -> [Secret] {
        guard let items = value.asList else { return [try read(value)] }
        guard !items.isEmpty else { throw FieldError("the list holds no secret") }
        var secrets: [Secret] = []
        for (index, item) in items.enumerated() {
            do throws(FieldError) {
                secrets.append(try read(item))
            } catch {
                throw error.under(.index(index))
            }
        }
        return secrets
    }

    private static func text(_ value: Value) throws(FieldError) -> String {
        // What was found instead may be a secret, so only its kind is said.
        guard let text = value.asString else { throw FieldError("expected a string, found \(value.kindName)") }
        return text
    }

    /// The key of a secret in the form of Standard Webhooks, `whsec_` and base64; else the text's own bytes.
    private static func key(_ text: String) throws(FieldError) -> [UInt8] {
        guard !text.hasPrefix("whsk_") else {
            throw FieldError(
                "a secret that begins with \"whsk_\" is a private key, which is not used here",
                hint: "ask the receiver for a shared secret, which begins with \"whsec_\"")
        }
        guard text.hasPrefix("whsec_") else {
            guard !text.isEmpty else { throw FieldError("the secret is empty") }
            return Array(text.utf8)
        }
        guard let key = Base64.decode(text.dropFirst("whsec_".count)), !key.isEmpty else {
            throw FieldError(
                "what follows \"whsec_\" is not base64",
                hint: "copy the whole secret, without spaces or line breaks around it")
        }
        return key
    }
}
