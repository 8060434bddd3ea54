import RunnelEngine
import RunnelKit
import RunnelSupport

/// All triggers of all pipelines, and what was delivered to hooks.
struct TriggersPage {
    let context: PageContext
    let pipelines: [(hosted: PipelineHost.Hosted, outlook: PipelineHost.Outlook)]
    let query: DeliveryQuery
    /// The deliveries of the query.
    let found: [DeliveryRecord]
    /// The names of pipelines with hooks.
    let hooked: Set<String>
    let hasLedger: @Sendable (TriggerDeclaration) -> Bool

    func html() -> String {
        let words = context.words
        let rows = pipelines.flatMap { hosted, outlook in
            (hosted.pipeline?.triggers ?? []).map {
                TriggerRow(
                    context: context, hosted: hosted, trigger: $0, outlook: outlook, hasLedger: hasLedger($0),
                    showsPipeline: true)
            }
        }.sorted { $0.isProblem && !$1.isProblem }
        return PageFrame(
            context: context, section: .triggers, title: words(.navTriggers), live: PageFrame.followsAll
        ).html { html in
            html.element("div", .class("title")) { $0.element("h1", text: words(.navTriggers)) }
            html.element("section", .class("sheet"), .id("triggers"), .flag("data-live"), .label(words(.navTriggers))) {
                html in
                guard !rows.isEmpty else { return html.empty(words(.noTriggersAtAll), words(.noTriggersHint)) }
                html.table(
                    words(.navTriggers), words, .text(.columnState, .columnPipeline, .columnTrigger, .columnWhy),
                    .hidden(.columnAction)
                ) { html in
                    for row in rows { row.write(to: &html) }
                }
            }
            DeliveryList(context: context, query: query, found: found, pipelines: choices).write(to: &html)
        }
    }

    /// The choices of the pipeline filter: pipelines with a hook, those of the shown deliveries, and the selected one.
    private var choices: [String] {
        hooked.union(found.map(\.pipeline)).union(query.pipeline.map { [$0] } ?? []).sorted()
    }
}

/// What operators did.
struct AuditPage {
    let context: PageContext
    /// Up to one more than a page.
    let entries: [AuditEntry]
    let isHead: Bool

    static let limit = 100
    /// The actions whose outcome is a run.
    private static let startingRuns: Set = ["start-run", "retry-run", "replay-delivery"]

    func html() -> String {
        let words = context.words
        return PageFrame(
            context: context, section: .audit, title: words(.navAudit), live: isHead ? PageFrame.followsAll : []
        ).html { html in
            html.element("div", .class("title")) { $0.element("h1", text: words(.navAudit)) }
            html.element("section", .class("sheet"), .id("audit"), .flag("data-live"), .label(words(.navAudit))) {
                html in
                guard !entries.isEmpty else { return html.empty(words(.noAudit)) }
                html.table(
                    words(.navAudit), words,
                    .text(.columnTime, .columnCaller, .columnAction, .columnSubject, .columnOrigin)
                ) { html in
                    for entry in entries.prefix(Self.limit) { row(entry, &html) }
                }
            }
            let last = entries.count > Self.limit ? entries.prefix(Self.limit).last : nil
            html.pages(
                words(.navPages), live: "audit-pages", first: isHead ? nil : (Link("audit"), words(.newest)),
                next: last.map { (Link("audit").with("before", "\($0.number)"), words(.older)) })
        }
    }

    private func row(_ entry: AuditEntry, _ html: inout HTMLWriter) {
        let words = context.words
        html.element("tr") { html in
            html.element("td", .plain("data-label", words(.columnTime))) { $0.time(entry.time, context) }
            html.element("td", .class("from"), .plain("data-label", words(.columnCaller))) { $0.outside(entry.caller) }
            html.element("td", .class("mono"), .plain("data-label", words(.columnAction))) { $0.outside(entry.action) }
            html.element("td", .class("why"), .plain("data-label", words(.columnSubject))) { html in
                if entry.action == "replay-delivery" {
                    html.element("a", .class("mono"), .href(Link("deliveries", entry.subject))) {
                        $0.outside(entry.subject)
                    }
                } else if entry.action.hasSuffix("-run"), entry.action != "start-run" {
                    html.element("a", .class("mono"), .href(Link("runs", entry.subject))) { $0.outside(entry.subject) }
                } else {
                    html.outside(entry.subject)
                }
                if !entry.outcome.isEmpty {
                    html.text(" → ")
                    if Self.startingRuns.contains(entry.action) {
                        html.element("a", .class("mono"), .href(Link("runs", entry.outcome))) {
                            $0.outside(entry.outcome)
                        }
                    } else {
                        html.outside(entry.outcome)
                    }
                }
            }
            html.element("td", .class("from mono"), .plain("data-label", words(.columnOrigin))) {
                $0.outside(entry.origin)
            }
        }
    }
}

/// The effective configuration.
struct SettingsPage {
    let context: PageContext
    let settings: [EffectiveSetting]
    /// The paths of changed settings that wait for a restart.
    let pending: [String]

    func html() -> String {
        let words = context.words
        return PageFrame(
            context: context, section: .settings, title: words(.navSettings), live: PageFrame.followsAll
        ).html { html in
            html.element("div", .class("title")) { $0.element("h1", text: words(.navSettings)) }
            html.element("p", .class("soft"), text: words(.settingsHelp))
            html.element("section", .class("sheet"), .id("settings"), .flag("data-live"), .label(words(.navSettings))) {
                html in
                html.table(words(.navSettings), words, .text(.columnSetting, .columnValue, .columnSource)) { html in
                    for setting in settings { row(setting, &html) }
                }
            }
        }
    }

    private func row(_ setting: EffectiveSetting, _ html: inout HTMLWriter) {
        let words = context.words
        html.element("tr") { html in
            html.element("td", .class("name mono")) { $0.outside(setting.key) }
            html.element("td", .class("why mono"), .plain("data-label", words(.columnValue))) { html in
                switch setting.value {
                case .shown(let value): html.outside(value)
                case .secret: html.element("span", .class("soft"), text: words(.secretIsSet))
                }
                if pending.contains(where: { setting.isAt($0) }) {
                    html.element("span", .class("soft"), text: " " + words(.settingWaits))
                }
            }
            html.element("td", .class("from"), .plain("data-label", words(.columnSource))) { html in
                switch setting.source {
                case .defaultValue: html.text(words(.sourceDefault))
                case .file(let place): html.outside(place)
                case .environment(let name): html.element("span", .class("mono")) { $0.outside(name) }
                case .commandLine: html.text(words(.sourceCommandLine))
                }
            }
        }
    }
}
