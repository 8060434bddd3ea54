import RunnelEngine
import RunnelKit
import RunnelSupport
import YAML

/// One run: what started it, its steps over time, one step in detail, and the answers as they stream.
struct RunPage {
    let context: PageContext
    let run: RunRecord
    /// The rows of the waterfall, and what there is to know of all steps.
    let steps: StepWindow
    let log: RunLog
    /// The number of items of each `for_each` in the rows.
    let itemCounts: [String: Int]
    /// The pipeline as it is served now; nil if it is not.
    let pipeline: Pipeline?
    /// The step that the address names, by ``ExecutionKey/description``.
    let selected: String?
    /// The step whose details are shown, whole; see ``StepSearch/selected``.
    let shown: StepRecord?
    /// Whether the pipeline's file has changed since the run began.
    let definitionChanged: Bool
    /// Redacts secrets.
    let redact: @Sendable (String) -> String
    /// The id of the run's trace; nil where it is in none.
    var trace: String?
    var facts = RunFacts()

    /// How many rows of the waterfall are on a page.
    static let rows = 200

    func html() -> String {
        let followed: [(name: StaticString, value: String)] = [("data-run", run.id), ("data-next", "\(log.next)")]
        return PageFrame(
            context: context, section: .runs, title: run.pipeline, live: run.state.isFinal ? [] : followed
        ).html { html in
            html.element("div", .id("head"), .flag("data-live")) { html in
                title(&html)
                factList(&html)
                failure(&html)
            }
            answers(&html)
            html.element("div", .class("two")) { html in
                Waterfall(page: self).write(to: &html)
                html.element("div", .id("detail"), .flag("data-live"), .class("detail")) { html in
                    if let step = shown {
                        StepDetail(page: self, step: step).write(to: &html)
                    }
                    values(&html)
                }
            }
        }
    }

    /// The waterfall alone, for scripts that load other rows of it.
    func rowsHTML() -> String { HTMLWriter.document { Waterfall(page: self).write(to: &$0) } }

    func link(step: String) -> Link { Link("runs", run.id).with("step", step) }

    // MARK: - Head

    private func title(_ html: inout HTMLWriter) {
        let words = context.words
        html.element("div", .class("title")) { html in
            html.element("h1") { $0.outside(run.pipeline) }
            html.element("span", .role("status")) { $0.badge(run.stateText, words) }
            html.element("div", .class("actions")) { html in
                let link = Link("runs", run.id)
                if run.state.isFinal {
                    let ids = pipeline?.steps.map(\.id) ?? []
                    if ids.count > 1, let session = context.session, session.scope >= .run {
                        html.element("details", .class("menu")) { html in
                            html.element("summary", .class("button"), text: words(.retryFrom))
                            html.element(
                                "form", .class("stack"), .plain("method", "post"),
                                .action(Link("runs", run.id, "retry"))
                            ) { html in
                                html.formToken(session)
                                html.element("label", .for("from"), text: words(.retryFromStep))
                                html.element("select", .id("from"), .name("from")) { html in
                                    for id in ids {
                                        html.element(
                                            "option", .value(id), id == failedStep ? .flag("selected") : nil, text: id)
                                    }
                                }
                                html.element("button", .class("first"), text: words(.retry))
                            }
                        }
                    }
                    html.action(Link("runs", run.id, "retry"), words(.retry), context.session, class: "first")
                } else if run.isCancelRequested {
                    html.element("span", .class("soft"), text: words(.whyCancelling))
                    if run.finallyStage == .begun {
                        html.action(
                            Link("runs", run.id, "cancel"), words(.endFinally), context.session, class: "danger",
                            fields: [("finally", "true")])
                    }
                } else {
                    html.action(Link("runs", run.id, "cancel"), words(.cancel), context.session, class: "danger")
                }
                html.element(
                    "a", .class("button quiet"), .href(link.with("view", "definition")), text: words(.definition))
            }
        }
    }

    private var failedStep: String? {
        let step = run.error.flatMap { RunError(json: $0).stepID }.map { String($0.prefix { $0 != "[" }) }
        guard let step, let pipeline else { return nil }
        return pipeline.steps.first { $0.withInner.contains { $0.id == step } }?.id
    }

