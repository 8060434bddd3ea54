import RunnelEngine
import RunnelKit
import RunnelSupport

/// All runs, newest first, by filters that are links.
struct RunsPage {
    let context: PageContext
    let query: RunQuery
    let found: RunSearch.Page
    /// The names of the served pipelines.
    let pipelines: [String]
    let counts: OpenRuns

    func html() -> String {
        let words = context.words
        let isHead = query.before == nil
        return PageFrame(
            context: context, section: .runs, title: words(.navRuns), live: isHead ? PageFrame.followsAll : []
        ).html { html in
            html.element("div", .class("title")) { html in
                html.element("h1", text: words(.navRuns))
                html.element(
                    "span", .class("soft"), .id("open-runs"), .flag("data-live"),
                    text: words(.openRuns, words.number(counts.running.count), words.number(counts.queued)))
            }
            filters(&html)
            html.element("form", .plain("method", "post"), .action(Link("runs", "selected")), .class("select-form")) {
                html in
                if let session = context.session { html.formToken(session) }
                html.hidden("to", query.link.text)
                html.element("section", .class("sheet"), .id("runs"), .flag("data-live"), .label(words(.navRuns))) {
                    html in
                    if found.runs.isEmpty {
                        html.empty(
                            query.isAll ? words(.noRuns) : words(.noRunsHere),
                            query.isAll ? words(.noRunsHint) : found.next == nil ? nil : words(.searchedPart))
                    } else {
                        RunsTable(
                            context: context, runs: found.runs, isSelectable: context.canRun,
                            caption: words(.navRuns)
                        )
                        .write(
                            to: &html)
                    }
                }
                // With the rows, so that the next page begins where they end.
                html.element("div", .class("below"), .id("below-runs"), .flag("data-live")) { html in
                    if !found.runs.isEmpty, context.canRun {
                        html.element("div", .class("bulk")) { html in
                            html.element("span", .class("soft"), text: words(.withSelected))
                            html.element("button", .name("do"), .value("retry"), text: words(.retry))
                            html.element("button", .name("do"), .value("cancel"), text: words(.cancel))
                        }
                    }
                    html.pages(
                        words(.navPages), first: isHead ? nil : (query.newest.link, words(.newest)),
                        next: found.next.map {
                            (query.older(than: $0).link, words(found.isCut ? .searchFurther : .older))
                        })
                }
            }
        }
    }

    private func filters(_ html: inout HTMLWriter) {
        let words = context.words
        html.element("nav", .class("filters"), .label(words(.navFilters))) { html in
            link(words(.filterAll), query.with { $0.states = [] }, query.states.isEmpty, &html)
            let states: [SeenRunState] = [
                .running, .queued, .waiting, .failed, .succeeded, .cancelled, .interrupted, .skipped,
            ]
            for state in states {
                link(
                    words(StateStyle.phrase(state.rawValue)), query.with { $0.states = [state] },
                    query.states == [state], &html)
            }
            for (hours, title) in [(1, Phrase.filterHour), (24, Phrase.filterDay), (7 * 24, Phrase.filterWeek)] {
                let isCurrent = query.hours == hours
                link(words(title), query.with { $0.hours = isCurrent ? nil : hours }, isCurrent, &html)
            }
        }
        html.element("details", .class("more"), query.hasMore ? .flag("open") : nil) { html in
            html.element("summary", text: words(.moreFilters))
            html.element("form", .class("search"), .plain("method", "get"), .action(Link("runs"))) { html in
                for state in query.stateNames { html.hidden("state", state) }
                if let hours = query.hours { html.hidden("hours", "\(hours)") }
                select("pipeline", words(.columnPipeline), pipelines.map { ($0, $0) }, query.pipeline, &html)
                select("trigger", words(.columnTrigger), context.triggerText.choices, query.trigger, &html)
                html.element("div") { html in
                    html.element("label", .for("text"), text: words(.textInError))
                    html.void("input", .id("text"), .name("text"), .plain("type", "search"), .value(query.text ?? ""))
                }
                html.element("button", text: words(.apply))
            }
        }
    }

    private func select(
        _ name: String, _ title: String, _ choices: [(value: String, title: String)], _ chosen: String?,
        _ html: inout HTMLWriter
    ) {
        html.element("div") { html in
            html.element("label", .for(name), text: title)
            html.element("select", .id(name), .name(name)) { html in
                html.element("option", .value(""), text: context.words(.any))
                var choices = choices
                if let chosen, !choices.contains(where: { $0.value == chosen }) { choices.append((chosen, chosen)) }
                for choice in choices {
                    html.element(
                        "option", .value(choice.value), choice.value == chosen ? .flag("selected") : nil,
                        text: choice.title)
                }
            }
        }
    }

    private func link(_ text: String, _ query: RunQuery, _ isCurrent: Bool, _ html: inout HTMLWriter) {
        html.element("a", .href(query.link), isCurrent ? .plain("aria-current", "true") : nil, text: text)
    }
}

/// The runs that have not ended.
struct OpenRuns: Sendable {
    /// The newest of them, up to a thousand.
    var running: [RunRecord] = []
    /// Interrupted ones included.
    var queued = 0
    var waiting = 0

    static func load(_ journal: any Journal) async throws(JournalError) -> OpenRuns {
        let owned = try await journal.asSeen(journal.runs(RunFilter(states: [.running], limit: 1000)))
        return OpenRuns(
            running: owned.filter { $0.state == .running }, queued: try await journal.seenQueuedCount(),
            waiting: try await journal.waitingCount())
    }
}

