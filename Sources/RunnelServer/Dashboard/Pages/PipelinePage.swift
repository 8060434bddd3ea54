import RunnelEngine
import RunnelKit
import RunnelSupport
import YAML

/// One pipeline: how it went, what starts it, a form to start it, its drawing and its source.
struct PipelinePage {
    var context: PageContext
    let hosted: PipelineHost.Hosted
    let pipeline: Pipeline
    let recent: RecentRuns
    let outlook: PipelineHost.Outlook
    let redact: @Sendable (String) -> String
    let hasLedger: @Sendable (TriggerDeclaration) -> Bool
    /// What was typed into the form, and what is wrong with it.
    var typed: [String: String] = [:]
    var typedPriority: String?
    var isPriorityWrong = false
    var problem: String?

    /// The maximum number of ticks that are shown.
    static let ticks = 5

    func html() -> String {
        let words = context.words
        return PageFrame(
            context: context, section: .pipelines, title: pipeline.name,
            // The response to a form cannot be reloaded.
            live: problem == nil ? PageFrame.followsAll : []
        ).html { html in
            html.element("div", .class("title")) { html in
                html.element("h1") { $0.outside(pipeline.name) }
                html.element("div", .class("actions")) { html in
                    html.element(
                        "a", .class("button"), .href(Link("runs").with("pipeline", pipeline.name)),
                        text: words(.allRuns))
                    if context.canRun {
                        html.element(
                            "a", .class("button first"), .href(Link("pipelines", pipeline.name).at("start")),
                            text: words(.start))
                    }
                }
            }
            if let description = pipeline.description {
                html.element("p", .class("soft")) { $0.outside(String(description.prefix(2000))) }
            }
            figures(&html)
            html.element("div", .class("two")) { html in
                html.element("div", .class("stacked")) { html in
                    triggers(&html)
                    runs(&html)
                }
                html.element("div", .class("stacked")) { html in
                    form(&html)
                }
            }
            html.sheet("drawing", words(.drawing)) { html in
                PipelineDrawing(pipeline: pipeline, words: words).write(to: &html)
            }
            SourceSheet(context: context, hosted: hosted, redact: redact).write(to: &html)
        }
    }

    private func figures(_ html: inout HTMLWriter) {
        let words = context.words
        html.element("section", .class("tiles"), .label(words(.lastRuns)), .id("figures"), .flag("data-live")) { html in
            html.element("div", .class("sheet tile wide")) { html in
                html.element("span", .class("soft"), text: words(.lastRuns))
                if recent.runs.isEmpty {
                    html.element("p", .class("soft"), text: words(.neverRan))
                } else {
                    RunBars(recent: recent, words: words).write(to: &html)
                }
            }
            figure(words(.successRate), recent.successRate.map { "\($0) %" }, &html)
            figure(words(.median), recent.duration(percentile: 50).map { words.took($0) }, &html)
            figure(words(.slowest), recent.duration(percentile: 95).map { words.took($0) }, &html)
        }
    }

    private func figure(_ title: String, _ value: String?, _ html: inout HTMLWriter) {
        html.element("div", .class("sheet tile")) { html in
            html.element("span", .class("soft"), text: title)
            html.element("b", text: value ?? "—")
        }
    }

    private func triggers(_ html: inout HTMLWriter) {
        let words = context.words
        html.sheet("triggers", words(.navTriggers), live: true) { html in
            guard !pipeline.triggers.isEmpty else { return html.empty(words(.noTriggers), words(.noTriggersHint)) }
            html.table(words(.navTriggers), words) { html in
                for trigger in pipeline.triggers {
                    TriggerRow(
                        context: context, hosted: hosted, trigger: trigger, outlook: outlook,
                        hasLedger: hasLedger(trigger)
                    ).write(to: &html)
                }
            }
            if !outlook.ticks.isEmpty {
                html.element("div", .class("inset")) { html in
                    html.element("h3", text: words(.nextTicks))
                    html.element("ol", .class("ticks")) { html in
                        for tick in outlook.ticks.prefix(Self.ticks) {
                            html.element("li") { html in
                                html.tick(tick, context)
                                html.element(
                                    "span", .class("soft"), text: " " + words.relative(tick.time, now: context.now))
                            }
                        }
                    }
                }
            }
            if outlook.hasTicks { backfill(&html) }
        }
    }

