internal import RunnelKit

/// The trigger `webhook`.
struct WebhookTrigger: Trigger {
    static let name = "webhook"
    static let summary = "Starts a run when a URL is called."

    /// Bodies are held in memory as a whole.
    static let largestBody = ByteCount.mebibytes(64)

    @Field("Where it is called, behind `/hooks/`; the pipeline's name unless given.") var path: HookPath?
    @Field("How it may be called.") var methods: [HookMethod] = [.post]
    @Field("Required: how a caller proves who it is. To let everybody call, say `{ scheme: none }`.")
    var verify: Verification?
    @Field("How large a body may be, up to 64MiB.") var maxBody: ByteCount = .mebibytes(1)
    @Field(
        """
        The media types that are taken, such as `image/*`; JSON, forms, text and `application/octet-stream` unless given.
        """)
    var accept: [MediaRange]?
    @Field(
        """
        Where a delivery says which event it is; `webhook-id`, `X-GitHub-Delivery` or `Idempotency-Key` unless given.
        """)
    var idempotency: Idempotency?
    @Field("What the caller is answered.") var respond: RespondMode = .accepted
    @Field("With `respond: result`: how long the caller waits.") var timeout: Duration = .seconds(30)
    @Field("With `respond: result` or `stream`: whether the run is cancelled when the caller has gone.")
    var cancelOnDisconnect: Bool = false
    @Field("What a hub has to send as `hub.verify_token`: a secret, or a list of them while it changes.")
    var challengeToken: SharedSecrets?

    init() {}

    private enum CodingKeys: CodingKey {
        case path, methods, verify, maxBody, accept, idempotency, respond, timeout, cancelOnDisconnect, challengeToken
    }

    /// Reads the fields, and checks what a field alone cannot.
    init(from decoder: any Decoder) throws {
        let keys = try decoder.container(keyedBy: CodingKeys.self)
        _path = try keys.decode(Field<HookPath?>.self, forKey: .path)
        _methods = try keys.decode(Field<[HookMethod]>.self, forKey: .methods)
        _verify = try keys.decode(Field<Verification?>.self, forKey: .verify)
        _maxBody = try keys.decode(Field<ByteCount>.self, forKey: .maxBody)
        _accept = try keys.decode(Field<[MediaRange]?>.self, forKey: .accept)
        _idempotency = try keys.decode(Field<Idempotency?>.self, forKey: .idempotency)
        _respond = try keys.decode(Field<RespondMode>.self, forKey: .respond)
        _timeout = try keys.decode(Field<Duration>.self, forKey: .timeout)
        _cancelOnDisconnect = try keys.decode(Field<Bool>.self, forKey: .cancelOnDisconnect)
        _challengeToken = try keys.decode(Field<SharedSecrets?>.self, forKey: .challengeToken)
        try check()
    }

    private func check() throws(FieldError) {
        guard verify != nil else {
            let schemes = VerificationScheme.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", ")
            throw FieldError(
                "say with `verify: { scheme: … }` how a caller proves who it is: one of \(schemes)",
                hint: "\"none\" lets everybody call who can reach the server")
        }
        guard !methods.isEmpty else { throw FieldError("the list holds no method", path: [.key("methods")]) }
        guard (1...Self.largestBody.bytes).contains(maxBody.bytes) else {
            throw FieldError(
                "expected a size from 1B to \(Self.largestBody), found \(maxBody)", path: [.key("max_body")])
        }
    }

    func run(_ context: TriggerContext) async throws {
        guard let verify else { return }
        let path = try hookPath(pipeline: context.pipeline)
        let hub = try await context.services.get(WebhookHub.self)
        let endpoint = WebhookEndpoint(
            path: path, methods: methods.map(\.rawValue), verification: verify, bodyLimit: maxBody.bytes,
            bodies: BodyReader(accept: accept),
            deliveries: DeliveryKey(path: path, source: idempotency?.source, scheme: verify.scheme), respond: respond,
            timeout: timeout, cancelsOnDisconnect: cancelOnDisconnect, challengeToken: challengeToken, hub: hub,
            context: context)
        let claim = try await hub.claim(endpoint.route) { other in
            await context.report(.problem(Self.conflict(path, context, other)))
        }
        defer { hub.release(claim) }
        await context.report(.waiting("\(endpoint.methods.joined(separator: ", ")) /hooks/\(path)"))
        // The server brings the calls; here it is only waited for the end.
        let (idle, continuation) = AsyncStream.makeStream(of: Never.self)
        for await _ in idle {}
        continuation.finish()
        try Task.checkCancellation()
    }

    private func hookPath(pipeline: String) throws -> String {
        if let path { return path.text }
        do {
            return try HookPath(field: .string(pipeline)).text
        } catch {
            throw StepError(
                "bad-with", "the pipeline's name \(Value.string(pipeline).quoted()) cannot be the path of a hook",
                hint: "give the trigger a `path`, such as \"tickets\"")
        }
    }

    private static func conflict(_ path: String, _ context: TriggerContext, _ other: WebhookRoute) -> String {
        let (own, taken) = (context.pipeline, other.pipeline)
        guard own != taken else {
            return "`\(context.key)` and `\(other.key)` of the pipeline \"\(own)\" both want /hooks/\(path): "
                + "give one of them another `path`"
        }
        return "the pipelines \"\(own)\" and \"\(taken)\" both want /hooks/\(path), which \"\(taken)\" has: "
            + "give one of them another `path`"
    }
}
