internal import RunnelKit

/// The trigger `webhook`.
struct WebhookTrigger: ReplayingTrigger {
    static let name = "webhook"
    static let summary = "Starts a run when a URL is called."

    /// Bodies are held in memory as a whole.
    static let largestBody = ByteCount.mebibytes(64)

    @Field(
        """
        Where it is called, behind `/hooks/`; the pipeline's name unless given. A part in braces stands for any one part, \
        and is found in `trigger.params`: `scan/{id}`.
        """)
    var path: HookPath?
    @Field("How it may be called.") var methods: [HookMethod] = [.post]
    @Field("Required: how a caller proves who it is. To let everybody call, say `{ scheme: none }`.")
    var verify: Verification?
    @Field("How large a body may be, up to 64MiB, also after it was decompressed.") var maxBody: ByteCount =
        .mebibytes(1)
    @Field(
        "How often it may be called, such as `60/min`: calls beyond that are answered with 429. A burst may use up all."
    )
    var rate: CallRate?
    @Field("The origins whose pages may call from a browser, such as `https://example.org`; `*` for all.")
    var origins: [WebOrigin] = []
    @Field("How names of form fields are read: `nested` makes `data[email]` the key `email` of `data`.")
    var forms: FormStyle = .nested
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
    @Field(
        "What becomes of a delivery that comes again after its run failed or was cancelled: a new run, or the same answer."
    )
    var redeliver: RedeliverMode = .retry
    @Field("What the caller is answered.") var respond: RespondMode = .accepted
    @Field("With `respond: result`: how long the caller waits.") var timeout: Duration = .seconds(30)
    @Field("With `respond: result` or `stream`: whether the run is cancelled when the caller has gone.")
    var cancelOnDisconnect: Bool = false
    @Field("What a hub has to send as `hub.verify_token`: a secret, or a list of them while it changes.")
    var challengeToken: SharedSecrets?

    func validate() throws(FieldError) {
        guard !methods.isEmpty else { throw FieldError("the list holds no method", path: [.key("methods")]) }
        guard (1...Self.largestBody.bytes).contains(maxBody.bytes) else {
            throw FieldError(
                "expected a size from 1B to \(Self.largestBody), found \(maxBody)", path: [.key("max_body")])
        }
        guard verify != nil else {
            let schemes = VerificationScheme.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", ")
            throw FieldError(
                "say with `verify: { scheme: … }` how a caller proves who it is: one of \(schemes)",
                hint: "\"none\" lets everybody call who can reach the server")
        }
    }

    func run(_ context: TriggerContext) async throws {
        guard let verify else { return }
        let path = try hookPath(pipeline: context.pipeline)
        let endpoint = WebhookEndpoint(
            path: path, methods: methods.map(\.rawValue), origins: origins.map(\.text), verification: verify,
            bodies: bodies, limit: rate.map { CallLimit($0, clock: context.clock) },
            deliveries: DeliveryKey(path: path, source: idempotency?.source, verification: verify),
            redeliver: redeliver, respond: respond, timeout: timeout, cancelsOnDisconnect: cancelOnDisconnect,
            challengeToken: challengeToken, context: context)
        try await context.serve(endpoint.route)
    }

    private var bodies: BodyReader { BodyReader(accept: accept, limit: maxBody.bytes, forms: forms) }

    func event(replaying delivery: IngressRequest, _ context: ReplayContext) throws -> TriggerEvent {
        // Validation requires it.
        guard let verify else { throw StepError(WebhookErrorCode.badWith, "the hook has no `verify`") }
        let path = try hookPath(pipeline: context.pipeline)
        let event = WebhookEvent(
            verification: verify,
            deliveries: DeliveryKey(path: path, source: idempotency?.source, verification: verify), redeliver: redeliver
        )
        do throws(BodyProblem) {
            return try event.event(delivery, try bodies.read(delivery))
        } catch {
            throw IngressError(error.response)
        }
    }

    /// A hook without a `path` is the pipeline's own.
    func identity() -> String? { path?.text ?? "of the pipeline" }

    func claims(in context: ValidationContext) -> [TriggerClaim] {
        (try? hookPath(pipeline: context.pipeline)).map { [.route($0)] } ?? []
    }

    func validate(in context: ValidationContext) throws(FieldError) {
        _ = try hookPath(pipeline: context.pipeline)
    }

    private func hookPath(pipeline: String) throws(FieldError) -> String {
        if let path { return path.text }
        do {
            return try HookPath(field: .string(pipeline)).text
        } catch {
            throw FieldError(
                "the pipeline's name \(Value.string(pipeline).quoted()) cannot be the path of a hook",
                hint: "give the trigger a `path`, such as \"tickets\"")
        }
    }
}
