internal import RunnelKit

/// The trigger `webhook`.
struct WebhookTrigger: ReplayingTrigger {
    static let name = "webhook"
    static let summary = "Starts a run when a URL is called."
    static let titles = ["ja": "Webhook"]
    static let nameHints = [
        NameHint(
            "write `verify: { scheme: …, secret: … }`", for: ["secret", "token", "auth", "signature"]),
        NameHint("write `webhook: { path: … }`", for: ["http", "hook"], in: .name),
        // Events of GitHub.
        NameHint(
            "write `webhook: { path: …, verify: { scheme: github, secret: … } }`",
            for: ["push", "pull_request", "issues", "issue_comment", "release"], in: .name),
    ]

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
    @Field("With `respond: result` or `stream`: whether the run is cancelled when nobody waits for it any more.")
    var cancelOnDisconnect: Bool = false
    @Field("What a hub has to send as `hub.verify_token`: a secret, or a list of them while it changes.")
    var challengeToken: SharedSecrets?

    func validate() throws(FieldError) {
        guard !methods.isEmpty else { throw FieldError("the list holds no method", path: [.key("methods")]) }
        guard accept?.isEmpty != true else {
            throw FieldError("the list holds no media type", path: [.key("accept")])
        }
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

    func warnings() -> [FieldError] {
        var warnings: [FieldError] = []
        if let path, path.text.hasPrefix("hooks/") {
            warnings.append(
                FieldError(
                    "the hook is called at \"/hooks/\(path.text)\": a path stands behind /hooks/ already",
                    hint: "write \(Value.string(String(path.text.dropFirst("hooks/".count))).quoted())",
                    path: [.key("path")]))
        }
        let setting = "respond: \(respond.rawValue)"
        if _timeout.isGiven, respond != .result {
            warnings.append(.noEffect(of: "timeout", with: setting, unless: "respond: result"))
        }
        if cancelOnDisconnect, respond == .accepted {
            warnings.append(
                .noEffect(of: "cancel_on_disconnect", with: setting, unless: "respond: result", "respond: stream"))
        }
        return warnings
    }

    func run(_ context: TriggerContext) async throws {
        if let route = try route(context) { try await context.serve(route) }
    }

    /// Nil without `verify`, which validation requires.
    private func route(_ context: TriggerContext) throws -> IngressRoute? {
        guard let verify else { return nil }
        let path = try hookPath(pipeline: context.pipeline)
        let endpoint = WebhookEndpoint(
            path: path, methods: methods.map(\.rawValue), origins: origins.map(\.text), verification: verify,
            bodies: bodies, limit: rate.map { CallLimit($0, clock: context.clock) },
            deliveries: DeliveryKey(path: path, source: idempotency?.source, verification: verify),
            redeliver: redeliver, respond: respond, timeout: timeout, cancelsOnDisconnect: cancelOnDisconnect,
            challengeToken: challengeToken, context: context)
        return endpoint.route
    }

    private var bodies: BodyReader { BodyReader(accept: accept, limit: maxBody.bytes, forms: forms) }

    func event(replaying delivery: IngressRequest, _ context: ReplayContext) throws -> TriggerEvent {
        // Validation requires it.
        guard let verify else { throw StepError(StepErrorCode.badWith, "the hook has no `verify`") }
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

extension WebhookTrigger {
    static let documentation = TriggerDocumentation(
        details: """
            The hook is called at `/hooks/<path>` of `runnel serve`.

            **Who may call.** `verify` has to be there. Signatures are checked over the bytes as they came, in constant \
            time, before anything of them is read. With a list of secrets any of them is right. `standard-webhooks`, \
            `stripe` and `slack` sign the time too: signatures older than `tolerance` are refused. A wrong signature is \
            answered with 401 and nothing else; the reason is in the log, as a warning. With `standard-webhooks` a secret that begins \
            with `whsec_` is base64 behind that; in all other schemes a secret is its text. `bearer` with a `header` \
            takes all of that field as the token. `twilio` signs the URL, so `server.public_url` has to be set where Twilio \
            calls another URL than the server sees.

            **Who calls without a proof.** A hook with `scheme: none` takes no requests of web pages but those of the \
            server's own origin and of `origins`, which a browser's preflight request is told too. On loopback it \
            answers to the names of this machine and of `server.public_url` only. `rate` bounds how often any hook may \
            be called: beyond that the answer is 429 with `Retry-After`.

            **Where.** A part of the path in braces is a parameter: `path: scan/{id}` is called at `/hooks/scan/42`, and \
            `trigger.params.id` is `42`. Of several pipelines with one path the first by the name of its file has it. HEAD \
            is answered with 200 and starts nothing.

            **What is taken.** JSON, forms (`application/x-www-form-urlencoded` and `multipart/form-data` with up to \
            100 parts), text, and bytes as they are. In a form the values of a repeated name are a list, and brackets in \
            names nest: `data[email]` is `email` in `data`, `tags[]` a list; `forms: flat` leaves names as they are. A file is \
            an object of `filename`, `media_type`, `size`, and `text` or `bytes`. Errors are JSON, \
            `{"error": {"code": …, "message": …}}`: 400 for a body that is not what its type says, 405 for another \
            method, 413 for a body that is too large, 415 for a type that is not taken. Bodies may be compressed \
            (`Content-Encoding: gzip`); signatures are checked over the bytes as they came, and `max_body` counts before \
            and after.

            **Once.** An event that is delivered again starts no second run; the repeat is answered as the first \
            delivery was. An event is known by the first of the header fields `webhook-id`, `X-GitHub-Delivery` and \
            `Idempotency-Key`; with `stripe` by `/id` of the body first, with `slack` by `/event_id`. `idempotency` \
            names another place instead: `{ header: X-Event }` or `{ body: /data/id }`. A delivery that says nothing of \
            itself there is known by its signature; with `bearer`, `basic` and `none` it is an event of its own. When the \
            run of a repeated delivery has failed or was cancelled, a new run is started that is a retry of it; with \
            `redeliver: same` the answer stays that of the first run.

            **What is answered.** With `respond: accepted` 202 with `{"run": …, "status": "accepted"}` and a \
            `Location`, sent when the run is on disk. With `respond: result` the caller waits for the end: 200 with the \
            output, as text where it is a string and as JSON else; 500 with the run's id and the error's code when it \
            failed or was cancelled; 202 with the status `skipped` when `overlap: skip` of the pipeline left it out, \
            so that the sender does not repeat it; the answer of `accepted` after `timeout`. With `respond: stream` the text comes as server-sent events: \
            `run` with the id, `delta` with `step` and `text`, `gap` with the number of `bytes` that were left out \
            because the caller reads too slowly, `end` with `status` and `output`; a comment every 15 seconds. When Runnel \
            shuts down before the run has ended, the answer to `result` is that of `accepted`, and a stream ends with the \
            status `accepted`: the run goes on when Runnel is started again. A caller \
            who goes away does not end the run, unless `cancel_on_disconnect` says so. When too many runs wait the answer \
            is 429, when nothing can be stored 503, both with `Retry-After`; nothing has been accepted then.

            **Questions.** Slack's `url_verification` is answered once its signature was right. A hub's `hub.challenge` \
            is answered when it brings the `challenge_token`; without one in the pipeline, to every hub, and with \
            `bearer` and `basic` to one that proves itself.
            """,
        payload: [
            .init("method", "How it was called: `POST`."),
            .init("path", "Where it was called: `/hooks/tickets`."),
            .init("params", "The values of the path's parameters, by name."),
            .init(
                "headers",
                """
                The header fields by their names in lower case. Those with credentials are left out: `authorization`, \
                cookies, signatures, and all whose name says token, key, secret or the like.
                """),
            .init(
                "query",
                "What stands behind the `?`, by name. A repeated name has a list. Tokens, keys and signatures are left out."
            ),
            .init("body", "The body, read by its media type; also the first step's `input`."),
            .init("raw", "The body as it came: text where it is UTF-8, else bytes."),
            .init(
                "traceparent",
                """
                The caller's place in a distributed trace (W3C Trace Context), which the run goes on with; only where the \
                call brought a valid one. `tracestate` stands beside it where there is one.
                """),
        ],
        examples: [
            .init(
                "From GitHub", "webhook: { path: issues, verify: { scheme: github, secret: \"{{ secrets.github }}\" } }"
            ),
            .init(
                "Any sender of Standard Webhooks, while the secret changes",
                """
                webhook:
                  verify:
                    scheme: standard-webhooks
                    secret: ["{{ secrets.hook }}", "{{ secrets.old_hook }}"]
                """),
            .init(
                "A signature of another kind",
                """
                webhook:
                  path: shop/orders
                  verify:
                    scheme: hmac
                    secret: "{{ secrets.shop }}"
                    header: X-Shopify-Hmac-Sha256
                    encoding: base64
                  idempotency: { header: X-Shopify-Webhook-Id }
                """),
            .init(
                "An answer while the caller waits",
                """
                webhook:
                  path: summarize
                  verify: { scheme: bearer, secret: "{{ secrets.token }}" }
                  respond: result
                  timeout: 1m
                """),
        ])
}