    private func factList(_ html: inout HTMLWriter) {
        let words = context.words
        html.element("dl", .class("facts")) { html in
            html.fact(words(.columnTrigger)) { html in
                html.outside(context.triggerText.short(run.trigger))
                if let call = run.call {
                    let text = "\(call.method) \(call.path.prefix(200))"
                    html.text(" ")
                    if let delivery = facts.delivery {
                        html.element("a", .class("mono"), .href(Link("deliveries", "\(delivery)"))) { $0.outside(text) }
                    } else {
                        html.element("span", .class("mono")) { $0.outside(text) }
                    }
                }
            }
            html.fact(words(.columnCreated)) { $0.time(run.createdAt, context) }
            if let start = run.startedAt, start - run.createdAt > 1_000_000_000 {
                html.fact(words(.factStarted)) { $0.time(start, context) }
            }
            if run.endedAt != nil { html.fact(words(.factEnded)) { $0.time(run.endedAt, context) } }
            html.fact(words(run.state.isFinal ? .columnTook : .columnFor)) { html in
                RunReason.took(run, context, &html)
            }
            if run.state == .waiting, let time = run.wakeAt {
                html.fact(words(.factWakes)) { html in
                    html.time(time, context)
                    if let reason = log.lastNote {
                        html.text(" · ")
                        html.outside(String(reason.prefix(500)))
                    }
                }
            }
            if let owner = run.owner {
                html.fact(words(.factWorker)) { html in
                    html.element("a", .href(Link("workers")), .title(owner.text)) { html in
                        html.outside(facts.worker.map { "\($0.host) · \($0.processID)" } ?? owner.text)
                    }
                }
            }
            usage(&html)
            if run.priority != 0 { html.fact(words(.factPriority)) { $0.text("\(run.priority)") } }
            if run.interruptions > 0 {
                html.fact(words(.factInterruptions)) { $0.text(words.number(run.interruptions)) }
            }
            if let other = run.retryOf { html.fact(words(.factRetryOf)) { link(to: other, &$0) } }
            if let retry = facts.retry {
                html.fact(words(.factRetriedBy)) { html in
                    link(to: retry.id, &html)
                    html.text(" ")
                    html.badge(retry.stateText, words)
                }
            }
            if let trace {
                html.fact(words(.factTrace)) { html in
                    html.element("span", .class("mono")) { $0.outside(trace) }
                }
            }
            html.fact(words(.factRun)) { html in
                html.element("span", .class("mono"), .title(run.id)) { $0.outside(run.id) }
            }
        }
    }

    private func usage(_ html: inout HTMLWriter) {
        let (words, usage) = (context.words, facts.usage)
        guard usage.calls > 0 else { return }
        html.fact(words(.columnTokens)) { html in
            html.text(words.tokens(usage.inputTokens + usage.outputTokens, unknown: usage.unknownCalls, of: usage))
        }
        html.fact(words(.columnCost)) { $0.text(words.cost(usage) ?? words(.stateUnknown)) }
    }

    private func link(to run: String, _ html: inout HTMLWriter) {
        html.element("a", .class("mono"), .href(Link("runs", run))) { $0.outside(String(run.prefix(13))) }
    }

    private func failure(_ html: inout HTMLWriter) {
        if run.isInterrupted {
            html.element("div", .class("problem wait")) { $0.element("p", text: context.words(.whyInterrupted)) }
        }
        guard run.state == .failed, let error = run.error else { return }
        ErrorView(error: RunError(json: error), context: context, run: run.id).write(to: &html)
    }

    // MARK: - Answers

    /// The chats that stream at the moment, side by side; one that is alone may stand in the details of its step.
    private func answers(_ html: inout HTMLWriter) {
        let streaming = run.state.isFinal ? [] : steps.open.filter { log.texts[$0.key.description] != nil }
        let isInDetails = streaming.count == 1 && streaming[0].key == shown?.key
        html.element("div", .id("answers"), .class("answers"), .flag("data-live"), .label(context.words(.answers))) {
            html in
            guard !isInDetails else { return }
            for step in streaming.prefix(12) {
                html.element("section", .class("sheet"), .label(context.words(.answerOf, step.key.description))) {
                    html in
                    html.element("header") { html in
                        html.element("h2") { html in
                            html.element("a", .href(link(step: step.key.description))) {
                                $0.outside(step.key.description)
                            }
                        }
                        html.badge(step.state.rawValue, context.words)
                    }
                    AnswerView(
                        step: step.key.description, text: log.texts[step.key.description], isLive: true,
                        context: context
                    )
                    .write(to: &html)
                }
            }
        }
    }

    // MARK: - Values of the run

