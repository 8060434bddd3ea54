import RunnelKit

/// The runs that were accepted here and still wait, about: other processes take runs too. No pipeline fills the queue,
/// or the disk, alone.
struct QueueBacklog {
    private struct Total {
        var count = 0
        var bytes = 0
    }

    private var runs: [String: (pipeline: String, bytes: Int)] = [:]
    private var totals: [String: Total] = [:]

    /// How many runs of a pipeline wait.
    func count(of pipeline: String) -> Int { totals[pipeline]?.count ?? 0 }

    /// What the waiting runs of a pipeline were started with, in bytes.
    func bytes(of pipeline: String) -> Int { totals[pipeline]?.bytes ?? 0 }

    mutating func add(_ run: String, of pipeline: String, bytes: Int) {
        remove(run)
        runs[run] = (pipeline, bytes)
        totals[pipeline, default: Total()].count += 1
        totals[pipeline, default: Total()].bytes += bytes
    }

    mutating func remove(_ run: String) {
        guard let (pipeline, bytes) = runs.removeValue(forKey: run), var total = totals[pipeline] else { return }
        total.count -= 1
        total.bytes -= bytes
        totals[pipeline] = total.count > 0 ? total : nil
    }

    mutating func removeAll() {
        runs = [:]
        totals = [:]
    }
}

extension RunRecord {
    /// About how many bytes of the journal hold what the run was started with.
    var startSize: Int { trigger.storedSize + input.storedSize + Value.object(inputs).storedSize }
}

extension Value {
    fileprivate var storedSize: Int {
        switch self {
        case .string(let text): text.utf8.count + 2
        case .bytes(let bytes): bytes.count * 4 / 3 + 2
        case .list(let items): items.reduce(2) { $0 + $1.storedSize }
        case .object(let object): object.reduce(2) { $0 + $1.key.utf8.count + 3 + $1.value.storedSize }
        default: 8
        }
    }
}
