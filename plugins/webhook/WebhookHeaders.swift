internal import NIOHTTP1
internal import RunnelHTTP
internal import RunnelKit

/// Header fields beside those that make a request a webhook.
struct WebhookHeaders: FieldValue {
    let headers: HTTPHeaders

    static var schema: Value { HeaderFields.schema }
    static var whenAbsent: WebhookHeaders? { WebhookHeaders(headers: HTTPHeaders()) }

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
