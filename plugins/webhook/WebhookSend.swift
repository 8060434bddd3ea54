internal import NIOHTTP1
internal import RunnelHTTP
internal import RunnelKit

/// Sends a webhook until it is accepted.
struct WebhookSend: Step {
    enum Method: String, FieldChoice {
        case post = "POST"
        case put = "PUT"
        case patch = "PATCH"
    }

    static let name = "webhook.send"
    static let inputKeys = ["json", "form", "text", "body"]
    static let summary = "Sends data to a URL, signed if wanted, and tries again until it is accepted."

    static let documentation = StepDocumentation(
        details: """
            What is sent is `json`, `form`, `text` or `body`; without any of them, the output of the step before as JSON.

            Every request carries a `webhook-id` that is the same on all attempts, also when the run is taken up again \
            after a crash, and different for every other webhook. A webhook arrives at least once; by its id the receiver \
            can drop the repeat. Beside it stands `runnel-epoch`, a number that grows each time the run is taken up by a \
            process; a receiver can refuse a request with a lower one than it has seen for the same id. It is missing \
            with `--no-journal`.

            With a `secret` the request is signed as [Standard Webhooks](https://www.standardwebhooks.com) describes: \
            `webhook-timestamp` is the time of the attempt, `webhook-signature` is `v1,` and the base64 of HMAC-SHA256 over \
            `id.timestamp.body`. A secret that begins with `whsec_` is base64 behind that; any other is taken as text. \
            Several secrets make several signatures, so that the receiver can change from one to the next.

            Any status from 200 to 299 means accepted. 408, 429, 5xx, failed connections and time-outs are tried again: \
            after `backoff`, which doubles each time up to `max_backoff` and is shortened by chance by up to half. If the \
            receiver says `Retry-After`, the wait is at least that long, up to `max_backoff`; if it asks for more than 10 \
            minutes the step fails at once. Other statuses are final. Redirects are not followed.

            Errors show the URL's host only, because a webhook's path is often its password.
            """,
        output: """
            An object: `status` (a number), `headers` (by lower-case name), `body` (the answer's text, its first 64 KiB), \
            `attempts` (how many it took), `id` (the `webhook-id`).
            """,
        examples: [
            .init(
                "Send the last step's output",
                """
                uses: webhook.send
                with: { url: "{{ secrets.team_hook }}" }
                """),
            .init(
                "Signed, with a body of its own",
                """
                uses: webhook.send
                with:
                  url: https://example.com/hooks/tickets
                  json: { type: ticket.labelled, data: { label: bug } }
                  secret: "{{ secrets.hook_key }}"
                """),
            .init(
                "Patient",
                """
                uses: webhook.send
                with: { url: "https://example.com/hook", text: done, attempts: 10, backoff: 5s, max_backoff: 10m }
                """),
        ])

    static let outputSchema: Value? = OutputSchema.object([
        "status": ["type": "integer"], "headers": ["type": "object"], "body": ["type": "string"],
        "attempts": ["type": "integer"], "id": ["type": "string"],
    ])
    static let rules: [FieldRule] = [.atMostOne(["json", "form", "text", "body"])]

    @Field("Where to send, with `http://` or `https://`.") var url: URLText
    @Field("How.") var method: Method = .post
    @Field("A value to send as JSON.") var json: Value?
    @Field("Names and values to send as a form.") var form: FormFields?
    @Field("Text to send.") var text: String?
    @Field("Text or binary data to send as it is, as `application/octet-stream` unless `headers` says otherwise.")
    var body: BodyText?
    @Field("More header fields.") var headers: WebhookHeaders
    @Field("What the receiver knows the sender by: one secret or a list of them.") var secret: SigningSecrets?
    @Field("How often is tried, the first time included; up to 100.", in: 1...100) var attempts: Int = 5
    @Field("The delay before the second attempt; it doubles with each further one.") var backoff: Duration = .seconds(1)
    @Field("The longest delay, also where the receiver asks for a longer one (`Retry-After`).") var maxBackoff:
        Duration = .seconds(60)
    @Field("How long one attempt may take.", in: .milliseconds(1)...) var timeout: Duration = .seconds(30)

    /// How much of an answer is kept.
    static let answerLimit = ByteCount.kibibytes(64)

    func run(_ context: StepContext) async throws -> Value {
        var call = call(input: context.input)
        call.willSend = context.checkOwnership
        // Whether the webhook is sent again is decided by the status alone.
        call.bodyUse = { _ in .partial }
        call.hostSource = context.hostSource(ofURLAt: "url")
        context.warnOfExposedCredentials(in: call)
        let delivery = Delivery(
            sender: try await context.services.get(HTTPClientService.self), call: call,
            id: HeaderFields.encoded(context.idempotencyKey), secrets: secret, timeout: timeout, context: context)
        let retry = DeliveryRetry(attempts: attempts, backoff: backoff, maxBackoff: maxBackoff)
        let (reply, count) = try await delivery.run(retry)
        return [
            "status": .int(Int64(reply.status)), "headers": .object(reply.headerObject),
            "body": .string(Self.text(of: reply, context.redactor)), "attempts": .int(Int64(count)),
            "id": .string(delivery.id),
        ]
    }

    private func call(input: Value) -> HTTPCall {
        let content =
            json.map(RequestBody.json) ?? form.map(RequestBody.form) ?? text.map(RequestBody.text)
            ?? body.map { .bytes($0.body.bytes) } ?? .json(input)
        var headers = headers.headers
        headers.addDefault(name: "content-type", value: content.contentType)
        headers.addDefault(name: "accept-encoding", value: HTTPHeaders.acceptEncoding)
        headers.addDefault(name: "user-agent", value: HTTPHeaders.userAgent)
        if let info = url.url.userInfo {
            let pair = Base64.encode(Array("\(info.user):\(info.password)".utf8))
            headers.addDefault(name: "authorization", value: "Basic \(pair)")
        }
        return HTTPCall(
            method: method.rawValue, url: url.url, headers: headers, body: content.bytes,
            bodyLimit: .cut(bytes: Self.answerLimit.bytes))
    }

    private static func text(of reply: HTTPReply, _ redactor: Redactor) -> String {
        var text =
            (try? TextDecoding.decode(reply.body, charset: reply.mediaType?.charset))
            ?? String(decoding: reply.body, as: UTF8.self)
        guard reply.isBodyCut else { return text }
        // The cut may have gone through the middle of a character, or of a secret, which nothing would mask any more.
        while text.last == "\u{FFFD}" { text.removeLast() }
        return redactor.withoutCutSecret(text)
    }
}
