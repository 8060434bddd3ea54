import RunnelEngine
import RunnelKit

/// The filters of the list of deliveries, as they stand in its address.
struct DeliveryQuery: Sendable, Hashable {
    var outcome: DeliveryRecord.Outcome?
    var pipeline: String?
    /// Only deliveries before this number.
    var before: Int64?

    static let names = ["outcome", "pipeline", "before", "done"]
    static let limit = 50

    init(_ query: Query) throws(APIError) {
        outcome = try query.one("outcome")?.isEmpty == true ? nil : try query.deliveryOutcome()
        pipeline = try query.one("pipeline").flatMap { $0.isEmpty ? nil : $0 }
        before = try query.number("before", in: 1...Int.max).map { Int64($0) }
    }

    private init(outcome: DeliveryRecord.Outcome?, pipeline: String?, before: Int64? = nil) {
        (self.outcome, self.pipeline, self.before) = (outcome, pipeline, before)
    }

    /// One more than a page, so that it is known whether there is another.
    var filter: DeliveryFilter {
        DeliveryFilter(outcome: outcome, pipeline: pipeline, before: before, limit: Self.limit + 1)
    }

    var isAll: Bool { outcome == nil && pipeline == nil && before == nil }
    var newest: DeliveryQuery { DeliveryQuery(outcome: outcome, pipeline: pipeline) }
    func of(_ outcome: DeliveryRecord.Outcome?) -> DeliveryQuery { DeliveryQuery(outcome: outcome, pipeline: pipeline) }
    func of(pipeline: String?) -> DeliveryQuery { DeliveryQuery(outcome: outcome, pipeline: pipeline) }
    func older(than number: Int64) -> DeliveryQuery {
        DeliveryQuery(outcome: outcome, pipeline: pipeline, before: number)
    }

    var link: Link {
        Link("triggers").with("outcome", outcome?.rawValue).with("pipeline", pipeline)
            .with("before", before.map(String.init)).at("deliveries")
    }
}

/// The deliveries to hooks, newest first, by filters that are links.
struct DeliveryList {
    let context: PageContext
    let query: DeliveryQuery
    /// Up to one more than a page.
    let found: [DeliveryRecord]
    /// The names of pipelines with hooks.
    let pipelines: [String]

    private var shown: ArraySlice<DeliveryRecord> { found.prefix(DeliveryQuery.limit) }

    func write(to html: inout HTMLWriter) {
        let words = context.words
        html.element("h2", .id("deliveries"), text: words(.deliveries))
        html.element("nav", .class("filters"), .label("\(words(.deliveries)): \(words(.navFilters))")) { html in
            link(words(.filterAll), query.of(nil), query.outcome == nil, &html)
            for outcome in DeliveryRecord.Outcome.allCases {
                link(words(outcome.phrase), query.of(outcome), query.outcome == outcome, &html)
            }
            if pipelines.count > 1 || query.pipeline != nil {
                for name in pipelines {
                    let isCurrent = query.pipeline == name
                    link(name, query.of(pipeline: isCurrent ? nil : name), isCurrent, class: "name", &html)
                }
            }
        }
        html.element(
            "section", .class("sheet"), .id("delivery-list"), query.before == nil ? .flag("data-live") : nil,
            .label(words(.deliveries))
        ) { html in
            guard !shown.isEmpty else {
                return html.empty(
                    words(query.isAll ? .noDeliveries : .noDeliveriesHere),
                    query.isAll ? words(.noDeliveriesHint) : nil)
            }
            html.table(
                words(.deliveries), words, .text(.columnOutcome, .columnPipeline, .columnRequest, .columnWhy),
                .numbers(.columnTime)
            ) { html in
                for delivery in shown { row(delivery, &html) }
            }
        }
        let last = found.count > DeliveryQuery.limit ? shown.last : nil
        html.pages(
            "\(words(.deliveries)): \(words(.navPages))", live: query.before == nil ? "delivery-pages" : nil,
            first: query.before == nil ? nil : (query.newest.link, words(.newest)),
            next: last.map { (query.older(than: $0.number).link, words(.older)) })
    }

    private func link(
        _ text: String, _ query: DeliveryQuery, _ isCurrent: Bool, class name: String? = nil, _ html: inout HTMLWriter
    ) {
        html.element(
            "a", name.map { .class($0) }, .href(query.link), isCurrent ? .plain("aria-current", "true") : nil
        ) { $0.outside(text) }
    }

    private func row(_ delivery: DeliveryRecord, _ html: inout HTMLWriter) {
        html.element("tr") { html in
            html.element("td") { $0.badge(delivery.outcome, context.words) }
            html.element("td", .class("name")) { $0.outside(delivery.pipeline) }
            html.element("td", .class("from mono")) { html in
                html.element("a", .href(Link("deliveries", "\(delivery.number)"))) {
                    $0.outside("\(delivery.method) \(SecretSeal.masked(delivery.path).prefix(200))")
                }
            }
            html.element("td", .class("why")) { html in
                if let run = delivery.runID {
                    html.element("a", .class("mono"), .href(Link("runs", run))) { $0.outside(String(run.prefix(13))) }
                } else {
                    html.outside(String(SecretSeal.masked(delivery.reason).prefix(300)))
                }
            }
            html.element("td", .class("num")) { $0.time(delivery.time, context) }
        }
    }
}