    private func values(_ html: inout HTMLWriter) {
        let words = context.words
        html.sheet("values", words(.valuesOfRun)) { html in
            let link = Link("runs", run.id).with("view", "value")
            let parts: [(title: Phrase, name: String, value: Value)] = [
                (.factInputs, "inputs", .object(run.inputs)), (.columnTrigger, "trigger", run.trigger),
                (.factInput, "input", run.input), (.factOutput, "output", run.output ?? .null),
            ]
            for part in parts {
                ValueFold(
                    title: words(part.title), value: SecretSeal.masked(part.value), link: link.with("part", part.name),
                    context: context, isOpen: part.name == "output"
                )
                .write(to: &html)
            }
        }
    }
}

/// An error with its code, its place and its hint.
struct ErrorView {
    let error: RunError
    let context: PageContext
    let run: String

    func write(to html: inout HTMLWriter) {
        html.element("div", .class("problem")) { html in
            html.element("p", .class("message")) { html in
                if let step = error.stepID {
                    html.element("a", .href(Link("runs", run).with("step", step))) { $0.outside(step) }
                    html.text(": ")
                }
                html.outside(String(error.message.prefix(4000)))
            }
            if let hint = error.hint, !hint.isEmpty { html.element("p") { $0.outside(String(hint.prefix(2000))) } }
            html.element("p", .class("mono")) { html in
                html.outside(error.code)
                if let file = error.file, let range = error.range {
                    html.text(" · ")
                    html.outside("\(file):\(range.start.line):\(range.start.column)")
                }
            }
        }
    }
}

/// What a chat has answered so far. The script appends what comes, and keeps the place where the reader is.
struct AnswerView {
    let step: String
    let text: RunLog.Text?
    let isLive: Bool
    let context: PageContext

    func write(to html: inout HTMLWriter) {
        if text?.isCut ?? false { html.element("p", .class("soft inset"), text: context.words(.beginningCut)) }
        html.element(
            "div", .class("answer"), .plain("tabindex", "0"), .role("group"), .label(context.words(.answerOf, step)),
            isLive ? .plain("data-answer", step) : nil, .plain("dir", "auto")
        ) { html in
            html.text(text?.shown ?? "")
        }
    }
}

/// The steps over time, each a row that leads to its details.
struct Waterfall {
    let page: RunPage

    func write(to html: inout HTMLWriter) {
        let words = page.context.words
        let steps = page.steps
        let start = page.run.startedAt ?? steps.startedAt ?? page.run.createdAt
        let end = max(
            page.run.endedAt ?? (page.run.state == .running ? page.context.now : steps.changedAt ?? start), start + 1)
        let isGrowing = page.run.state == .running
        html.sheet(
            "steps", words(.steps),
            end: { html in
                html.element(
                    "span", .class("soft"),
                    isGrowing ? .plain("data-since", Timestamp.text(nanoseconds: start)) : nil,
                    isGrowing ? .plain("data-words", words(.upTo, "{0}")) : nil,
                    text: words(.upTo, words.took(end - start)))
            }, live: true
        ) { html in
            guard steps.count > 0 else {
                return html.empty(words(page.run.state == .queued ? .notBegun : .noSteps))
            }
            // `data-span`: the time that the bars are drawn over, in milliseconds. Scripts stretch it while the run goes on.
            html.element("div", .class("fall")) { html in
                html.element(
                    "ol", .plain("start", "\(steps.first + 1)"), .plain("tabindex", "-1"),
                    .labelled(by: "steps-title"), .plain("data-first", "\(steps.first)"),
                    .plain("data-count", "\(steps.count)"), .plain("data-size", "\(RunPage.rows)"),
                    isGrowing ? .plain("data-span", "\((end - start) / 1_000_000)") : nil
                ) { html in
                    for (index, step) in steps.rows.enumerated() { row(step, steps.first + index, start, end, &html) }
                }
            }
            if steps.count > steps.rows.count { pages(&html) }
        }
    }

    /// Until when a step without an end has been running; nil while the run is interrupted, since nobody knows.
    private var openEnd: Int64? { page.run.endedAt ?? (page.run.isInterrupted ? nil : page.context.now) }

