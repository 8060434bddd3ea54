import HTTPTypes
import Hummingbird
import RunnelEngine
import RunnelKit
import RunnelSupport

/// What a page is rendered for.
struct PageContext: Sendable {
    let words: Words
    /// nil: signed out.
    let session: DashboardSession?
    /// Whether there is a session that can be ended.
    var canSignOut = false
    /// Nanoseconds since 1970.
    let now: Int64
    /// Whether the page can be loaded again; the response to a form cannot.
    var isReloadable = true
    /// The address for reloading the page.
    var here: String
    /// What the form did that led here.
    var notice: Notice?
    /// How many of the selected runs the form retried or cancelled, and how many it skipped; nil without a selection.
    var selected: (done: Int, left: Int)?
    /// The triggers there are, for pages that say what started a run.
    var triggers: [TriggerDefinition] = []

    /// Whether the session may start, retry and cancel runs.
    var canRun: Bool { session?.scope ?? .read >= .run }

    var triggerText: TriggerText { TriggerText(triggers: triggers, words: words) }

    /// What a form did, as a page says it after the redirect. The code stands in the address.
    enum Notice: String, Sendable, CaseIterable {
        case started, retried, cancelled, cancelling, endingFinally, seen, nothing, failed, triggerOff,
            triggerOn, replayed, backfilled, nothingMissing, drained, undrained

        var phrase: Phrase {
            switch self {
            case .started: .didStart
            case .retried: .didRetry
            case .cancelled: .didCancel
            case .cancelling: .doesCancel
            case .endingFinally: .doesEndFinally
            case .seen: .didSee
            case .nothing: .didNothing
            case .failed: .didFail
            case .triggerOff: .didDisable
            case .triggerOn: .didEnable
            case .replayed: .didReplay
            case .drained: .didDrain
            case .undrained: .didUndrain
            case .backfilled: .didBackfill
            case .nothingMissing: .didMissNothing
            }
        }
    }

    /// The text of the notice.
    var noticeText: String? {
        guard let notice else { return nil }
        guard let selected else { return words(notice.phrase) }
        let isRetry = notice == .retried
        let text = words(isRetry ? .didRetrySelected : .didCancelSelected, selected.done)
        return selected.left == 0 ? text : "\(text) \(words(isRetry ? .didNotRetry : .didLeaveOut, selected.left))"
    }

    init(_ request: Request, _ context: ServerContext) {
        words = Words(language: Language.of(request))
        session = context.session
        canSignOut = context.session.map { $0.canEnd && $0.caller != DashboardSession.local } ?? false
        now = context.now
        isReloadable = request.method == .get || request.method == .head
        here = isReloadable ? Self.withoutNotice("\(request.uri)") : "/"
        let parts = (try? Query(request, known: nil).one("done"))?.split(separator: "-") ?? []
        notice = parts.first.flatMap { Notice(rawValue: String($0)) }
        let counts = parts.dropFirst().compactMap { Int($0) }
        if counts.count == 2 { selected = (counts[0], counts[1]) }
    }

    /// The address of a page without what a form did.
    static func withoutNotice(_ address: String) -> String {
        let parts = address.split(separator: "?", maxSplits: 1)
        let kept = parts.dropFirst().flatMap { $0.split(separator: "&") }.filter { !$0.hasPrefix("done=") }
        return (parts.first ?? "/") + (kept.isEmpty ? "" : "?" + kept.joined(separator: "&"))
    }

    /// For tests.
    init(language: Language, session: DashboardSession?, now: Int64, here: String = "/") {
        words = Words(language: language)
        (self.session, self.now, self.here) = (session, now, here)
    }
}

/// The parts that all pages share: head, navigation, notice, footer.
struct PageFrame: Sendable {
    enum Section: CaseIterable {
        case now, runs, pipelines, triggers, usage, workers, audit, settings

        var link: Link {
            switch self {
            case .now: Link("")
            case .runs: Link("runs")
            case .pipelines: Link("pipelines")
            case .triggers: Link("triggers")
            case .usage: Link("usage")
            case .workers: Link("workers")
            case .audit: Link("audit")
            case .settings: Link("settings")
            }
        }

        var title: Phrase {
            switch self {
            case .now: .navNow
            case .runs: .navRuns
            case .pipelines: .navPipelines
            case .triggers: .navTriggers
            case .usage: .navUsage
            case .workers: .navWorkers
            case .audit: .navAudit
            case .settings: .navSettings
            }
        }
    }

    let context: PageContext
    var section: Section?
    let title: String
    /// What the page follows, as attributes: all changes, or a run with the number of its next event.
    var live: [(name: StaticString, value: String)] = []

