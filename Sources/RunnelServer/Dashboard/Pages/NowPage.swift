import RunnelEngine
import RunnelKit
import RunnelSupport

/// The start page: whether something needs a person, what failed, what runs, what comes.
struct NowPage {
    /// A problem that is not one of a run.
    struct Problem: Sendable {
        var title: String
        var text: String
        var link: Link
    }

    /// A run that is being worked on, with its current step and the last line that it said.
    struct Going: Sendable {
        var run: RunRecord
        var step: String?
        var lastLine: String?
    }

    let context: PageContext
    let data: NowData

    func html() -> String {
        let words = context.words
        return PageFrame(
            context: context, section: .now, title: words(.navNow), live: PageFrame.followsAll
        ).html { html in
            html.element("div", .id("now"), .flag("data-live")) { html in
                html.element("div", .class("title")) { html in
                    html.element("h1", text: sentence)
                }
                html.element("p", .class("soft"), text: since)
                tiles(&html)
                problems(&html)
                failed(&html)
                running(&html)
                coming(&html)
            }
        }
    }

    private var sentence: String {
        let words = context.words
        let count = data.failed.count + data.problems.count
        if data.hasMoreFailed { return words(.needsMany, words.number(data.failed.count)) }
        return count == 0 ? words(.needsNothing) : words(.needs, count)
    }

    private var since: String {
        let words = context.words
        let time = words.relative(data.since, now: context.now)
        let ended = data.hours.reduce(into: (ok: 0, bad: 0)) { sum, hour in
            if hour.state == .succeeded { sum.ok += hour.runs }
            if hour.state == .failed { sum.bad += hour.runs }
        }
        return data.hasLooked
            ? words(.sinceLooked, time, words.number(ended.ok), words.number(ended.bad))
            : words(.lastDay, words.number(ended.ok), words.number(ended.bad))
    }

    private func tiles(_ html: inout HTMLWriter) {
        let words = context.words
        let total = data.hours.reduce(0) { $0 + $1.runs }
        let bad = data.hours.filter { $0.state == .failed }.reduce(0) { $0 + $1.runs }
        html.element("section", .class("tiles six"), .label(words(.last24Hours))) { html in
            html.element("div", .class("sheet tile wide")) { html in
                html.element("span", .class("soft"), text: words(.runsIn24Hours))
                html.element("b", text: words.short(total))
                HourBars(hours: data.hours, now: context.now, words: words).write(to: &html)
            }
            tile(
                words(.stateFailed), words.short(bad), Link("runs").with("state", "failed").with("hours", "24"),
                failing, &html)
            tile(
                words(.stateRunning), words.short(data.open.running.count), Link("runs").with("state", "running"),
                words(.queuedAndWaiting, words.number(data.open.queued), words.number(data.open.waiting)), &html)
            tile(
                words(.navWorkers), words.short(data.workers.count), Link("workers"),
                data.workers.isEmpty
                    ? words(.noWorkers) : data.workers.map(\.host).uniqued.prefix(3).joined(separator: ", "), &html)
            let usage = data.usage
            tile(
                words(.columnTokens),
                usage.calls == 0
                    ? "0"
                    : words.tokens(usage.inputTokens + usage.outputTokens, unknown: usage.unknownCalls, of: usage),
                Link("usage"),
                words(.inAndOut, words.short(usage.inputTokens), words.short(usage.outputTokens)), &html)
            tile(
                words(.columnCost), words.cost(usage) ?? (usage.calls == 0 ? "—" : words(.stateUnknown)), Link("usage"),
                words(.calls, usage.calls), &html)
        }
    }

    private var failing: String {
        let bad = Dictionary(grouping: data.hours.filter { $0.state == .failed }, by: \.pipeline).mapValues {
            $0.reduce(0) { $0 + $1.runs }
        }
        let worst = bad.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.prefix(2)
        return worst.isEmpty ? context.words(.none) : worst.map { "\($0.value) × \($0.key)" }.joined(separator: ", ")
    }

    private func tile(_ title: String, _ number: String, _ link: Link, _ detail: String, _ html: inout HTMLWriter) {
        html.element("div", .class("sheet tile")) { html in
            html.element("a", .class("soft"), .href(link), text: title)
            html.element("b", text: number)
            html.element("span", .class("soft cut")) { $0.outside(detail) }
        }
    }

