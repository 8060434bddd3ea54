import RunnelEngine
import RunnelKit
internal import RunnelSupport

/// Workers as a table of at most 80 columns, and what is wrong with them below it.
struct WorkerTable {
    private let workers: [WorkerStatus]
    private let now: Int64

    private static let width = 80
    private static let titles = ["WORKER", "ROLE", "VERSION", "STATE", "RUNS", "BEAT", "CLOCK", "SINCE"]

    init(_ workers: [WorkerStatus], now: Int64 = WallClock.nanoseconds()) {
        (self.workers, self.now) = (workers, now)
    }

    func text(_ style: TextStyle) -> String {
        let rows = workers.map { cells($0).map(style.line) }
        var widths = Self.titles.map(\.count)
        for row in rows { for (column, cell) in row.enumerated() { widths[column] = max(widths[column], cell.count) } }
        let rest = widths.dropFirst().reduce(0) { $0 + $1 + 2 }
        widths[0] = min(widths[0], max(12, Self.width - rest))
        func line(_ cells: [String]) -> String {
            zip(cells, widths).map { Self.cut($0, to: $1).padded(to: $1) }.joined(separator: "  ")
                .trimmingTrailingSpaces
        }
        var lines = [style.dim(line(Self.titles))]
        for (worker, row) in zip(workers, rows) {
            lines.append(worker.state == .ended || worker.state == .silent ? style.red(line(row)) : line(row))
        }
        for worker in workers {
            if let problem = worker.worker.clockProblem { lines.append(style.red("✗ ") + style.safe(problem)) }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private func cells(_ status: WorkerStatus) -> [String] {
        let worker = status.worker
        return [
            worker.name, worker.role, worker.version.isEmpty ? "–" : worker.version, status.state.rawValue,
            "\(status.leases.count)", Self.seconds(worker.silence),
            worker.clockLead.map(Self.difference) ?? "–",
            LocalTime.short(worker.startedAt, now: now),
        ]
    }

    private static func difference(_ lead: Duration) -> String {
        let text = seconds(lead < .zero ? .zero - lead : lead)
        return text == "0.0s" ? text : (lead < .zero ? "-" : "+") + text
    }

    /// `0.3s`, `12s`, `3h`: short rather than exact.
    private static func seconds(_ duration: Duration) -> String {
        let seconds = duration.milliseconds / 1000
        if seconds < 10 { return "\((seconds * 10).rounded() / 10)s" }
        if seconds < 600 { return "\(Int(seconds))s" }
        return seconds < 36_000 ? "\(Int(seconds / 60))m" : "\(Int(min(seconds / 3600, 1e6)))h"
    }

    /// Leaves out of the middle, so that the process of a long host name stays.
    private static func cut(_ text: String, to width: Int) -> String {
        guard text.count > width else { return text }
        let tail = (width - 1) / 2
        return text.prefix(width - 1 - tail) + "…" + text.suffix(tail)
    }
}

extension String {
    fileprivate var trimmingTrailingSpaces: String {
        var text = self[...]
        while text.last == " " { text.removeLast() }
        return String(text)
    }
}