    private func backfill(_ html: inout HTMLWriter) {
        let words = context.words
        guard let session = context.session, session.scope >= .run else { return }
        // To the minute, as the field has it.
        let now = String(LocalTime.text(context.now).prefix(16))
        html.element("details", .id("backfill")) { html in
            html.element("summary", text: words(.backfill))
            html.element(
                "form", .class("stack inset"), .plain("method", "post"),
                .action(Link("pipelines", pipeline.name, "backfill"))
            ) { html in
                html.formToken(session)
                html.element(
                    "p", .class("soft"),
                    text: words(.backfillHelp) + " " + words(.timesAre, LocalTime.zone(context.now)))
                for (name, title) in [("from", words(.backfillFrom)), ("to", words(.backfillTo))] {
                    html.element("div", .class("field")) { html in
                        html.element("label", .for("backfill-\(name)"), text: title)
                        html.void(
                            "input", .id("backfill-\(name)"), .name(name), .flag("required"),
                            .plain("type", "datetime-local"), name == "to" ? .value(now) : nil)
                    }
                }
                html.element("label") { html in
                    html.checkbox("again", "true")
                    html.text(" " + words(.backfillAgain))
                }
                html.element("label") { html in
                    html.checkbox("old", "true")
                    html.text(" " + words(.backfillOld))
                }
                html.element("div", .class("buttons")) { html in
                    html.element("button", text: words(.backfillStart))
                }
            }
        }
    }

    private func runs(_ html: inout HTMLWriter) {
        let words = context.words
        html.sheet("recent", words(.latestRuns), live: true) { html in
            guard !recent.runs.isEmpty else { return html.empty(words(.neverRan)) }
            html.element("ul", .class("rows")) { html in
                for run in recent.runs.prefix(10) {
                    html.element("li") { html in
                        html.badge(run.stateText, words)
                        html.element("a", .href(Link("runs", run.id))) { $0.time(run.createdAt, context) }
                        html.element("span", .class("soft cut")) { html in
                            if !RunReason.write(run, context, to: &html) {
                                html.outside(context.triggerText.short(run.trigger))
                            }
                        }
                        html.element("span", .class("num soft")) { RunReason.took(run, context, &$0) }
                    }
                }
            }
        }
    }

    // MARK: - Starting

    private func form(_ html: inout HTMLWriter) {
        let words = context.words
        guard context.canRun else { return }
        html.sheet("start", words(.startTitle)) { html in
            html.element(
                "form", .class("stack inset"), .plain("method", "post"),
                .action(Link("pipelines", pipeline.name, "start").at("start"))
            ) { html in
                if let session = context.session { html.formToken(session) }
                if let problem {
                    html.element("div", .class("problem"), .id("start-problem"), .role("alert")) { html in
                        html.element("p") { $0.outside(problem) }
                    }
                }
                if pipeline.inputs.isEmpty { html.element("p", .class("soft"), text: words(.noInputs)) }
                for input in pipeline.inputs { field(input, &html) }
                priority(&html)
                html.element("div", .class("buttons")) { html in
                    html.element("button", .class("first"), .name("do"), .value("start"), text: words(.start))
                    html.element("button", .name("do"), .value("dry-run"), text: words(.dryRun))
                }
            }
        }
    }

    private func priority(_ html: inout HTMLWriter) {
        let words = context.words
        html.element("div", .class("field")) { html in
            html.element("label", .for("priority"), text: words(.factPriority))
            html.void(
                "input", .id("priority"), .name("priority"), .plain("type", "number"),
                .plain("min", "\(RunPriority.levels.lowerBound)"), .plain("max", "\(RunPriority.levels.upperBound)"),
                .plain("step", "1"), .value(typedPriority ?? "\(pipeline.priority)"),
                isPriorityWrong ? .plain("aria-invalid", "true") : nil,
                isPriorityWrong ? .plain("aria-describedby", "start-problem") : nil)
            html.element("p", .class("soft"), text: words(.priorityHelp))
        }
    }