    private func problems(_ html: inout HTMLWriter) {
        guard !data.problems.isEmpty else { return }
        html.sheet("problems", context.words(.problems)) { html in
            html.element("ul", .class("list")) { html in
                for problem in data.problems {
                    html.element("li", .class("problem")) { html in
                        html.element("p") { html in
                            html.element("a", .href(problem.link)) { $0.outside(problem.title) }
                        }
                        html.element("pre", .class("words")) { $0.outside(problem.text) }
                    }
                }
            }
        }
    }

    private func failed(_ html: inout HTMLWriter) {
        let words = context.words
        let title = words(data.hasLooked ? .failedSince : .failedLastDay)
        html.sheet(
            "failed", title,
            end: { html in
                guard !data.failed.isEmpty else { return }
                html.action(
                    Link("runs", "selected"), words(.retryAll, data.failed.count), context.session, class: "link",
                    fields: [("do", "retry"), ("to", "/")] + data.failed.map { ("run", $0.id) })
                html.action(
                    Link("seen"), words(.markSeen), context.session, needs: .read, class: "link",
                    fields: [("until", "\(context.now)")])
            }
        ) { html in
            guard !data.failed.isEmpty else { return html.empty(words(.nothingFailed)) }
            RunsTable(context: context, runs: data.failed, caption: title).write(to: &html)
            if data.hasMoreFailed {
                html.element("p", .class("inset")) { html in
                    html.element("a", .href(Link("runs").with("state", "failed")), text: words(.allFailed))
                }
            }
        }
    }

    private func running(_ html: inout HTMLWriter) {
        let words = context.words
        html.sheet(
            "running", words(.runningNow),
            end: { html in
                html.element("span", .class("soft"), text: words(.ofLimit, words.number(data.open.running.count)))
            }
        ) { html in
            guard !data.going.isEmpty else { return html.empty(words(.nothingRuns)) }
            html.table(words(.runningNow), words) { html in
                for going in data.going {
                    html.element("tr") { html in
                        html.element("td") { $0.badge(going.run.stateText, words) }
                        html.element("td", .class("name")) { html in
                            html.element("a", .href(Link("runs", going.run.id))) { $0.outside(going.run.pipeline) }
                        }
                        html.element("td", .class("why")) { html in
                            if let step = going.step { html.outside(step) }
                            if let line = going.lastLine {
                                html.text(going.step == nil ? "" : " · ")
                                html.element("q") { $0.outside(line) }
                            }
                        }
                        html.element("td", .class("num"), .plain("data-label", words(.columnFor))) { html in
                            RunReason.took(going.run, context, &html)
                        }
                    }
                }
            }
        }
    }

    /// What comes: ticks by time, and the triggers that wait for something else.
    private func coming(_ html: inout HTMLWriter) {
        let words = context.words
        if data.next.isEmpty, data.waiting.isEmpty {
            return html.sheet("next", words(.nextTicks)) { $0.empty(words(.noTicks)) }
        }
        if !data.next.isEmpty {
            let rows = data.next.map { (pipeline: $0.pipeline, key: $0.tick.key, detail: $0.tick) }
            html.sheet("next", words(.nextTicks)) { html in
                triggers(words(.nextTicks), rows, &html) { tick, html in
                    html.tick(tick, context)
                    html.text(" · " + words.relative(tick.time, now: context.now))
                }
            }
        }
        guard !data.waiting.isEmpty else { return }
        let rows = data.waiting.map { (pipeline: $0.pipeline, key: $0.key, detail: $0.text) }
        html.sheet("waiting", words(.waitsForEvents)) { html in
            triggers(words(.waitsForEvents), rows, &html) { text, html in html.outside(text) }
        }
    }

    private func triggers<Detail>(
        _ caption: String, _ rows: [(pipeline: String, key: String, detail: Detail)], _ html: inout HTMLWriter,
        detail: (Detail, inout HTMLWriter) -> Void
    ) {
        html.table(caption, context.words) { html in
            for row in rows {
                html.element("tr") { html in
                    html.element("td", .class("name")) { html in
                        html.element("a", .href(Link("pipelines", row.pipeline))) { $0.outside(row.pipeline) }
                    }
                    html.element("td", .class("from mono")) { $0.outside(row.key) }
                    html.element("td", .class("why")) { detail(row.detail, &$0) }
                }
            }
        }
    }
}

