internal import NIOHTTP1
internal import RunnelHTTP
internal import RunnelKit

/// The step `http.fetch`: sends a request and returns the response.
struct HTTPFetch: Step {
    static let name = "http.fetch"
    static let summary = "Fetches a URL: a page, a file or the response of an API."

    static let documentation = StepDocumentation(
        details: """
            The method is `GET`, or `POST` when there is something to send.

            Redirects are followed up to `redirects` times. As in browsers, 303 (and 301 and 302 after a `POST`) goes on as \
            a `GET` without body. Credentials do not go along to another scheme, host or port: neither `auth` nor cookies \
            nor any header that holds a secret of the project or whose name speaks of a key, token or secret. A body does \
            not either: 307 and 308 to another origin are an error then. A redirect status that stands in `status` is not \
            followed.

            A status outside 200–299 is an error, unless `status` lists it or `fail_on_status` is false. 408, 429, 5xx and \
            failed connections are errors that `retry:` tries again; a `Retry-After` is passed on to it. The status decides \
            even if the body of such an answer is too large, cut off or cannot be decompressed.

            Where the host of the URL comes from a trigger, private addresses (loopback, link-local, private networks) are \
            refused, also behind a redirect, unless `http.private_addresses` or `http.allow` in `runnel.yaml` permits them. \
            Link-local and other addresses of metadata services of clouds are refused in all runs where the host is not \
            written out. Proxies and certificates are set there, too.

            User and password before the `@` of a URL are sent as basic authentication, where `auth` says nothing else.

            `as` says what becomes of the body: `auto` goes by the content type (JSON is parsed, text decoded, the rest is \
            binary data), `readable` takes the text of an HTML page without its markup, scripts, styles and what is \
            hidden, which is what a prompt wants. `article` does the same with the main text alone, without navigation and \
            side bars; the whole page where no main text stands out.

            Text may be in any encoding of the web, such as UTF-8, Shift_JIS, EUC-JP, GB18030, Big5, EUC-KR or \
            Windows-1252: a byte order mark tells it, then `encoding`, then the content type, then the `<meta>` of a page or \
            the declaration of XML. Compressed responses are decompressed (gzip and deflate; Brotli and Zstandard where \
            the system has libbrotlidec and libzstd); `max_size` limits the decompressed body.

            With `save_as` the body goes to a file of the project as it comes, whatever its size, and is not held in memory. \
            The file takes its name when it is whole; one that was there stays until then.
            """,
        output: """
            An object: `status` (a number), `url` (the final one, without user and password), `headers` (by lower-case \
            name; `set-cookie` is a list), `media_type` (such as `text/html`, or null), `body` (by `as`; null for an empty \
            JSON answer and with `save_as`), `title` (of a page that was made readable, or null). The next step takes the \
            content with `{{ input.body }}`. `path` and `bytes` are those of the file with `save_as`, and null \
            without.
            """,
        examples: [
            .init(
                "The text of a page, for a prompt",
                """
                uses: http.fetch
                with: { url: "https://example.com/news", as: readable }
                """),
            .init(
                "An API with a token, retried when it is busy",
                """
                uses: http.fetch
                with:
                  url: https://api.example.com/v1/tickets
                  query: { state: open, label: [bug, urgent] }
                  auth: { bearer: "{{ secrets.tickets_token }}" }
                retry: { attempts: 3, backoff: 2s }
                """),
            .init(
                "A large file, straight to the disk",
                """
                uses: http.fetch
                with: { url: "https://example.com/dump.tar.gz", save_as: downloads/dump.tar.gz, max_size: 2GiB, timeout: 10m }
                """),
            .init(
                "A page that may be missing",
                """
                uses: http.fetch
                with: { url: "https://example.com/maybe.json", status: [200, 404] }
                """),
        ])

    static let outputSchema: Value? = OutputSchema.object([
        "status": ["type": "integer"], "url": ["type": "string"], "headers": ["type": "object"],
        "media_type": ["type": ["string", "null"]], "body": true, "title": ["type": ["string", "null"]],
        "path": ["type": ["string", "null"]], "bytes": ["type": ["integer", "null"]],
    ])
    static let rules: [FieldRule] = [
        .atMostOne(["body", "json", "form"]), .atMostOne(["status", "fail_on_status"]), .atMostOne(["save_as", "as"]),
        .atMostOne(["save_as", "encoding"]),
    ]
    static let writtenPaths = ["save_as"]