    private func row(_ step: StepRecord, _ index: Int, _ start: Int64, _ end: Int64, _ html: inout HTMLWriter) {
        let words = page.context.words
        let key = step.key.description
        let isCurrent = page.steps.selected == step.key
        let isRunning = step.state == .running && step.endedAt == nil
        let took = step.startedAt.flatMap { began in
            (step.endedAt ?? (isRunning ? openEnd : began)).map { $0 - began }
        }
        let time = took.map { words.took($0) } ?? "—"
        html.element(
            "li", step.key.items.isEmpty ? nil : .class("inside"), .plain("data-row", "\(index)"),
            .plain("aria-posinset", "\(index + 1)"), .plain("aria-setsize", "\(page.steps.count)")
        ) { html in
            html.element(
                "a", .href(page.link(step: key).at("detail")), isCurrent ? .plain("aria-current", "true") : nil,
                .plain("data-step", key)
            ) { html in
                html.element("span", .class("name")) { html in
                    html.outside(key)
                    html.element("small") { html in
                        html.outside(kind(step))
                        if step.attempt > 1 { html.text(" · " + words(.attempt, step.attempt)) }
                        if step.state == .waiting, let retry = step.retryAt {
                            html.text(" · " + words(.retries, words.relative(retry, now: page.context.now)))
                        }
                    }
                }
                html.element(
                    "svg", .plain("viewBox", "0 0 1000 18"), .plain("preserveAspectRatio", "none"), .role("img"),
                    .label("\(key), \(words(StateStyle.phrase(step.state.rawValue))), \(time)")
                ) { html in bars(step, start, end, &html) }
                let since = isRunning && page.run.state == .running ? step.startedAt : nil
                html.element(
                    "span", .class("num mono"), since.map { .plain("data-since", Timestamp.text(nanoseconds: $0)) },
                    text: time)
            }
        }
    }

    private func kind(_ step: StepRecord) -> String {
        let words = page.context.words
        guard step.items != nil else { return step.uses.isEmpty ? words(.group) : step.uses }
        return words(
            .itemsDone, words.number(page.steps.done[step.key] ?? 0),
            words.number(page.itemCounts[step.key.description] ?? 0))
    }

    private func bars(_ step: StepRecord, _ start: Int64, _ end: Int64, _ html: inout HTMLWriter) {
        let attempts = page.log.attempts[step.key.description] ?? []
        let isRunning = step.state == .running && step.endedAt == nil && page.run.state == .running
        let isOnlyRecord = attempts.isEmpty || step.items != nil
        if isOnlyRecord {
            guard let from = step.startedAt else { return }
            bar(from, step.endedAt ?? openEnd ?? end, start, end, style(step.state), isGrowing: isRunning, &html)
        }
        for attempt in isOnlyRecord ? [] : attempts.suffix(50) {
            let style: String =
                switch attempt.outcome {
                // The record of the step may be newer than its events.
                case .running: self.style(step.state)
                case .succeeded: "ok"
                case .failed: "bad"
                case .cancelled: "wait"
                }
            bar(
                attempt.start, attempt.end ?? step.endedAt ?? openEnd ?? end, start, end, style,
                isGrowing: isRunning && attempt.end == nil, &html)
            if let pause = attempt.retryIn, let failed = attempt.end {
                bar(failed, min(failed + pause, end), start, end, "pause", isGrowing: false, &html)
            }
        }
    }

    private func style(_ state: StepRecord.State) -> String {
        switch state {
        case .running: "run"
        case .succeeded: "ok"
        case .failed: "bad"
        case .waiting, .skipped, .cancelled: "wait"
        }
    }

    private func bar(
        _ from: Int64, _ to: Int64, _ start: Int64, _ end: Int64, _ style: String, isGrowing: Bool,
        _ html: inout HTMLWriter
    ) {
        let scale = 1000 / Double(end - start)
        let x = min(994, max(0, Double(from - start) * scale))
        let width = min(1000 - x, max(6, Double(to - from) * scale))
        html.shape(
            "rect", .class(style), .plain("x", Self.digits(x)), .plain("y", "3"), .plain("width", Self.digits(width)),
            .plain("height", "12"), .plain("rx", "2"), isGrowing ? .flag("data-growing") : nil)
    }

    private static func digits(_ number: Double) -> String { String((number * 10).rounded() / 10) }

    /// The other rows, for browsers without scripts.
    private func pages(_ html: inout HTMLWriter) {
        let words = page.context.words
        let (first, count) = (page.steps.first, page.steps.count)
        html.element("nav", .class("pages inset"), .label(words(.navPages))) { html in
            html.element(
                "span", .class("soft"),
                text: words(
                    .rowsOf,
                    words.number(first + 1), words.number(first + page.steps.rows.count), words.number(count)))
            let link = Link("runs", page.run.id).with("step", page.selected)
            if first > 0 {
                html.element(
                    "a", .href(link.with("row", "\(max(0, first - RunPage.rows))").at("steps")), text: words(.previous))
            }
            if first + RunPage.rows < count {
                html.element("a", .href(link.with("row", "\(first + RunPage.rows)").at("steps")), text: words(.next))
            }
        }
    }
}

