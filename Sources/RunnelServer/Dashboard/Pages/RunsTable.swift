import RunnelEngine
import RunnelKit
import RunnelSupport

/// Rows of runs, for all pages that list them.
struct RunsTable {
    let context: PageContext
    let runs: [RunRecord]
    /// Whether each row can be selected for a form around the table.
    var isSelectable = false
    var caption: String

    func write(to html: inout HTMLWriter) {
        let words = context.words
        html.table(
            caption, words, isSelectable ? .hidden(.columnSelect, class: "select") : .text(),
            .text(.columnState, .columnPipeline, .columnTrigger, .columnWhy), .numbers(.columnCreated, .columnTook),
            class: "runs"
        ) { html in
            for run in runs { row(run, &html) }
        }
    }

    private func row(_ run: RunRecord, _ html: inout HTMLWriter) {
        let words = context.words
        html.element("tr", .plain("data-run", run.id)) { html in
            if isSelectable {
                html.element("td", .class("select")) { html in
                    html.element("label") { html in
                        html.checkbox("run", run.id)
                        html.element("span", .class("hidden"), text: words(.selectRun, run.pipeline, run.id))
                    }
                }
            }
            html.element("td") { $0.badge(run.stateText, words) }
            html.element("td", .class("name")) { html in
                html.element("a", .href(Link("runs", run.id))) { $0.outside(run.pipeline) }
            }
            html.element("td", .class("from")) { $0.outside(context.triggerText.short(run.trigger)) }
            html.element("td", .class("why")) { RunReason.write(run, context, to: &$0) }
            html.element("td", .class("num"), .plain("data-label", words(.columnCreated))) { html in
                html.time(run.createdAt, context)
            }
            html.element("td", .class("num"), .plain("data-label", words(.columnTook))) { html in
                RunReason.took(run, context, &html)
            }
        }
    }
}

/// Why a run is as it is, in one line.
enum RunReason {
    private static let limit = 240

    /// - Returns: Whether there is something to say.
    @discardableResult
    static func write(_ run: RunRecord, _ context: PageContext, to html: inout HTMLWriter) -> Bool {
        let words = context.words
        if let error = run.error, run.state == .failed {
            let error = RunError(json: error)
            let step = error.stepID.map { "\($0): " } ?? ""
            let first = error.message.split(whereSeparator: \.isNewline).first.map(String.init) ?? ""
            let retry = run.retriedBy.map { words(.whyRetried, String($0.prefix(13))) + " " } ?? ""
            html.text(retry + step)
            html.outside(String(first.prefix(limit)))
            html.text(" (")
            html.outside(error.code)
            html.text(")")
        } else if run.isInterrupted {
            html.text(words(.whyInterrupted))
        } else if run.state == .waiting, let time = run.wakeAt {
            html.text(words(.whyWaiting, words.relative(time, now: context.now)))
        } else if run.isCancelRequested, !run.state.isFinal {
            html.text(words(.whyCancelling))
        } else {
            return false
        }
        return true
    }

    /// How long the run took, or for how long it has been running.
    static func took(_ run: RunRecord, _ context: PageContext, _ html: inout HTMLWriter) {
        guard let start = run.startedAt, let took = run.took(now: context.now) else { return html.text("—") }
        let text = context.words.took(took.nanoseconds)
        if run.endedAt != nil { return html.text(text) }
        html.element("span", .plain("data-since", Timestamp.text(nanoseconds: start)), text: text)
    }
}

/// What started a run, in a few words. Triggers say it themselves; see ``Trigger/titles`` and ``Trigger/summary(of:)``.
struct TriggerText {
    /// What the registry has; a trigger that is gone is called by its name.
    let triggers: [TriggerDefinition]
    let words: Words

    private static let limit = 120

    /// `trigger.type` of runs that a person starts.
    private static let manual = "manual"

    /// What can have started a run, with titles.
    var choices: [(value: String, title: String)] {
        ([Self.manual] + triggers.map(\.name)).map { ($0, title($0)) }
    }

    /// The type of a trigger, as a person calls it.
    func title(_ type: String) -> String {
        type == Self.manual ? words(.triggerManual) : trigger(type)?.titles[words.language.rawValue] ?? type
    }

    func short(_ payload: Value) -> String {
        let type = payload["type"]?.asString ?? ""
        let title = title(type)
        let summary = trigger(type)?.payloadSummary(SecretSeal.masked(payload))
        return summary.map { "\(title) \($0.prefix(Self.limit))" } ?? title
    }

    private func trigger(_ type: String) -> TriggerDefinition? { triggers.first { $0.name == type } }
}