extension DeliveryRecord.Outcome {
    var phrase: Phrase {
        switch self {
        case .accepted: .outcomeAccepted
        case .duplicate: .outcomeDuplicate
        case .ignored: .outcomeIgnored
        case .refused: .outcomeRefused
        }
    }
}

extension HTMLWriter {
    fileprivate mutating func badge(_ outcome: DeliveryRecord.Outcome, _ words: Words) {
        let style =
            switch outcome {
            case .accepted: "succeeded"
            case .duplicate, .ignored: "skipped"
            case .refused: "failed"
            }
        element("span", .class("badge \(style)"), text: words(outcome.phrase))
    }
}

/// One delivery with its header fields and its body.
struct DeliveryPage {
    let context: PageContext
    let delivery: DeliveryRecord

    /// How much of a body is shown, in characters.
    private static let limit = 65_536

    func html() -> String {
        let words = context.words
        let title = words(.deliveryTitle, "\(delivery.number)")
        return PageFrame(context: context, section: .triggers, title: title).html { html in
            html.element("div", .class("title")) { html in
                html.element("h1", text: title)
                html.badge(delivery.outcome, words)
                html.element("div", .class("actions")) { html in
                    html.element(
                        "a", .class("button"), .href(Link("triggers").at("deliveries")), text: words(.backToTriggers))
                    html.action(
                        Link("deliveries", "\(delivery.number)", "replay"), words(.replay), context.session,
                        class: "first")
                }
            }
            if context.canRun { html.element("p", .class("soft"), text: words(.replayHelp)) }
            facts(&html)
            if delivery.outcome == .refused {
                html.element("div", .class("problem")) { html in
                    html.element("p") { $0.outside(SecretSeal.masked(delivery.reason)) }
                }
            }
            html.sheet("headers", words(.columnHeaders)) { headers(&$0) }
            html.sheet("body", words(.columnBody)) { body(&$0) }
        }
    }

    private func facts(_ html: inout HTMLWriter) {
        let words = context.words
        let request = SecretSeal.masked(delivery.request)
        html.element("dl", .class("facts")) { html in
            html.fact(words(.columnPipeline)) { html in
                html.element("a", .href(Link("pipelines", delivery.pipeline))) { $0.outside(delivery.pipeline) }
            }
            html.fact(words(.columnTrigger)) { html in
                html.element("span", .class("mono")) { $0.outside(delivery.trigger) }
            }
            html.fact(words(.columnRequest)) { html in
                let query = request["query"]?.asString ?? ""
                html.element("span", .class("mono")) {
                    $0.outside(
                        "\(delivery.method) \(SecretSeal.masked(delivery.path))\(query.isEmpty ? "" : "?\(query)")")
                }
            }
            html.fact(words(.columnTime)) { $0.time(delivery.time, context) }
            html.fact(words(.columnSender)) { $0.outside(request["from"]?.asString ?? "") }
            html.fact(words(.columnAnswer)) { $0.text(delivery.status == 0 ? "—" : "\(delivery.status)") }
            if let run = delivery.runID {
                html.fact(words(.factRun)) { html in
                    html.element("a", .class("mono"), .href(Link("runs", run))) { $0.outside(run) }
                }
            }
        }
    }

    private func headers(_ html: inout HTMLWriter) {
        let fields = SecretSeal.masked(delivery.request)["headers"]?.asList ?? []
        html.element("div", .class("value")) { html in
            html.element("ul", .class("tree")) { html in
                for field in fields.prefix(200) {
                    html.element("li") { html in
                        html.element("span", .class("key")) { $0.outside(field.asList?.first?.asString ?? "") }
                        html.text(" ")
                        html.element("span", .class("string")) {
                            $0.outside(String((field.asList?.last?.asString ?? "").prefix(4000)))
                        }
                    }
                }
            }
        }
    }

    private func body(_ html: inout HTMLWriter) {
        let words = context.words
        let isUnread = delivery.isBodyUnread
        guard delivery.size > 0 else { return html.empty(words(isUnread ? .bodyIsUnread : .bodyIsEmpty)) }
        html.element("div", .class("value")) { html in
            if !delivery.isWhole {
                html.element(
                    "p", .class("soft"),
                    text: isUnread
                        ? words(.bodyIsUnread)
                        : words(
                            .bodyIsCut, words.bytes(DeliveryRecord.maximumBody), words.bytes(delivery.size)))
            }
            guard let text = delivery.shownText else {
                return html.element("p", text: words(.bodyIsBinary, words.bytes(delivery.size)))
            }
            html.element(
                "pre", .plain("dir", "auto"), .plain("tabindex", "0"), .label(words(.columnBody)),
                text: String(text.prefix(Self.limit)))
        }
    }
}
