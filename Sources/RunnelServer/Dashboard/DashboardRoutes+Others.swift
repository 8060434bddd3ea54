import Hummingbird
import RunnelEngine
import RunnelKit

extension DashboardRoutes {
    func addOthers(to group: RouterGroup<ServerContext>) {
        group.get("/triggers") { request, context in
            let query = try DeliveryQuery(Query(request, known: DeliveryQuery.names))
            let found = try await api.deliveries(query.filter)
            return Response.page(
                TriggersPage(
                    context: PageContext(request, context), pipelines: await api.host.all, query: query, found: found
                ).html())
        }
        group.get("/deliveries/:number") { request, context in
            _ = try Query(request, known: ["done"])
            let delivery = try await api.delivery(context.parameter("number"))
            return Response.page(DeliveryPage(context: PageContext(request, context), delivery: delivery).html())
        }
        group.post("/deliveries/:number/replay") { request, context in
            _ = try await form(request, context)
            let id = try await api.replay(api.delivery(context.parameter("number")), by: Operator(context))
            return Self.after(Link("runs", id).text, .replayed)
        }
        group.get("/usage") { request, context in
            _ = try Query(request, known: ["done"])
            let days = UsageDays(last: UsagePage.days, at: context.now, in: UsageDays.localZone)
            let sums = try await withJournal { try await api.journal.usage(days.query()) }
            let page = UsagePage(
                context: PageContext(request, context), sums: days.byDay(sums), prices: options.prices, days: days)
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
            let isDrained = form["drained"] == "true"
            _ = try await api.setWorker(form["worker"] ?? "", isDrained: isDrained, by: Operator(context))
            return Self.after("/workers", isDrained ? .drained : .undrained)
        }
        group.get("/audit") { request, context in
            let query = try Query(request, known: ["before", "done"])
            let before = try query.one("before").flatMap { Int64($0) }
            let entries = try await withJournal {
                try await api.journal.operators.audit(before: before, limit: AuditPage.limit)
            }
            return Response.page(
                AuditPage(context: PageContext(request, context), entries: entries, isHead: before == nil).html())
        }
        group.get("/settings") { request, context in
            _ = try Query(request, known: ["done"])
            return Response.page(
                SettingsPage(context: PageContext(request, context), settings: options.settings).html())
        }
    }
}