    private func field(_ input: InputDeclaration, _ html: inout HTMLWriter) {
        let words = context.words
        let id = "input-\(input.name)"
        let name = "input.\(input.name)"
        let value = typed[input.name] ?? input.defaultValue.map(\.text) ?? ""
        let required: HTMLWriter.Attribute? = input.isRequired ? .flag("required") : nil
        html.element("div", .class("field")) { html in
            html.element("label", .for(id)) { html in
                html.outside(input.name)
                if input.isRequired { html.element("span", .class("soft"), text: " " + words(.required)) }
            }
            if let choices = input.choices ?? (input.kind == .boolean ? [true, false] : nil) {
                html.element("select", .id(id), .name(name), required) { html in
                    let hasDefault = input.defaultValue.map(choices.contains) ?? false
                    if !hasDefault, !input.isRequired || value.isEmpty {
                        html.element("option", .value(""), text: "—")
                    }
                    for choice in choices.map(\.text) {
                        html.element("option", .value(choice), choice == value ? .flag("selected") : nil, text: choice)
                    }
                }
            } else if input.kind == .number || input.kind == .integer {
                html.void(
                    "input", .id(id), .name(name), .plain("inputmode", input.kind == .integer ? "numeric" : "decimal"),
                    .value(value), required)
            } else {
                let isLong = input.kind == .list || input.kind == .object || value.count > 60 || value.contains("\n")
                html.element(
                    "textarea", .id(id), .name(name), .plain("rows", isLong ? "5" : "1"), required,
                    input.kind == .string ? nil : .class("mono"), text: value)
            }
            html.element("p", .class("soft")) { html in
                if let help = input.help { html.outside(help + " ") }
                if input.kind == .list || input.kind == .object { html.text(words(.asJSON)) }
            }
        }
    }

}

/// The source of a served file with what is wrong at its lines.
struct SourceSheet {
    let context: PageContext
    let hosted: PipelineHost.Hosted
    let redact: @Sendable (String) -> String

    func write(to html: inout HTMLWriter) {
        let words = context.words
        guard let sources = hosted.report?.sources, let own = sources.first else { return }
        var problems: [Int: [String]] = [:]
        var general: [String] = []
        var inIncluded: [String: [Int: [String]]] = [:]
        for diagnostic in hosted.report?.diagnostics ?? [] {
            let line = redact(diagnostic.message + (diagnostic.hint.map { "; \($0)" } ?? ""))
            if hosted.report?.included[diagnostic.file] != nil {
                inIncluded[diagnostic.file, default: [:]][diagnostic.range?.start.line ?? 1, default: []].append(line)
            } else if let start = diagnostic.range?.start.line {
                problems[start, default: []].append(line)
            } else {
                general.append(line)
            }
        }
        if hosted.problem != nil, problems.isEmpty, general.isEmpty, inIncluded.isEmpty {
            general = [redact(hosted.problem ?? "")]
        }
        html.sheet(
            "source", words(.source),
            end: { html in
                html.element("span", .class("mono soft")) { $0.outside(hosted.file) }
            }
        ) { html in
            if hosted.problem != nil {
                html.element("div", .class("problem")) { html in
                    let served: Phrase = hosted.isUnreadable ? .lastReadServed : .lastVersionServed
                    html.element("p", text: words(hosted.pipeline == nil ? .fileNotServed : served))
                    for line in general { html.element("p") { $0.outside(line) } }
                }
            }
            SourceView(text: redact(own.text), problems: problems).write(to: &html)
            for source in sources.dropFirst() {
                html.element("p", .class("mono soft")) { $0.outside(source.name) }
                SourceView(text: redact(source.text), problems: inIncluded[source.name] ?? [:]).write(to: &html)
            }
        }
    }
}

/// A trigger with what it waits for or its problem.
struct TriggerRow {
    let context: PageContext
    let hosted: PipelineHost.Hosted
    let trigger: TriggerDeclaration
    /// Of the pipeline's triggers.
    let outlook: PipelineHost.Outlook
    var hasLedger = false
    var showsPipeline = false

    var isProblem: Bool { hosted.triggers[trigger.key]?.isProblem ?? false }