/// One step: its state, attempts with errors, notes, and its output.
struct StepDetail {
    let page: RunPage
    let step: StepRecord

    func write(to html: inout HTMLWriter) {
        let words = page.context.words
        let key = step.key.description
        html.element("section", .class("sheet"), .labelled(by: "step-title")) { html in
            html.element("header") { html in
                html.element("h2", .id("step-title")) { $0.outside(key) }
                html.badge(step.state.rawValue, words)
                html.element("div", .class("end soft")) { html in
                    html.element("span") { html in
                        html.outside(step.uses.isEmpty ? words(.group) : step.uses)
                        if step.attempt > 0 { html.text(" · " + words(.attempt, step.attempt)) }
                    }
                }
            }
            let text = page.log.texts[key]
            if !step.state.isFinal, let text {
                AnswerView(step: key, text: text, isLive: true, context: page.context).write(to: &html)
            } else if !step.state.isFinal, step.items == nil {
                AnswerView(step: key, text: nil, isLive: true, context: page.context).write(to: &html)
            }
            attempts(&html)
            if step.state == .failed || step.state == .cancelled, let text {
                html.element("details") { html in
                    html.element("summary", text: words(.partialAnswer))
                    AnswerView(step: key, text: text, isLive: false, context: page.context).write(to: &html)
                }
            }
            if let with = step.with {
                ValueFold(
                    title: words(.factWith), value: SecretSeal.masked(with),
                    link: Link("runs", page.run.id).with("view", "value").with("part", "with").with("step", key),
                    context: page.context
                ).write(to: &html)
            }
            if let output = step.output {
                ValueFold(
                    title: words(.factOutput), value: SecretSeal.masked(output),
                    link: Link("runs", page.run.id).with("view", "value").with("part", "output").with("step", key),
                    context: page.context, isOpen: true
                ).write(to: &html)
            }
            if let notes = page.log.notes[key] {
                html.element("details") { html in
                    html.element("summary", text: words(.notes, notes.count))
                    if notes.count > notes.shown.count {
                        html.element("p", .class("soft inset"), text: words(.beginningCut))
                    }
                    html.element("ul", .class("notes mono")) { html in
                        for note in notes.shown { html.element("li") { $0.outside(String(note.prefix(2000))) } }
                    }
                }
            }
            settings(&html)
        }
    }

    private func attempts(_ html: inout HTMLWriter) {
        let words = page.context.words
        let failed = (page.log.attempts[step.key.description] ?? []).filter { $0.error != nil }
        for attempt in failed.suffix(10) {
            guard let error = attempt.error else { continue }
            let took = words.took((attempt.end ?? attempt.start) - attempt.start)
            html.element("div", .class("problem")) { html in
                html.element("p") { html in
                    html.element("strong", text: words(.attemptFailed, attempt.number, took))
                    html.text(" ")
                    html.outside(String(error.message.prefix(2000)))
                }
                if let hint = error.hint, !hint.isEmpty { html.element("p") { $0.outside(String(hint.prefix(1000))) } }
                html.element("p") { html in
                    html.element("span", .class("mono")) { $0.outside(error.code) }
                    if let pause = attempt.retryIn { html.text(" · " + words(.retriedAfter, words.took(pause))) }
                }
            }
        }
        if failed.isEmpty, step.state != .cancelled, let error = step.shownError {
            ErrorView(error: RunError(json: error), context: page.context, run: page.run.id).write(to: &html)
        }
    }

    /// The step as it stands in the pipeline's file today.
    private func settings(_ html: inout HTMLWriter) {
        guard let pipeline = page.pipeline,
            let declared = pipeline.allSteps.first(where: { $0.id == step.key.step })
        else { return }
        let range = declared.node.range
        let lines = (range.start.line...max(range.start.line, range.end.line)).prefix(200).compactMap {
            (declared.source ?? pipeline.source).line($0).map(String.init)
        }
        let text = page.redact(lines.joined(separator: "\n"))
        html.element("details") { html in
            html.element("summary", text: page.context.words(page.definitionChanged ? .stepSourceChanged : .stepSource))
            html.element("pre") { $0.outside(String(text.prefix(8000))) }
        }
    }
}