/// The filters of the page of runs, as they stand in its address.
struct RunQuery: Sendable, Hashable {
    var states: Set<SeenRunState> = []
    var pipeline: String?
    /// `trigger.type`.
    var trigger: String?
    /// Only runs of the last hours.
    var hours: Int?
    /// A text in the error.
    var text: String?
    /// Only runs older than this one.
    var before: String?

    static let names = ["state", "pipeline", "trigger", "hours", "text", "before", "done"]

    init(_ query: Query) throws(APIError) {
        for name in query.all("state") where !name.isEmpty {
            guard let state = SeenRunState(rawValue: name) else {
                throw Query.error("there is no state \(Value.string(name).quoted(limit: 100))")
            }
            states.insert(state)
        }
        func text(_ name: String) throws(APIError) -> String? {
            try query.one(name).flatMap { $0.isEmpty ? nil : $0 }
        }
        (pipeline, trigger, self.text, before) = (
            try text("pipeline"), try text("trigger"), try text("text"), try query.runID("before")
        )
        if let hours = try text("hours") {
            guard let number = Int(hours), (1...24 * 366).contains(number) else {
                throw Query.error(
                    "hours: expected a number from 1 to 8784, found \(Value.string(hours).quoted(limit: 100))")
            }
            self.hours = number
        }
    }

    var isAll: Bool { with { $0.before = nil } == RunQuery() }
    var hasMore: Bool { pipeline != nil || trigger != nil || text != nil }
    var stateNames: [String] { states.map(\.rawValue).sorted() }

    private init() {}

    func with(_ change: (inout RunQuery) -> Void) -> RunQuery {
        var copy = self
        copy.before = nil
        change(&copy)
        return copy
    }

    var newest: RunQuery { with { _ in } }
    func older(than id: String) -> RunQuery { with { $0.before = id } }

    var link: Link {
        Link("runs").with("state", each: stateNames).with("pipeline", pipeline).with("trigger", trigger)
            .with("hours", hours.map(String.init)).with("text", text).with("before", before)
    }
}

/// Finds runs for people, within a limit of examined runs, so that a page at a million runs takes milliseconds.
struct RunSearch: Sendable {
    struct Page: Sendable {
        var runs: [RunRecord] = []
        /// The run before which the next page begins; nil: there are no more.
        var next: String?
        /// Whether the search ended at its limit and not with a full page.
        var isCut = false
    }

    let journal: any Journal
    var limit = 50
    /// How many runs are examined for one page.
    var maximumExamined = 1500
    /// Nanoseconds since 1970.
    let now: Int64

    func page(_ query: RunQuery) async throws(JournalError) -> Page {
        var filter = RunFilter(
            states: Set(query.states.map(\.stored)), pipeline: query.pipeline, before: query.before, limit: limit + 1)
        // Only failed runs have an error.
        if query.text != nil, filter.states.isEmpty { filter.states = [.failed] }
        let isExact = query.trigger == nil && query.text == nil && !query.states.contains(.interrupted)
        if !isExact { filter.limit = 500 }
        let since = query.hours.map { now - Int64($0) * HourCount.length }
        let text = query.text.map(SearchText.init)
        var page = Page()
        var examined = 0
        while true {
            let part = try await journal.seenPage(filter)
            for run in part.runs {
                if let since, run.createdAt < since { return page }
                if page.runs.count == limit {
                    page.next = page.runs.last?.id
                    return page
                }
                examined += 1
                if matches(run, query, text) { page.runs.append(run) }
            }
            guard let next = part.next else { return page }
            if examined >= maximumExamined {
                (page.next, page.isCut) = (next, true)
                return page
            }
            filter.before = next
        }
    }

    private func matches(_ run: RunRecord, _ query: RunQuery, _ text: SearchText?) -> Bool {
        guard run.isSeen(in: query.states) else { return false }
        if let trigger = query.trigger, run.trigger["type"]?.asString != trigger { return false }
        guard let text else { return true }
        guard let error = run.error else { return false }
        return text.isIn("\(error["code"]?.asString ?? "") \(error["message"]?.asString ?? "")")
    }
}

/// A text that people look for, in upper or lower case.
struct SearchText: Sendable {
    private let lowercased: String
    /// nil where characters are more than bytes: outside of ASCII, and in CR LF, which is one character.
    private let bytes: [UInt8]?

    init(_ text: String) {
        lowercased = text.lowercased()
        let isPlain = !lowercased.isEmpty && lowercased.utf8.allSatisfy { (0x20..<0x7F).contains($0) }
        bytes = isPlain ? Array(lowercased.utf8) : nil
    }

    /// Whether a text holds it. Where both are ASCII, no lowercase copy is made: in a search of a thousand runs those take
    /// most of the time.
    func isIn(_ text: String) -> Bool {
        guard let bytes, text.utf8.allSatisfy({ $0 < 0x80 }) else { return text.lowercased().contains(lowercased) }
        var text = text
        return text.withUTF8 { text in
            guard text.count >= bytes.count else { return false }
            return (0...text.count - bytes.count).contains { start in
                bytes.indices.allSatisfy { text[start + $0].lowercasedASCII == bytes[$0] }
            }
        }
    }
}