    /// Rendered anew whenever what pages show has changed.
    static let followsAll: [(name: StaticString, value: String)] = [("data-follow", "runs")]
    /// Rendered anew with each heartbeat, too.
    static let followsWorkers: [(name: StaticString, value: String)] = [("data-follow", "workers")]

    func html(_ content: (inout HTMLWriter) -> Void) -> String {
        let words = context.words
        let assets = DashboardAssets.all
        return HTMLWriter.document { html in
            html.element("html", .plain("lang", words.language.rawValue)) { html in
                html.element("head") { html in
                    html.void("meta", .plain("charset", "utf-8"))
                    html.void("meta", .name("viewport"), .plain("content", "width=device-width, initial-scale=1"))
                    html.void("meta", .name("color-scheme"), .plain("content", "light dark"))
                    html.element("title", text: "\(title) · Runnel")
                    html.void(
                        "link", .plain("rel", "icon"), .href(assets.link("icon.svg")), .plain("type", "image/svg+xml"))
                    html.void("link", .plain("rel", "stylesheet"), .href(assets.link("style.css")))
                    html.element("script", .plain("type", "module"), .src(assets.link("page.js"))) { _ in }
                }
                html.element("body") { html in
                    html.element("a", .class("skip"), .plain("href", "#content"), text: words(.skipToContent))
                    header(&html)
                    html.element(
                        "main", .id("content"),
                        .plain(
                            "data-units",
                            [Phrase.unitSeconds, .unitMinutes, .unitHours, .unitDays].map { words($0) }.joined(
                                separator: ",")),
                        .plain("data-now", "\(context.now / 1_000_000)"),
                        context.session != nil && context.isReloadable ? .flag("data-session") : nil,
                        live.first.map { .plain($0.name, $0.value) },
                        live.dropFirst().first.map { .plain($0.name, $0.value) }
                    ) { html in
                        html.element(
                            "p", .class("connection"), .role("status"), .id("connection"),
                            .plain("data-lost", words(.connectionLost)), .plain("data-ended", words(.sessionEnded)),
                            .plain("data-gone", words(.pageGone)), .flag("hidden")
                        ) { _ in }
                        if let text = context.noticeText {
                            html.element("p", .class("notice"), .role("status"), text: text)
                        }
                        content(&html)
                    }
                    footer(&html)
                }
            }
        }
    }

    private func header(_ html: inout HTMLWriter) {
        let words = context.words
        html.element("header", .class("top")) { html in
            html.element("div") { html in
                html.element("a", .class("brand"), .href(Link(""))) { html in
                    html.element(
                        "svg", .plain("width", "20"), .plain("height", "20"), .plain("viewBox", "0 0 20 20"),
                        .plain("aria-hidden", "true")
                    ) { html in
                        html.shape(
                            "path", .plain("d", "M1 6c3-3 6-3 9 0s6 3 9 0M1 14c3-3 6-3 9 0s6 3 9 0"),
                            .plain("fill", "none"), .plain("stroke", "currentColor"), .plain("stroke-width", "2"),
                            .plain("stroke-linecap", "round"))
                    }
                    html.text("Runnel")
                }
                guard context.session != nil else { return }
                html.element("nav", .label(words(.navMain))) { html in
                    for section in Section.allCases
                    where AccessRule.scope(.get, section.link.path) <= context.session?.scope ?? .read {
                        html.element(
                            "a", .href(section.link),
                            section == self.section ? .plain("aria-current", "page") : nil, text: words(section.title))
                    }
                }
            }
        }
    }

    private func footer(_ html: inout HTMLWriter) {
        let words = context.words
        html.element("footer", .class("foot")) { html in
            html.element("form", .plain("method", "post"), .action(Link("language"))) { html in
                if let session = context.session { html.formToken(session) }
                html.hidden("to", context.here)
                for language in Language.allCases {
                    html.element(
                        "button", .class("link"), .name("language"), .value(language.rawValue),
                        .plain("lang", language.rawValue),
                        language == words.language ? .plain("aria-current", "true") : nil, text: language.name)
                }
            }
            html.element("span", .class("soft")) { html in
                html.text(words(.timesAre, LocalTime.zone(context.now)))
            }
            if context.canSignOut, let session = context.session {
                html.element("form", .plain("method", "post"), .action(Link("sign-out"))) { html in
                    html.formToken(session)
                    html.element("button", .class("link"), text: words(.signOut))
                }
            }
        }
    }
}

extension HTMLWriter {
    mutating func hidden(_ name: String, _ value: String) {
        void("input", .plain("type", "hidden"), .name(name), .value(value))
    }