    @Field("The URL, with `http://` or `https://`.") var url: URLText
    @Field("GET, HEAD, POST, PUT, PATCH, DELETE or OPTIONS. Default: GET, or POST with a body.")
    var method: RequestMethod?
    @Field("Parameters to add to the URL's query; a list repeats its name.") var query: FormFields?
    @Field("Header fields to send.") var headers: HeaderFields
    @Field("Credentials for the server.") var auth: RequestAuth?
    @Field("Text or binary data to send unchanged.") var body: BodyText?
    @Field("A value to send as JSON.") var json: Value?
    @Field("Names and values to send as a form.") var form: FormFields?
    @Field("How the response body is decoded.", key: "as") var format: BodyFormat = .auto
    @Field("A file of the project that the body is written to as it comes, instead of `body`.")
    var saveAs: ProjectPath?
    @Field("The encoding of a text, where the server does not say it or is wrong.") var encoding: TextEncoding?
    @Field("The maximum size of the response body, decompressed; a larger one is an error.") var maxSize: ByteCount =
        .mebibytes(10)
    @Field("The maximum number of redirects to follow, up to 50.", in: 0...50) var redirects: Int = 5
    @Field("The time limit for the whole request, including redirects.", in: .milliseconds(1)...) var timeout:
        Duration = .seconds(30)
    @Field("The statuses that count as success, instead of 200–299.") var status: StatusCodes?
    @Field("Whether other statuses are errors.") var failOnStatus: Bool = true

    var isReadOnly: Bool { saveAs == nil && [.get, .head].contains(effectiveMethod) }

    private var effectiveMethod: RequestMethod {
        method ?? (body == nil && json == nil && form == nil ? .get : .post)
    }

    func validate() throws(FieldError) {
        guard headers.headers.contains(name: "authorization"), auth != nil else { return }
        throw FieldError(
            "cannot be combined with the header \"authorization\"", hint: "remove one of them",
            path: [.key("auth")])
    }

    func run(_ context: StepContext) async throws -> Value {
        let sender = try await context.services.get(HTTPClientService.self)
        var (call, secrets) = request()
        call.willSend = context.checkOwnership
        let download = try saveAs.map { try Download($0, context) }
        call.bodyUse = { isFollowed($0) ? .ignored : isExpected($0.status) ? .whole : .partial }
        call.sink = download?.sink { isExpected($0.status) && !isFollowed($0) }
        call.hostSource = context.hostSource(ofURLAt: "url")
        call.carry(context.trace.context)
        context.warnOfExposedCredentials(in: call)
        let late = TransportProblem.timedOut(timeout).stepError(call: call.shown)
        let (last, reply) = try await withTimeLimit(
            timeout, clock: context.clock, error: late, takesLateResult: true
        ) { [call] in
            try await follow(call, sender) { context.redactor.redact($0) != $0 }
        }
        try Task.checkCancellation()
        guard isExpected(reply.status) else {
            let own = call.redactor(more: secrets)
            let words = ServerWords.line(of: reply) { own.redact(context.redactor.redact($0)) }
            throw StatusProblem.error(call: last.shown, reply: reply, words: words, now: context.now())
        }
        let (body, title) =
            download == nil ? try await format.read(reply, of: last, encoding: encoding, context) : (.null, nil)
        var output: ValueObject = [
            "status": .int(Int64(reply.status)), "url": .string(last.url.text), "headers": .object(reply.headerObject),
            "media_type": reply.mediaType.map { .string($0.essence) } ?? .null, "body": body,
            "title": title.map(Value.string) ?? .null, "path": .null, "bytes": .null,
        ]
        if let download { (output["path"], output["bytes"]) = try download.finish(reply, context) }
        return .object(output)
    }

    /// The first request, and its secrets, which are redacted in errors.
    private func request() -> (HTTPCall, secrets: [String]) {
        let content = body?.body ?? json.map(RequestBody.json) ?? form.map(RequestBody.form)
        var headers = headers.headers
        let authorization = Authorization(auth, url: url.url)
        if let authorization {
            headers.addDefault(name: "authorization", value: authorization.value)
        }
        if let content { headers.addDefault(name: "content-type", value: content.contentType) }
        headers.addDefault(name: "accept", value: format.accept)
        headers.addDefault(name: "accept-encoding", value: HTTPHeaders.acceptEncoding)
        headers.addDefault(name: "user-agent", value: HTTPHeaders.userAgent)
        let call = HTTPCall(
            method: effectiveMethod.rawValue,
            url: url.url.adding(query: query?.pairs ?? []), headers: headers, body: content?.bytes,
            bodyLimit: .fail(bytes: maxSize.bytes))
        return (call, authorization?.secrets ?? [])
    }

    private func follow(
        _ start: HTTPCall, _ sender: any HTTPSender, holdsSecret: (String) -> Bool
    ) async throws -> (HTTPCall, HTTPReply) {
        var call = start
        var trail = RedirectTrail(start: start, limit: redirects)
        while true {
            let reply: HTTPReply
            do {
                reply = try await sender.send(call)
            } catch let problem as TransportProblem {
                throw problem.stepError(call: call.shown)
            }
            guard isFollowed(reply), let redirect = try Redirect(of: call, to: reply, holdsSecret: holdsSecret) else {
                return (call, reply)
            }
            try trail.follow(redirect.call)
            call = redirect.call
        }
    }

    /// Whether the response is a redirect that is followed.
    private func isFollowed(_ reply: HTTPReply) -> Bool {
        redirects > 0 && Redirect.location(in: reply) != nil && status?.codes.contains(reply.status) != true
    }

    private func isExpected(_ code: Int) -> Bool {
        guard failOnStatus else { return true }
        return status.map { $0.codes.contains(code) } ?? (200...299).contains(code)
    }
}
