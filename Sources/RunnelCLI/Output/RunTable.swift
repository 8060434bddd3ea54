import RunnelEngine
import RunnelKit
import RunnelSupport

/// Runs as a table, one a line.
struct RunTable {
    let style: TextStyle

    func text(_ runs: [RunRecord]) -> String {
        let state = max(9, runs.map(\.stateText.count).max() ?? 9)
        let width = max(8, runs.map { style.line($0.pipeline).count }.max() ?? 8)
        var lines = [
            style.dim("\(pad("RUN", 36))  \(pad("STATE", state))  \(pad("PIPELINE", width))  \(pad("BEGAN", 25))  TOOK")
        ]
        for run in runs {
            let took = run.took.map(readable) ?? "-"
            var line = "\(run.id)  \(colored(run, width: state))  \(pad(style.line(run.pipeline), width))  "
            line += "\(pad(LocalTime.text(run.startedAt ?? run.createdAt), 25))  \(took)"
            if run.state == .waiting, let wakeAt = run.wakeAt { line += style.dim("  until \(LocalTime.text(wakeAt))") }
            if let message = run.error?.asObject?["message"]?.asString {
                line += style.dim("  \(style.line(message.firstLine))")
            }
            lines.append(line)
        }
        return lines.joined(separator: "\n") + "\n"
    }

    func colored(_ run: RunRecord, width: Int = 9) -> String {
        let text = pad(run.stateText, width)
        switch run.state {
        case .succeeded: return style.green(text)
        case .failed: return style.red(text)
        case .running: return style.bold(text)
        case .queued where run.isInterrupted: return style.bold(text)
        case .queued, .waiting, .cancelled, .skipped: return style.dim(text)
        }
    }

    private func pad(_ text: String, _ width: Int) -> String {
        text.count >= width ? text : text + String(repeating: " ", count: width - text.count)
    }
}

extension RunRecord {
    /// From begin to end, or until now.
    var took: Duration? {
        guard let startedAt else { return nil }
        return .nanoseconds(max(0, (endedAt ?? WallClock.nanoseconds()) - startedAt))
    }
}

extension String {
    var firstLine: String { split(separator: "\n", maxSplits: 1).first.map(String.init) ?? self }
}
