import Hummingbird
import RunnelEngine
import RunnelKit
import RunnelSupport

extension DashboardRoutes {
    private static let dryRunTime = Duration.seconds(60)

    func addPipelines(to group: RouterGroup<ServerContext>) {
        group.get("/pipelines") { request, context in
            let query = try Query(request, known: ["file", "done"])
            let page = PageContext(request, context)
            let all = await api.host.all
            if let file = try query.one("file") {
                guard let hosted = all.first(where: { $0.file == file }) else {
                    throw APIError(
                        404, .noSuchFile, "there is no file \(Value.string(file).quoted(limit: 200))")
                }
                return Response.page(BrokenFilePage(context: page, hosted: hosted, redact: api.queue.redact).html())
            }
            let recent = try await withJournal {
                try await RecentRuns.load(all.compactMap { $0.pipeline?.name }, api.journal)
            }
            let rows = all.map { hosted in
                PipelinesPage.Row(
                    hosted: hosted, recent: hosted.pipeline.flatMap { recent[$0.name] } ?? RecentRuns(runs: []),
                    outlook: api.host.outlook(of: hosted, after: page.now))
            }
            return Response.page(PipelinesPage(context: page, rows: rows).html())
        }
        group.get("/pipelines/:name") { request, context in
            _ = try Query(request, known: ["done"])
            return Response.page(try await page(pageContext(request, context), context).html())
        }
        group.get("/pipelines/:name/ledger") { request, context in
            let query = try Query(request, known: ["trigger", "after", "done"])
            let pipeline = try await page(pageContext(request, context), context).pipeline
            let position = try query.one("after")
            let found = try await api.ledger(
                of: pipeline, key: query.one("trigger"), after: position, limit: LedgerView.limit)
            return Response.page(
                LedgerView(
                    context: pageContext(request, context), pipeline: pipeline.name, trigger: found.trigger.key,
                    page: found.page, isHead: position == nil
                ).html())
        }
        group.post("/pipelines/:name/trigger") { request, context in
            let form = try await form(request, context)
            let pipeline = try await page(pageContext(request, context), context).pipeline
            let isEnabled = try form.flag("enabled")
            try await api.setTrigger(form["key"] ?? "", of: pipeline, isEnabled: isEnabled, by: Operator(context))
            return Self.after(Self.local(form["to"]), isEnabled ? .triggerOn : .triggerOff)
        }
        group.post("/pipelines/:name/backfill") { request, context in
            let form = try await form(request, context)
            let pipeline = try await page(pageContext(request, context), context).pipeline
            let body: Value = [
                "from": .string(Self.time(form["from"] ?? "")), "to": .string(Self.time(form["to"] ?? "")),
                "again": .bool(form["again"] == "true"), "old": .bool(form["old"] == "true"),
            ]
            let outcomes = try await Backfill(body).perform(
                pipeline, api, dedupeKey: form.dedupeKey(), by: Operator(context))
            let refusals = outcomes.compactMap(\.refusal)
            if var error = refusals.first {
                error.message = "\(refusals.count) of \(outcomes.count) ticks cannot run again: \(error.message)"
                throw error
            }
            let isAny = outcomes.contains { $0.status != .exists }
            return Self.after(Link("pipelines", pipeline.name).text, isAny ? .backfilled : .nothingMissing)
        }
        group.post("/pipelines/:name/start") { request, context in
            let form = try await form(request, context)
            var page = try await page(pageContext(request, context), context)
            page.context.here = Link("pipelines", page.pipeline.name).text
            for (name, value) in form.under("input.") { page.typed[name] = value }
            page.typedPriority = form["priority"]
            var inputs: ValueObject = [:]
            for input in page.pipeline.inputs {
                guard let text = page.typed[input.name].map(Self.withoutCarriageReturns) else { continue }
                // A default that nobody has changed is left to the pipeline: browsers send its line breaks as CR LF.
                if let value = input.defaultValue, text == Self.withoutCarriageReturns(value.text) { continue }
                // An empty field means no value. It means the empty text only for a required string, or if the user erased
                // a default text.
                let isErased = input.choices == nil && input.defaultValue?.asString?.isEmpty == false
                if text.isEmpty, !isErased, !input.isRequired || input.kind != .string { continue }
                inputs[input.name] = .string(text)
            }
            // The pipeline may have changed since the page was loaded. A text for an input that no longer exists is an
            // error.
            let names = Set(page.pipeline.inputs.map(\.name))
            for (name, text) in form.under("input.") where !text.isEmpty && !names.contains(name) {
                inputs[name] = .string(text)
            }
            do {
                if form["do"] != nil, try form.choice("do", of: ["start", "dry-run"]) == "dry-run" {
                    return try await dryRun(page, inputs)
                }
                page.isPriorityWrong = true
                let priority = try Self.priority(form["priority"])
                page.isPriorityWrong = false
                let id = try await api.start(
                    page.pipeline, inputs: inputs, priority: priority, dedupeKey: form.dedupeKey(),
                    by: Operator(context))
                return Self.after(Link("runs", id).text, .started)
            } catch let error as APIError where error.has(.badInput) {
                page.problem = api.queue.redact(error.message)
                return Response.page(page.html(), status: 400)
            }
        }
    }

