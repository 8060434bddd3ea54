import HTTPServing
import HTTPTypes
import Hummingbird
import RunnelEngine
import RunnelKit
import RunnelSupport
import YAML

/// The pages of the dashboard, and the forms on them.
struct DashboardRoutes: Sendable {
    let api: API
    let ingress: HTTPIngress
    let bodies: BodyReading
    let sessions: DashboardSessions
    let tokens: TokenCheck
    let options: ServerOptions
    /// The configuration in effect.
    let settings: Watched<[EffectiveSetting]>
    let answersEnd: Latch

    /// Whether the path is open to browsers that are not signed in.
    static func isOpen(_ path: String) -> Bool {
        path == "/sign-in" || path == "/language" || path.hasPrefix("/assets/") || path == "/favicon.ico"
    }

    func add(to router: Router<ServerContext>) {
        let pages = router.group("").add(
            middleware: DashboardMiddleware(options: options, sessions: sessions, redact: api.queue.redact))
        addAccess(to: pages)
        addRuns(to: pages)
        addPipelines(to: pages)
        addOthers(to: pages)
        LiveRoute(journal: api.journal, host: api.host, changes: api.changes, answersEnd: answersEnd).add(to: pages)
    }

    // MARK: - Access and assets

    private func addAccess(to group: RouterGroup<ServerContext>) {
        group.get("/assets/:version/:name") { request, context in
            guard
                let response = DashboardAssets.all.response(
                    context.parameter("name"), version: context.parameter("version"), request)
            else { throw APIError(404, .notFound, "there is no such file") }
            return response
        }
        group.get("/favicon.ico") { _, _ in
            Response(status: .movedPermanently, headers: [.location: DashboardAssets.all.link("icon.svg").text])
        }
        group.get("/sign-in") { request, context in
            let query = try Query(request, known: ["to", "once"])
            let to = Self.local(try query.one("to"))
            if let code = try query.one("once") {
                guard let token = sessions.redeem(code, now: context.now) else {
                    throw APIError(
                        403, .linkUsed,
                        "the link has been used or has expired; `runnel open` makes a new one")
                }
                let page = ForwardingPage(context: PageContext(request, context), to: to)
                return signedIn(as: token, page.response(), request, context)
            }
            if context.session != nil { return Response.redirect(to: to) }
            return Response.page(SignInPage(context: PageContext(request, context), to: to).html())
        }
        group.post("/sign-in") { request, context in
            let form = try await Form.read(request, context, bodies, session: nil)
            let to = Self.local(form["to"])
            guard let token = try tokens.token(form["token"] ?? "", from: context.clientAddress) else {
                return Response.page(
                    SignInPage(context: PageContext(request, context), to: to, isWrong: true).html(), status: 401)
            }
            return signedIn(as: token, .redirect(to: to), request, context)
        }
        group.post("/sign-out") { request, context in
            _ = try await form(request, context)
            if let cookie = DashboardSessions.cookieValue(of: request) {
                do {
                    try await sessions.signOut(cookie: cookie, now: context.now)
                } catch {
                    throw APIError(
                        503, .unavailable,
                        "you are still signed in, because the sign-out could not be stored; try again: "
                            + "\((error as? JournalError)?.message ?? "\(error)")")
                }
            }
            var response = Response.redirect(to: "/sign-in")
            response.headers.append(
                Cookies.field(
                    DashboardSessions.cookie(for: request), "", seconds: 0, isSecure: isSecure(request, context)))
            return response
        }
        group.post("/language") { request, context in
            let form = try await Form.read(request, context, bodies, session: nil)
            var response = Response.redirect(to: Self.local(form["to"]))
            if let language = form["language"].flatMap(Language.init(rawValue:)) {
                response.headers.append(
                    Cookies.field(
                        Language.cookie, language.rawValue, seconds: 400 * 86_400, isSecure: isSecure(request, context))
                )
            }
            return response
        }
    }

    private func signedIn(
        as token: APIToken, _ answer: Response, _ request: Request, _ context: ServerContext
    ) -> Response {
        var response = answer
        response.headers.append(
            Cookies.field(
                DashboardSessions.cookie(for: request), sessions.makeCookie(for: token, now: context.now),
                seconds: DashboardSessions.lifetime,
                isSecure: isSecure(request, context)))
        return response
    }

    /// Whether the browser uses TLS, to this server or to a proxy in front of it.
    private func isSecure(_ request: Request, _ context: ServerContext) -> Bool {
        if let origin = request.headers[.origin] { return origin.hasPrefix("https://") }
        // Browsers send no `Origin` when they open a link.
        if let scheme = ForwardedClient(request, context, options).scheme { return scheme == "https" }
        return options.tls != nil
            || options.publicURL?.origin == "https://" + (request.head.authority ?? "").lowercased()
    }

