import RunnelEngine
import RunnelKit
import RunnelSupport

/// The processes that work on runs of the journal, on all machines.
struct WorkersPage {
    let context: PageContext
    let workers: [WorkerStatus]
    /// The running runs by worker.
    let runs: [WorkerID: [RunRecord]]

    func html() -> String {
        let words = context.words
        return PageFrame(
            context: context, section: .workers, title: words(.navWorkers), live: PageFrame.followsWorkers
        ).html { html in
            html.element("div", .class("title")) { $0.element("h1", text: words(.navWorkers)) }
            html.element("section", .class("sheet"), .id("workers"), .flag("data-live"), .label(words(.navWorkers))) {
                html in
                guard !workers.isEmpty else { return html.empty(words(.noWorkers)) }
                html.table(
                    words(.navWorkers), words,
                    .text(.columnState, .columnHost, .columnRole, .columnVersion, .columnRuns),
                    .numbers(.columnHeartbeat, .columnClock, .columnSince), .hidden(.columnAction)
                ) { html in
                    for status in workers { row(status, &html) }
                }
            }
        }
    }

    private func row(_ status: WorkerStatus, _ html: inout HTMLWriter) {
        let words = context.words
        let worker = status.worker
        html.element("tr") { html in
            html.element("td") { html in
                let (badge, word) = Self.badge(status.state)
                html.element("span", .class(badge), text: words(word))
            }
            html.element("td", .class("name"), .title(worker.id.text)) {
                $0.outside("\(worker.host) · \(worker.processID)")
            }
            html.element("td", .plain("data-label", words(.columnRole))) { $0.outside(worker.role) }
            html.element("td", .plain("data-label", words(.columnVersion))) { $0.outside(worker.version) }
            html.element("td", .class("why"), .plain("data-label", words(.columnRuns))) { html in
                for (index, run) in (runs[worker.id] ?? []).prefix(20).enumerated() {
                    if index > 0 { html.text(", ") }
                    html.element("a", .href(Link("runs", run.id))) { $0.outside(run.pipeline) }
                }
            }
            html.element("td", .class("num"), .plain("data-label", words(.columnHeartbeat))) {
                $0.text(words.took(worker.silence.nanoseconds))
            }
            html.element("td", .class("num"), .plain("data-label", words(.columnClock))) { html in
                guard let lead = worker.clockLead else { return html.text("–") }
                html.text((lead < .zero ? "−" : "+") + words.took(abs(lead.nanoseconds)))
                if worker.clockProblem != nil {
                    html.element("span", .class("badge failed"), text: words(.problem))
                }
            }
            html.element("td", .class("num"), .plain("data-label", words(.columnSince))) {
                $0.time(worker.startedAt, context)
            }
            html.element("td", .class("num")) { html in
                html.action(
                    Link("workers", "drain"), words(worker.isDrained ? .undrain : .drain), context.session,
                    needs: .admin, class: "link",
                    fields: [("worker", worker.id.text), ("drained", worker.isDrained ? "false" : "true")])
            }
        }
    }

    private static func badge(_ state: WorkerStatus.State) -> (String, Phrase) {
        switch state {
        case .working: ("badge succeeded", .workerWorking)
        case .draining: ("badge running", .workerDraining)
        case .drained: ("badge skipped", .workerDrained)
        case .silent: ("badge waiting", .workerSilent)
        case .ended: ("badge failed", .workerEnded)
        }
    }
}