    private static func withoutCarriageReturns(_ text: String) -> String {
        text.replacing("\r\n", with: "\n").replacing("\r", with: "\n")
    }

    /// A local time as a browser sends it, such as `2026-11-24T09:00`, in UTC; what is none stays as it is.
    static func time(_ text: String, in zone: Zone = UsageDays.localZone) -> String {
        let seconds = text.utf8.count == 16 ? ":00Z" : "Z"
        guard let shown = Timestamp.parse(text + seconds) else { return text }
        let (time, isTooFar) = zone.rules.firstTime(showing: shown.flooredQuotient(1_000_000_000))
            .multipliedReportingOverflow(by: 1_000_000_000)
        return isTooFar ? text : Timestamp.text(nanoseconds: time)
    }

    /// An empty field is that of the pipeline.
    private static func priority(_ text: String?) throws(APIError) -> Int? {
        guard let text, !text.allSatisfy(\.isWhitespace) else { return nil }
        do throws(FieldError) {
            return try RunPriority(field: Int64(text).map { .int($0) } ?? .string(text)).level
        } catch {
            throw APIError(400, .badInput, "`priority`: \(error.message)")
        }
    }

    private func page(_ page: PageContext, _ context: ServerContext) async throws -> PipelinePage {
        let name = context.parameter("name")
        let (hosted, pipeline) = try await api.pipeline(named: name)
        let recent = try await withJournal { try await RecentRuns.load(name, api.journal) }
        return PipelinePage(
            context: page, hosted: hosted, pipeline: pipeline, recent: recent,
            outlook: api.host.outlook(of: hosted, after: page.now, limit: PipelinePage.ticks),
            redact: api.queue.redact, hasLedger: { [host = api.host] in host.hasLedger($0) })
    }

    private func dryRun(_ page: PipelinePage, _ inputs: ValueObject) async throws -> Response {
        let values: ValueObject
        do throws(InputError) {
            values = try page.pipeline.inputValues(json: inputs)
        } catch {
            throw APIError(400, .badInput, error.message)
        }
        let request = RunRequest(
            id: api.runs.makeID(), inputs: values, trigger: ["type": "manual"], input: .null)
        let events = DryRunEvents()
        let runs = api.runs
        let pipeline = page.pipeline
        await withTaskGroup(of: Void.self) { group in
            group.addTask { _ = await runs.dryRun(pipeline, request) { await events.append($0) } }
            group.addTask { try? await ContinuousClock().sleep(for: Self.dryRunTime) }
            await group.next()
            group.cancelAll()
        }
        let (last, isCut) = await (events.last, events.isCut)
        return Response.page(
            DryRunPage(context: page.context, pipeline: pipeline, events: last, isCut: isCut).html())
    }
}

/// The last events of a dry run: it is held or fails at its end.
private actor DryRunEvents {
    private(set) var last: [RunEvent] = []
    /// Whether the beginning was left out.
    private(set) var isCut = false

    private static let limit = 1000

    func append(_ event: RunEvent) {
        last.append(event)
        guard last.count >= 2 * Self.limit else { return }
        last.removeFirst(Self.limit)
        isCut = true
    }
}