    /// An address on this server; `/` for any other (open redirect).
    static func local(_ address: String?) -> String {
        guard let address, address.hasPrefix("/"), !address.hasPrefix("//"), !address.hasPrefix("/\\"),
            address.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
        else { return "/" }
        return address
    }

    func form(_ request: Request, _ context: ServerContext) async throws -> Form {
        guard let session = context.session else { throw APIError(403, .signedOut, "sign in first") }
        return try await Form.read(request, context, bodies, session: session)
    }

    /// The context of a page that says what started a run.
    func pageContext(_ request: Request, _ context: ServerContext) -> PageContext {
        var page = PageContext(request, context)
        page.triggers = api.host.triggers
        return page
    }

    /// A redirect to the address, with the outcome of a form in the query.
    ///
    /// - Parameter selected: See ``PageContext/selected``.
    static func after(
        _ address: String, _ notice: PageContext.Notice, selected: (done: Int, left: Int)? = nil
    ) -> Response {
        let page = PageContext.withoutNotice(address.split(separator: "#").first.map(String.init) ?? "/")
        let counts = selected.map { "-\($0.done)-\($0.left)" } ?? ""
        return Response.redirect(to: page + (page.contains("?") ? "&" : "?") + "done=\(notice.rawValue)\(counts)")
    }

    // MARK: - Now and runs

    private func addRuns(to group: RouterGroup<ServerContext>) {
        group.get("/") { request, context in
            let page = pageContext(request, context)
            let data = try await withJournal { try await NowData.load(api, page, options.prices) }
            return Response.page(NowPage(context: page, data: data).html())
        }
        group.post("/seen") { request, context in
            let form = try await form(request, context)
            let now = context.now
            let until = form["until"] ?? "\(now)"
            guard let time = Int64(until), time >= 0 else {
                throw APIError(
                    400, .badBody,
                    "`until`: expected nanoseconds since 1970, found \(Value.string(until).quoted(limit: 100))")
            }
            // The page may be from another server, whose clock is ahead.
            try await withJournal {
                try await api.journal.operators.setSeen(by: context.caller, until: min(time, now))
            }
            return Self.after("/", .seen)
        }
        group.get("/runs") { request, context in
            let page = pageContext(request, context)
            let query = try RunQuery(Query(request, known: RunQuery.names))
            let found = try await withJournal {
                try await RunSearch(journal: api.journal, now: page.now).page(query)
            }
            let open = try await withJournal { try await OpenRuns.load(api.journal) }
            let names = await api.host.all.compactMap { $0.pipeline?.name }.sorted()
            return Response.page(
                RunsPage(context: page, query: query, found: found, pipelines: names, counts: open).html())
        }
        group.post("/runs/selected") { request, context in try await selected(request, context) }
        group.get("/runs/:id") { request, context in try await run(request, context) }
        group.post("/runs/:id/retry") { request, context in
            let form = try await form(request, context)
            let run = try await find(context)
            let id = try await api.retry(
                run, from: form["from"], dedupeKey: form.dedupeKey(run.id), by: Operator(context))
            return Self.after(Link("runs", id).text, .retried)
        }
        group.post("/runs/:id/cancel") { request, context in
            let form = try await form(request, context)
            let run = try await find(context)
            // The button of a page that is out of date may still say "Cancel".
            let endsFinally = form["finally"] == "true"
            let notice: PageContext.Notice =
                switch try await api.cancel(run.id, mayEndFinally: endsFinally, by: Operator(context)) {
                case .cancelled: .cancelled
                case .endingFinally: .endingFinally
                default: .cancelling
                }
            return Self.after(Link("runs", run.id).text, notice)
        }
    }

    private func find(_ context: ServerContext) async throws -> RunRecord {
        let id = context.parameter("id")
        var found = try await withJournal { try await api.journal.run(id) }.map { [$0] } ?? []
        if found.isEmpty, id.count >= 6 {
            // An address that a person typed may hold a prefix.
            found = try await withJournal { try await api.journal.runs(idPrefix: id, limit: 2) }
        }
        guard found.count == 1 else {
            throw APIError(404, .noSuchRun, "there is no run \(Value.string(id).quoted(limit: 200))")
        }
        return try await withJournal { [found] in try await api.journal.asSeen(found[0]) }
    }

