import RunnelEngine
import RunnelKit

/// What a trigger remembers, such as the files of a watched folder.
struct LedgerView {
    let context: PageContext
    /// The names of the pipeline and of the trigger.
    let pipeline: String
    let trigger: String
    let page: LedgerPage
    let isHead: Bool

    static let limit = 100

    func html() -> String {
        let words = context.words
        let address = Link("pipelines", pipeline, "ledger").with("trigger", trigger)
        return PageFrame(
            context: context, section: .triggers, title: words(.ledger), live: PageFrame.followsAll
        ).html { html in
            html.element("div", .class("title")) { html in
                html.element("h1", text: words(.ledger))
                html.element("div", .class("actions")) { html in
                    html.element("a", .class("button"), .href(Link("triggers")), text: words(.backToTriggers))
                }
            }
            html.element("p", .class("soft")) { html in
                html.element("a", .href(Link("pipelines", pipeline))) { $0.outside(pipeline) }
                html.text(" ")
                html.element("span", .class("mono")) { $0.outside(trigger) }
                html.text(" ")
                html.text(words(.ledgerHelp))
            }
            html.element("section", .class("sheet"), .id("ledger"), .flag("data-live"), .label(words(.ledger))) {
                html in
                guard !page.items.isEmpty else { return html.empty(words(.ledgerEmpty)) }
                table(&html)
            }
            html.pages(
                words(.navPages), live: "ledger-pages", first: isHead ? nil : (address, words(.ledgerStart)),
                next: page.next.map { (address.with("after", $0), words(.ledgerNext)) })
        }
    }

    private func table(_ html: inout HTMLWriter) {
        let words = context.words
        html.table(
            words(.ledger), words, .text(.columnName), .numbers(.columnBytes), .text(.columnChanged, .columnWaitsFor)
        ) { html in
            for item in page.items {
                html.element("tr") { html in
                    html.element("td", .class("name")) { $0.outside(item.name) }
                    html.element(
                        "td", .class("num"), .plain("data-label", words(.columnBytes)),
                        text: item.size.map { words.number($0) } ?? "—")
                    html.element("td", .plain("data-label", words(.columnChanged))) { $0.time(item.modified, context) }
                    html.element("td", .class("mono"), .plain("data-label", words(.columnWaitsFor))) { html in
                        guard let run = item.runID else { return html.text("—") }
                        html.element("a", .href(Link("runs", run))) { $0.outside(run) }
                    }
                }
            }
        }
    }
}