extension DashboardRoutes {
    func addOthers(to group: RouterGroup<ServerContext>) {
        group.get("/triggers") { request, context in
            let query = try DeliveryQuery(Query(request, known: DeliveryQuery.names))
            let found = try await api.deliveries(query.filter)
            let pipelines = await api.host.all
            let page = PageContext(request, context)
            return Response.page(
                TriggersPage(
                    context: page,
                    pipelines: pipelines.map { (hosted: $0, outlook: api.host.outlook(of: $0, after: page.now)) },
                    query: query, found: found, hooked: hooked(pipelines),
                    hasLedger: { [host = api.host] in host.hasLedger($0) }
                ).html())
        }
        group.get("/deliveries/:number") { request, context in
            _ = try Query(request, known: ["done"])
            let delivery = try await api.delivery(context.parameter("number"))
            return Response.page(DeliveryPage(context: PageContext(request, context), delivery: delivery).html())
        }
        group.post("/deliveries/:number/replay") { request, context in
            let form = try await form(request, context)
            let delivery = try await api.delivery(context.parameter("number"))
            let id = try await api.replay(
                delivery, dedupeKey: form.dedupeKey(delivery.dedupeSubject), by: Operator(context))
            return Self.after(Link("runs", id).text, .replayed)
        }
        group.get("/usage") { request, context in
            _ = try Query(request, known: ["done"])
            let days = UsageDays(last: UsagePage.days, at: context.now, in: UsageDays.localZone)
            let sums = try await withJournal { try await api.journal.usage(days.query()) }
            let page = UsagePage(
                context: PageContext(request, context), sums: days.byDay(sums), prices: options.prices, days: days,
                budgets: try await api.budgets(at: context.now, options.prices),
                served: Set(await api.host.all.compactMap { $0.pipeline?.name }))
            return Response.page(page.html())
        }
        group.get("/workers") { request, context in
            _ = try Query(request, known: ["done"])
            let workers = try await withJournal { try await WorkerStatus.all(in: api.journal) }
            let runs = try await withJournal {
                try await api.journal.runs(RunFilter(states: [.running], limit: 1000))
            }
            let owned = Dictionary(grouping: runs.filter { $0.owner != nil }) { $0.owner ?? WorkerID("") }
            return Response.page(
                WorkersPage(context: PageContext(request, context), workers: workers, runs: owned).html())
        }
        group.post("/workers/drain") { request, context in
            let form = try await form(request, context)
            let isDrained = try form.flag("drained")
            _ = try await api.setWorker(form["worker"] ?? "", isDrained: isDrained, by: Operator(context))
            return Self.after("/workers", isDrained ? .drained : .undrained)
        }
        group.get("/audit") { request, context in
            let query = try Query(request, known: ["before", "done"])
            let before = try query.number("before", in: 1...Int.max).map { Int64($0) }
            let entries = try await withJournal {
                try await api.journal.operators.audit(before: before, limit: AuditPage.limit + 1)
            }
            return Response.page(
                AuditPage(context: PageContext(request, context), entries: entries, isHead: before == nil).html())
        }
        group.get("/settings") { request, context in
            _ = try Query(request, known: ["done"])
            return Response.page(
                SettingsPage(
                    context: PageContext(request, context), settings: settings.value,
                    pending: await api.host.pendingRestart
                ).html())
        }
    }

    /// The names of pipelines with hooks: a route that is served, or a trigger whose deliveries can be replayed. The latter
    /// are found also while the trigger is disabled.
    private func hooked(_ pipelines: [PipelineHost.Hosted]) -> Set<String> {
        let kinds = Set(api.host.triggers.filter { $0.replay != nil }.map(\.name))
        let declared = pipelines.compactMap(\.pipeline).filter { $0.triggers.contains { kinds.contains($0.kind) } }
        return Set(ingress.routes.map(\.pipeline)).union(declared.map(\.name))
    }
}