    func write(to html: inout HTMLWriter) {
        let words = context.words
        let health = hosted.triggers[trigger.key]
        let isDisabled = outlook.disabled.contains(trigger.key)
        html.element("tr") { html in
            html.element("td") { html in
                switch health {
                case _ where isDisabled:
                    html.element("span", .class("badge skipped"), text: words(.disabled))
                case .problem: html.element("span", .class("badge failed"), text: words(.problem))
                case .waiting: html.element("span", .class("badge succeeded"), text: words(.ready))
                case nil: html.element("span", .class("badge waiting"), text: words(.starting))
                }
            }
            if showsPipeline {
                html.element("td", .class("name")) { html in
                    let name = hosted.pipeline?.name ?? ""
                    html.element("a", .href(Link("pipelines", name))) { $0.outside(name) }
                }
            }
            html.element("td", .class("from mono")) { $0.outside(trigger.key) }
            html.element("td", .class("why")) { html in
                switch health {
                case _ where isDisabled: break
                case let health?:
                    if !isProblem, let next = outlook.next(of: trigger.key) {
                        html.text(words(.nextAt) + " ")
                        html.tick(next, context)
                    } else {
                        html.outside(health.text(words))
                    }
                case nil: break
                }
                if hasLedger, let pipeline = hosted.pipeline {
                    html.text(" ")
                    html.element(
                        "a", .href(Link("pipelines", pipeline.name, "ledger").with("trigger", trigger.key)),
                        text: words(.ledger))
                }
            }
            html.element("td", .class("num")) { html in
                guard let pipeline = hosted.pipeline else { return }
                let isDisabled = hosted.disabled.contains(trigger.key)
                html.action(
                    Link("pipelines", pipeline.name, "trigger"), words(isDisabled ? .enable : .disable),
                    context.session, needs: .admin, class: "link",
                    fields: [
                        ("key", trigger.key), ("enabled", isDisabled ? "true" : "false"),
                        ("to", showsPipeline ? "/triggers" : Link("pipelines", pipeline.name).text),
                    ])
            }
        }
    }
}

/// A file that has no valid version.
struct BrokenFilePage {
    let context: PageContext
    let hosted: PipelineHost.Hosted
    let redact: @Sendable (String) -> String

    func html() -> String {
        PageFrame(context: context, section: .pipelines, title: hosted.file).html { html in
            html.element("div", .class("title")) { html in
                html.element("h1") { $0.outside(hosted.file) }
                html.element(
                    "span", .class("badge failed"), text: context.words(hosted.isUnreadable ? .unreadable : .hasErrors))
            }
            SourceSheet(context: context, hosted: hosted, redact: redact).write(to: &html)
        }
    }
}

/// What a dry run did, up to the first step with a cost or a side effect.
struct DryRunPage {
    let context: PageContext
    let pipeline: Pipeline
    let events: [RunEvent]
    /// Whether there were more before.
    let isCut: Bool

    func html() -> String {
        let words = context.words
        return PageFrame(context: context, section: .pipelines, title: words(.dryRun)).html { html in
            html.element("div", .class("title")) { html in
                html.element("h1") { html in
                    html.text(words(.dryRun) + " · ")
                    html.outside(pipeline.name)
                }
                html.element("div", .class("actions")) { html in
                    html.element(
                        "a", .class("button"), .href(Link("pipelines", pipeline.name).at("start")),
                        text: words(.backToPipeline))
                }
            }
            html.element("p", .class("soft"), text: words(.dryRunHelp))
            html.element("section", .class("sheet"), .label(words(.steps))) { html in
                if isCut { html.element("p", .class("soft inset"), text: words(.beginningCut)) }
                html.element("ol", .class("rows tall")) { html in
                    for event in events { line(event, &html) }
                }
            }
        }
    }

    private func line(_ event: RunEvent, _ html: inout HTMLWriter) {
        let words = context.words
        func row(
            _ state: String, _ place: RunEvent.StepPlace, _ html: inout HTMLWriter, _ detail: (inout HTMLWriter) -> Void
        ) {
            html.element("li") { html in
                html.badge(state, words)
                html.element("strong") { $0.outside(place.id) }
                html.element("span", .class("soft")) { $0.outside(place.uses) }
                html.element("div", .class("value"), content: detail)
            }
        }
        func value(_ value: Value, _ html: inout HTMLWriter) {
            if let text = value.asString {
                html.element("pre", .plain("dir", "auto"), text: String(text.prefix(6000)))
            } else {
                var tree = ValueTree(context: context)
                tree.write(value, to: &html)
            }
        }
        switch event.kind {
        case .stepSucceeded(let place, let output, _): row("succeeded", place, &html) { value(output, &$0) }
        case .stepSkipped(let place): row("skipped", place, &html) { _ in }
        case .stepFailed(let place, let error, _, _):
            row("failed", place, &html) { $0.element("pre", text: error.message) }
        case .stepHeld(let place, let with, _):
            row("waiting", place, &html) { html in
                html.element("p", text: words(.heldHere))
                value(.object(with), &html)
            }
        default: break
        }
    }
}
