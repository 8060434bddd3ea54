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
        let times = runs.map { width == nil ? LocalTime.text($0.shownTime) : LocalTime.short($0.shownTime) }
        let now = WallClock.nanoseconds()
        let took = runs.map { $0.took(now: now).map(DurationText.measured) ?? "-" }
        let idWidth = max(3, ids.map(\.count).max() ?? 3)
        let stateWidth = max(9, runs.map(\.stateText.count).max() ?? 9)
        let timeWidth = times.map(\.count).max() ?? 5
        let tookWidth = max(4, took.map(\.count).max() ?? 4)
        var nameWidth = max(8, runs.map { style.line($0.pipeline).count }.max() ?? 8)
        var triggerWidth = max(7, runs.map { style.line($0.cause).count }.max() ?? 7)
        if let width {
            let rest = max(15, width - idWidth - stateWidth - timeWidth - tookWidth - 10)
            nameWidth = min(nameWidth, max(8, rest / 2))
            triggerWidth = min(triggerWidth, max(7, rest - nameWidth))
        }
        func row(_ id: String, _ state: String, _ name: String, _ trigger: String, _ time: String, _ took: String)
            -> String
        {
            "\(id.padded(to: idWidth))  \(state)  \(cut(name, nameWidth))  \(cut(trigger, triggerWidth))  "
                + "\(time.padded(to: timeWidth))  \(took)"
        }
        var lines = [style.dim(row("RUN", "STATE".padded(to: stateWidth), "PIPELINE", "TRIGGER", "BEGAN", "TOOK"))]
        for (index, run) in runs.enumerated() {
            var line = row(
                ids[index], colored(run, width: stateWidth), style.line(run.pipeline), style.line(run.cause),
                times[index], took[index])
            if let detail = detail(of: run, idLength: ids[index].count) {
                // Behind the row for a program, below it for a person.
                line += width.map { "\n" + style.dim("  " + cut(detail, $0 - 2).trimmed) } ?? style.dim("  \(detail)")
            }
            lines.append(line)
        }
        return lines.joined(separator: "\n") + "\n"
    }

    func colored(_ run: RunRecord, width: Int = 9) -> String {
        let text = run.stateText.padded(to: width)
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

    private func cut(_ text: String, _ width: Int) -> String {
        text.count > width ? text.prefix(max(0, width - 1)) + "…" : text.padded(to: width)
    }
}

extension RunRecord {
    var shownTime: Int64 { startedAt ?? createdAt }
}

extension String {
    var firstLine: String { split(separator: "\n", maxSplits: 1).first.map(String.init) ?? self }

    /// The sentence as a part of a longer one.
    var withoutFullStop: String { hasSuffix(".") && !hasSuffix("..") ? String(dropLast()) : self }

    fileprivate var trimmed: String {
        var text = self[...]
        while text.last == " " { text.removeLast() }
        return String(text)
    }
}
