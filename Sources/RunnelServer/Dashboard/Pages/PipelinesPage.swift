import RunnelEngine
import RunnelKit
import RunnelSupport

/// The recent runs of a pipeline, and figures over them.
struct RecentRuns: Sendable {
    /// The newest first.
    let runs: [RunRecord]

    static let count = 100
    static let bars = 30

    static func load(_ pipeline: String, _ journal: any Journal) async throws(JournalError) -> RecentRuns {
        try await load([pipeline], journal)[pipeline] ?? RecentRuns(runs: [])
    }

    /// Those of many pipelines, with one look at the workers. Pipelines without runs are left out.
    static func load(
        _ pipelines: [String], _ journal: any Journal
    ) async throws(JournalError) -> [String: RecentRuns] {
        var stored: [RunRecord] = []
        for pipeline in pipelines { stored += try await journal.runs(RunFilter(pipeline: pipeline, limit: count)) }
        let seen = try await journal.asSeen(stored)
        return Dictionary(grouping: seen, by: \.pipeline).mapValues { RecentRuns(runs: $0) }
    }

    /// In per cent of those that succeeded or failed; nil without any.
    var successRate: Int? {
        let ended = runs.filter { $0.state == .succeeded || $0.state == .failed }
        guard !ended.isEmpty else { return nil }
        // Rounded down, so that 100 % means all.
        return ended.count { $0.state == .succeeded } * 100 / ended.count
    }

    /// The duration that this share of the succeeded runs did not exceed (nearest rank), in nanoseconds.
    func duration(percentile: Int) -> Int64? {
        let times = runs.filter { $0.state == .succeeded }.compactMap(Self.took).sorted()
        guard !times.isEmpty else { return nil }
        return times[max(0, (times.count * percentile + 99) / 100 - 1)]
    }

    static func took(_ run: RunRecord) -> Int64? {
        run.endedAt.flatMap { run.took(now: $0) }?.nanoseconds
    }
}

/// The last runs as bars: the height is the duration, the colour the state.
struct RunBars {
    let recent: RecentRuns
    let words: Words

    func write(to html: inout HTMLWriter) {
        let runs = Array(recent.runs.prefix(RecentRuns.bars).reversed())
        let longest = max(1, runs.compactMap(RecentRuns.took).max() ?? 1)
        let failed = runs.count { $0.state == .failed }
        html.bars(RecentRuns.bars, label: words(.runBars, runs.count, words.number(failed))) { html in
            for (index, run) in runs.enumerated() {
                let took = RecentRuns.took(run) ?? 0
                let kind: String =
                    switch run.state {
                    case .succeeded: "ok"
                    case .failed: "bad"
                    case .running: "run"
                    default: "wait"
                    }
                html.bar(index, height: max(4, Int(Double(took) / Double(longest) * 40)), kind)
            }
        }
    }
}

/// All served pipelines.
struct PipelinesPage {
    struct Row: Sendable {
        var hosted: PipelineHost.Hosted
        var recent: RecentRuns
        var outlook: PipelineHost.Outlook
    }

    let context: PageContext
    let rows: [Row]

    func html() -> String {
        let words = context.words
        return PageFrame(
            context: context, section: .pipelines, title: words(.navPipelines), live: PageFrame.followsAll
        ).html { html in
            html.element("div", .class("title")) { $0.element("h1", text: words(.navPipelines)) }
            html.element("section", .class("sheet"), .id("pipelines"), .flag("data-live"), .label(words(.navPipelines)))
            { html in
                guard !rows.isEmpty else { return html.empty(words(.noPipelines), words(.noPipelinesHint)) }
                html.table(
                    words(.navPipelines), words, .text(.columnPipeline, .columnLastRuns, .columnTriggers),
                    .numbers(.successRate, .columnNext)
                ) { html in
                    for item in rows { row(item, &html) }
                }
            }
        }
    }

    private func row(_ item: Row, _ html: inout HTMLWriter) {
        let words = context.words
        html.element("tr") { html in
            html.element("td", .class("name")) { html in
                if let pipeline = item.hosted.pipeline {
                    html.element("a", .href(Link("pipelines", pipeline.name))) { $0.outside(pipeline.name) }
                    if let description = pipeline.description {
                        html.element("small", .class("soft")) { $0.outside(String(description.prefix(200))) }
                    }
                } else {
                    html.element("a", .href(Link("pipelines").with("file", item.hosted.file))) {
                        $0.outside(item.hosted.file)
                    }
                }
                if item.hosted.problem != nil {
                    html.element(
                        "span", .class("badge failed"), text: words(item.hosted.isUnreadable ? .unreadable : .hasErrors)
                    )
                }
            }
            html.element("td", .class("spark")) { html in
                if !item.recent.runs.isEmpty { RunBars(recent: item.recent, words: words).write(to: &html) }
            }
            html.element("td", .class("from")) { html in
                html.outside(item.hosted.pipeline?.triggers.map(\.key).joined(separator: ", ") ?? "")
                if item.hosted.triggers.values.contains(where: \.isProblem) {
                    html.element("span", .class("badge failed"), text: words(.hasProblem))
                }
            }
            html.element("td", .class("num"), .plain("data-label", words(.successRate))) { html in
                if let rate = item.recent.successRate { html.text("\(rate) %") }
            }
            html.element("td", .class("num"), .plain("data-label", words(.columnNext))) { html in
                if let next = item.outlook.ticks.first {
                    html.element(
                        "time", .plain("datetime", Timestamp.text(nanoseconds: next.time)), .title(next.text),
                        text: words.relative(next.time, now: context.now))
                } else if let triggers = item.hosted.pipeline?.triggers, !triggers.isEmpty,
                    triggers.allSatisfy({ item.outlook.disabled.contains($0.key) })
                {
                    html.text(words(.disabled))
                }
            }
        }
    }
}

extension TriggerHealth {
    var isProblem: Bool { if case .problem = self { true } else { false } }

    /// What the trigger says, in the language of the page where it has it.
    func text(_ words: Words) -> String {
        switch self {
        case .waiting(let text, let translations): translations[words.language.rawValue] ?? text
        case .problem(let text): text
        }
    }
}