/// What the start page shows.
struct NowData: Sendable {
    var since: Int64
    /// Whether the caller has ever said what it has seen; otherwise `since` is a day ago.
    var hasLooked: Bool
    var failed: [RunRecord] = []
    var hasMoreFailed = false
    var going: [NowPage.Going] = []
    var open = OpenRuns()
    /// Of the last 24 hours.
    var hours: [HourCount] = []
    var workers: [WorkerRecord] = []
    var held: [HeldRuns] = []
    var problems: [NowPage.Problem] = []
    /// The next tick of each trigger that has one, earliest first.
    var next: [(pipeline: String, tick: PipelineHost.Tick)] = []
    /// What the other triggers wait for.
    var waiting: [(pipeline: String, key: String, text: String)] = []
    /// What chats have used in the last 24 hours.
    var usage = UsageTotal()

    static let limit = 20
    /// The maximum number of queries for failed runs that were not retried.
    private static let maximumParts = 10

    /// The kinds of problems of the health board that ``load(_:_:_:)`` does not look for itself, each with the page that
    /// shows more.
    private static let kinds: [(kind: HealthBoard.Kind, title: Phrase, link: Link)] = [
        (.disk, .diskHasProblem, Link("workers")), (.workerLost, .workerWasLost, Link("workers")),
        (.pluginBroken, .pluginIsBroken, Link("pipelines")), (.budget, .budgetIsUsed, Link("usage")),
    ]

    static func load(_ api: API, _ context: PageContext, _ prices: PriceTable) async throws -> NowData {
        let journal = api.journal
        let caller = context.session?.caller ?? DashboardSession.local
        let seen = try await journal.operators.seen(by: caller)
        let day = context.now - 24 * HourCount.length
        var data = NowData(since: seen ?? day, hasLooked: seen != nil)
        let failed = try await newFailures(since: data.since, journal)
        (data.failed, data.hasMoreFailed) = (Array(failed.prefix(limit)), failed.count > limit)
        data.open = try await OpenRuns.load(journal)
        for run in data.open.running.prefix(limit) { data.going.append(try await going(run, journal)) }
        data.hours = try await journal.operators.hours(since: day + HourCount.length)
        data.workers = try await journal.workers()
        data.held = try await journal.heldRuns()
        data.usage = try await journal.usage(UsageQuery(since: day)).total(prices)
        for hosted in await api.host.all { data.add(hosted, api, context) }
        data.next.sort { ($0.tick.time, $0.pipeline) < ($1.tick.time, $1.pipeline) }
        data.next = Array(data.next.prefix(limit))
        await data.addProblems(api, context.words)
        return data
    }

    /// The newest runs that need attention: those that failed after `since` and were not retried. More than ``limit`` if
    /// the page cannot show all of them.
    private static func newFailures(since: Int64, _ journal: any Journal) async throws(JournalError) -> [RunRecord] {
        var filter = RunFilter(states: [.failed], limit: 200)
        var found: [RunRecord] = []
        for _ in 0..<maximumParts {
            let part = try await journal.runs(filter)
            // A run that was created before `since` may have failed after it.
            let new = part.filter { ($0.endedAt ?? $0.createdAt) > since }
            found += new.filter { $0.retriedBy == nil }
            if found.count > limit || new.isEmpty || part.count < filter.limit { break }
            filter.before = part.last?.id
        }
        return found
    }

    /// Adds the problems of a file and of its triggers, and what the other triggers wait for.
    private mutating func add(_ hosted: PipelineHost.Hosted, _ api: API, _ context: PageContext) {
        let words = context.words
        if let problem = hosted.problem {
            addProblem(
                words(hosted.isUnreadable ? .fileUnreadable : .fileHasErrors, hosted.file), api.queue.redact(problem),
                hosted.pipeline.map { Link("pipelines", $0.name) } ?? Link("pipelines"))
        }
        guard let pipeline = hosted.pipeline else { return }
        let outlook = api.host.outlook(of: hosted, after: context.now)
        for trigger in pipeline.triggers where !outlook.disabled.contains(trigger.key) {
            switch hosted.triggers[trigger.key] {
            case .problem(let text):
                addProblem(
                    words(.triggerHasProblem, trigger.key, pipeline.name), text, Link("pipelines", pipeline.name))
            case let health?:
                if let tick = outlook.next(of: trigger.key) {
                    next.append((pipeline.name, tick))
                } else {
                    waiting.append((pipeline.name, trigger.key, health.text(words)))
                }
            case nil: break
            }
        }
    }