    /// The CSRF token and the id of a form. For the id, see ``Form/dedupeKey(_:)``.
    mutating func formToken(_ session: DashboardSession) {
        hidden("form-token", session.formToken)
        // Without `autocomplete=off`, browsers restore the former id when the page is reloaded.
        void(
            "input", .plain("type", "hidden"), .name("form-id"), .value(UUIDv7.make(nanoseconds: 0)),
            .plain("autocomplete", "off"))
    }

    /// A checkbox that is not ticked. Without `autocomplete=off`, browsers tick those at the same places when the page is
    /// loaded again, which may be of other rows.
    mutating func checkbox(_ name: String, _ value: String) {
        void("input", .plain("type", "checkbox"), .name(name), .value(value), .plain("autocomplete", "off"))
    }

    /// A form with one button.
    mutating func action(
        _ link: Link, _ words: String, _ session: DashboardSession?, needs scope: AccessScope = .run,
        class name: String = "",
        fields: [(String, String)] = []
    ) {
        guard let session, session.scope >= scope else { return }
        element("form", .plain("method", "post"), .action(link)) { html in
            html.formToken(session)
            for (name, value) in fields { html.hidden(name, value) }
            html.element("button", name.isEmpty ? nil : .class(name), text: words)
        }
    }

    /// A tick: short as text, in the zone of its trigger in the title.
    mutating func tick(_ tick: PipelineHost.Tick, _ context: PageContext) {
        element(
            "time", .plain("datetime", Timestamp.text(nanoseconds: tick.time)), .title(tick.text),
            text: context.words.time(tick.time, now: context.now))
    }

    /// A point in time: short as text, whole in its title, and for scripts.
    mutating func time(_ nanoseconds: Int64?, _ context: PageContext) {
        guard let nanoseconds else { return text("—") }
        element(
            "time", .plain("datetime", Timestamp.text(nanoseconds: nanoseconds)), .title(LocalTime.text(nanoseconds)),
            text: context.words.time(nanoseconds, now: context.now))
    }

    mutating func badge(_ state: String, _ words: Words) {
        element("span", .class("badge \(StateStyle.class(state))"), text: words(StateStyle.phrase(state)))
    }

    /// A section with a heading.
    mutating func sheet(
        _ id: StaticString, _ title: String, end: ((inout HTMLWriter) -> Void)? = nil,
        live: Bool = false, content: (inout HTMLWriter) -> Void
    ) {
        let heading = "\(id)-title"
        element(
            "section", .class("sheet"), .id("\(id)"), .labelled(by: heading), live ? .flag("data-live") : nil
        ) { html in
            html.element("header") { html in
                html.element("h2", .id(heading), text: title)
                if let end { html.element("div", .class("end"), content: end) }
            }
            content(&html)
        }
    }

    /// A text of ours: what stands between backticks is code.
    mutating func marked(_ text: String) {
        for (index, part) in text.split(separator: "`", omittingEmptySubsequences: false).enumerated() {
            if index.isMultiple(of: 2) { self.text(String(part)) } else { element("code", text: String(part)) }
        }
    }

    mutating func empty(_ text: String, _ hint: String? = nil) {
        element("div", .class("empty")) { html in
            html.element("p") { $0.marked(text) }
            if let hint { html.element("p", .class("soft")) { $0.marked(hint) } }
        }
    }
}

/// How a state is shown. Never by colour alone: a badge has its word.
enum StateStyle {
    /// The class of the style sheet; only those that it knows.
    static func `class`(_ state: String) -> String { phrases[state] == nil ? "skipped" : state }
    static func phrase(_ state: String) -> Phrase { phrases[state] ?? .stateUnknown }

    private static let phrases: [String: Phrase] = [
        "queued": .stateQueued, "running": .stateRunning, "waiting": .stateWaiting, "succeeded": .stateSucceeded,
        "failed": .stateFailed, "cancelled": .stateCancelled, "skipped": .stateSkipped,
        "interrupted": .stateInterrupted,
    ]
}

/// The page of an error.
struct ErrorPage {
    let error: APIError
    /// Redacted.
    let message: String

    func response(_ request: Request, _ context: ServerContext) -> Response {
        let page = PageContext(request, context)
        let html = PageFrame(context: page, title: "\(error.status)").html { html in
            html.element("div", .class("title")) { html in
                html.element("h1", text: page.words(error.status == 404 ? .notFoundTitle : .errorTitle))
            }
            html.element("div", .class("problem")) { html in
                html.element("p") { $0.outside(message) }
                html.element("p", .class("mono"), text: "\(error.status) \(error.code.rawValue)")
            }
            html.element("p") { html in
                html.element("a", .class("button"), .href(Link("")), text: page.words(.backToNow))
            }
        }
        var response = Response.page(html, status: error.status)
        for field in error.headers { response.headers.append(field) }
        return response
    }
}
