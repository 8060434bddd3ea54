import RunnelEngine
import RunnelKit
import RunnelSupport

/// A table of runs, one per line.
struct RunTable {
    let style: TextStyle
    /// The columns of the terminal; nil: nothing is cut.
    var width: Int?

    private static let shortID = 13

    func text(_ runs: [RunRecord]) -> String {
        let ids = ids(of: runs)
        let now = WallClock.nanoseconds()
        let rows = zip(ids, runs).map { id, run in
            TextTable.Row(
                cells: [
                    id, run.stateText, style.line(run.pipeline), style.line(run.cause),
                    LocalTime.column(run.shownTime, isOnTerminal: width != nil, now: now),
                    run.took(now: now).map(DurationText.measured) ?? "-",
                ], detail: detail(of: run, idLength: id.count))
        }
        let columns: [TextTable.Column] = [
            .init(title: "RUN"), .init(title: "STATE"), .init(title: "PIPELINE", shortest: 8),
            .init(title: "TRIGGER", shortest: 7), .init(title: "BEGAN"), .init(title: "TOOK"),
        ]
        return TextTable(columns: columns, style: style, width: width).text(rows) { row, column, cell in
            column == 1 ? colored(runs[row], cell) : cell
        }
    }

    /// The state of a run, or a text that holds it, in the colour of the state.
    func colored(_ run: RunRecord, _ text: String) -> String {
        switch run.state {
        case .succeeded: return style.green(text)
        case .failed: return style.red(text)
        case .running: return style.bold(text)
        case .queued where run.isInterrupted: return style.bold(text)
        case .queued, .waiting, .cancelled, .skipped: return style.dim(text)
        }
    }

    /// What else there is to say: until when it waits, which run has retried it, why it failed.
    private func detail(of run: RunRecord, idLength: Int) -> String? {
        if run.state == .waiting, let wakeAt = run.wakeAt { return "until \(LocalTime.text(wakeAt))" }
        let retry = run.retriedBy.map { "retried by \($0.prefix(idLength))" }
        let error = run.error.map(RunError.init(json:)).map { error in
            style.line((error.stepID.map { "\($0): " } ?? "") + error.message.firstLine)
        }
        let parts = [retry, error].compactMap(\.self)
        return parts.isEmpty ? nil : parts.joined(separator: "; ")
    }

    /// Beginnings that tell the runs apart, whole ids for a program.
    private func ids(of runs: [RunRecord]) -> [String] {
        guard width != nil else { return runs.map(\.id) }
        let all = runs.map(\.id)
        let length = (Self.shortID...36).first { length in Set(all.map { $0.prefix(length) }).count == all.count }
        return all.map { String($0.prefix(length ?? 36)) }
    }
}

extension RunRecord {
    var shownTime: Int64 { startedAt ?? createdAt }
}

extension String {
    var firstLine: String { split(separator: "\n", maxSplits: 1).first.map(String.init) ?? self }
}