    /// Adds the problems that do not belong to a file.
    private mutating func addProblems(_ api: API, _ words: Words) async {
        for (kind, title, link) in Self.kinds {
            // One entry for all of a kind: a budget that is used up is also nearly used up.
            let found = await api.host.problems(of: [kind])
            guard !found.isEmpty else { continue }
            let text = found.map { kind == .pluginBroken ? "\($0.subject): \($0.message)" : $0.message }
            addProblem(words(title), api.queue.redact(text.joined(separator: "\n")), link)
        }
        for worker in workers {
            guard let problem = worker.clockProblem else { continue }
            addProblem(words(.clockWrong, worker.host), problem, Link("workers"))
        }
        for held in held { addProblem(words(.runsAreHeld, held.machine), held.message, Link("workers")) }
        let pending = await api.host.pendingRestart
        if !pending.isEmpty {
            addProblem(words(.restartIsNeeded), pending.joined(separator: "\n"), Link("settings"))
        }
        let wrong = await api.host.configurationProblems
        if !wrong.isEmpty {
            addProblem(
                words(.configurationIsWrong), api.queue.redact(wrong.joined(separator: "\n")), Link("settings"))
        }
        if let problem = api.queue.journalProblem {
            addProblem(words(.journalTroubled), api.queue.redact(problem), Link("workers"))
        }
        let stranded = api.queue.strandedRuns
        if !stranded.isEmpty { addProblem(words(.stranded, stranded.count), words(.strandedHint), Link("runs")) }
    }

    private mutating func addProblem(_ title: String, _ text: String, _ link: Link) {
        problems.append(NowPage.Problem(title: title, text: text, link: link))
    }

    /// How many events are looked through for what a step said last.
    private static let lastEvents = 500

    private static func going(_ run: RunRecord, _ journal: any Journal) async throws -> NowPage.Going {
        let steps = try await journal.steps(of: run.id, StepSearch(first: .max, limit: 1))
        let step = steps.open.last { !$0.uses.isEmpty } ?? steps.rows.last
        var going = NowPage.Going(run: run, step: step?.key.description)
        guard let step, !step.state.isFinal else { return going }
        var log = RunLog()
        for (_, event) in try await journal.lastEvents(of: run.id, limit: lastEvents) { log.add(event) }
        going.lastLine = log.texts[step.key.description].flatMap { text in
            text.shown.split(whereSeparator: \.isNewline).last.map { String($0.suffix(120)) }
        }
        return going
    }
}

extension Sequence<String> {
    /// Without repetitions, in order.
    var uniqued: [String] {
        var seen: Set<String> = []
        return filter { seen.insert($0).inserted }
    }
}

/// Runs by hour as bars, those that failed in another colour.
struct HourBars {
    let hours: [HourCount]
    let now: Int64
    let words: Words

    func write(to html: inout HTMLWriter) {
        let first = HourCount.hour(of: now) - 23 * HourCount.length
        var sums = [(all: Int, bad: Int)](repeating: (0, 0), count: 24)
        for hour in hours {
            let index = Int((hour.hour - first) / HourCount.length)
            guard sums.indices.contains(index) else { continue }
            sums[index].all += hour.runs
            if hour.state == .failed { sums[index].bad += hour.runs }
        }
        let most = max(1, sums.map(\.all).max() ?? 1)
        let worst = sums.indices.filter { sums[$0].bad > 0 }.map {
            LocalTime.hour(first + Int64($0) * HourCount.length)
        }
        let label =
            worst.isEmpty
            ? words(.barsLabel) : words(.barsLabelFailed, worst.map { "\($0):00" }.joined(separator: ", "))
        html.bars(sums.count, label: label) { html in
            for (index, sum) in sums.enumerated() {
                html.bar(
                    index, height: sum.all == 0 ? 1 : max(2, sum.all * 40 / most), sum.all == 0 ? "none" : "ok")
                if sum.bad > 0 { html.bar(index, height: max(2, sum.bad * 40 / most), "bad") }
            }
        }
    }
}