    private func run(_ request: Request, _ context: ServerContext) async throws -> Response {
        let query = try Query(request, known: ["step", "row", "view", "part", "from", "done"])
        let page = pageContext(request, context)
        var run = try await find(context)
        let pipeline = await api.host.pipeline(named: run.pipeline)?.pipeline
        let view = try query.one("view")
        switch view {
        case "definition":
            let definition = try await withJournal { try await api.journal.definition(run.definition) }
            func shown(_ text: String, _ file: String) -> String {
                api.queue.redact(SecretSeal.masked(api.host.shown(text, file: file)))
            }
            let today = pipeline.map { shown($0.definitionText, $0.source.name) }
            return Response.page(
                DefinitionPage(
                    context: page, run: run, file: definition?.file ?? "",
                    then: definition.map { shown($0.text, $0.file) }, today: today
                ).html())
        case "value": return try await value(run, query, page)
        default: break
        }
        let id = run.id
        // The log first: the page is told of what is written after it.
        let log = try await withJournal { try await api.logs.log(of: id) }
        if log.isOver, !run.state.isFinal, let ended = try await withJournal({ try await api.journal.run(id) }) {
            run = ended
        }
        let row = try query.one("row")
        let search = StepSearch(
            selected: try query.one("step"), failed: run.error.flatMap { RunError(json: $0).stepID },
            first: row.map { Int($0) ?? 0 }, limit: RunPage.rows)
        let steps = try await withJournal { try await api.journal.steps(of: id, search) }
        let itemCounts = try await withJournal {
            try await api.logs.itemCounts(of: steps.rows.filter { $0.items != nil }, id, log)
        }
        let isPart = view == "rows"
        let key = isPart ? nil : steps.selected?.description
        let shown = try await withJournal { () async throws -> StepRecord? in
            guard let key else { return nil }
            return try await api.journal.step(of: id, key: key)
        }
        let current = run
        let facts = try await withJournal { () async throws -> RunFacts in
            guard !isPart else { return RunFacts() }
            return try await RunFacts.load(current, api, options.prices)
        }
        let content = RunPage(
            context: page, run: run, steps: steps, log: log, itemCounts: itemCounts, pipeline: pipeline,
            selected: search.selected, shown: shown,
            definitionChanged: pipeline.map { !$0.isDefinition(of: run) } ?? false, redact: api.queue.redact,
            trace: api.queue.traceID(of: run), facts: facts)
        return Response.page(isPart ? content.rowsHTML() : content.html())
    }

    private func value(_ run: RunRecord, _ query: Query, _ page: PageContext) async throws -> Response {
        let part = try query.one("part") ?? "output"
        let step = try query.one("step")
        var value: Value?
        if let step {
            let found = try await withJournal { try await api.journal.step(of: run.id, key: step) }
            value = part == "with" ? found?.with : found?.output
        } else {
            switch part {
            case "inputs": value = .object(run.inputs)
            case "input": value = run.input
            case "trigger": value = run.trigger
            case "output": value = run.output
            default: break
            }
        }
        guard let value else { throw APIError(404, .noSuchValue, "the run has no such value") }
        return Response.page(
            ValuePage(
                context: page, run: run.id, title: "\(run.pipeline) · \(step.map { "\($0) · " } ?? "")\(part)",
                value: SecretSeal.masked(value),
                link: Link("runs", run.id).with("view", "value").with("part", part).with("step", step),
                start: try query.one("from").flatMap { Int($0) } ?? 0
            ).html())
    }

    /// Retries or cancels the selected runs.
    private func selected(_ request: Request, _ context: ServerContext) async throws -> Response {
        let form = try await form(request, context)
        let isRetry = try form.choice("do", of: ["retry", "cancel"]) == "retry"
        let to = Self.local(form["to"])
        let ids = form.all("run").prefix(500)
        guard !ids.isEmpty else { return Self.after(to, .nothing) }
        var done = 0
        for id in ids {
            do {
                if isRetry {
                    guard try await retry(id, form.dedupeKey(id), by: Operator(context)) else { continue }
                } else {
                    _ = try await api.cancel(id, mayEndFinally: false, by: Operator(context))
                }
                done += 1
            } catch let error as APIError where error.isOfOneRun {
                // It has ended, or has not: the others are done all the same.
                continue
            } catch var error as APIError where done > 0 {
                error.message =
                    "\(done) of the \(ids.count) selected runs \(done == 1 ? "was" : "were") "
                    + "\(isRetry ? "retried" : "cancelled or asked to end"), and the others were not: \(error.message)"
                throw error
            }
        }
        guard isRetry || done > 0 else { return Self.after(to, .failed) }
        return Self.after(
            to, isRetry ? .retried : .cancelling, selected: (done, ids.count - done))
    }

    /// Retries a selected run unless it was retried already: the page may have been rendered before that.
    ///
    /// - Returns: Whether it was retried by this form.
    private func retry(_ id: String, _ dedupeKey: String?, by caller: Operator) async throws -> Bool {
        guard let run = try await withJournal({ try await api.journal.run(id) }) else { return false }
        if let other = run.retriedBy, let retry = try await withJournal({ try await api.journal.progress(of: other) }) {
            return dedupeKey != nil && retry.dedupeKey == dedupeKey
        }
        _ = try await api.retry(run, dedupeKey: dedupeKey, by: caller)
        return true
    }
}
