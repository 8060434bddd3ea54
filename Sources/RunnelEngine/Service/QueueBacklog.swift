import RunnelKit

/// The queued runs of one pipeline.
public struct QueuedSize: Sendable, Hashable {
    /// The name of the pipeline.
    public var pipeline: String
    /// The number of queued runs.
    public var count: Int
    /// About how many bytes hold what they were started with.
    public var bytes: Int

    /// A size; see the properties.
    public init(pipeline: String, count: Int, bytes: Int) {
        self.pipeline = pipeline
        self.count = count
        self.bytes = bytes
    }
}

/// The runs that wait, about: those that the journal held when this process began, and those accepted here since. Other
/// processes take runs too. No pipeline fills the queue, or the disk, alone.
struct QueueBacklog {
    private struct Total {
        var count = 0
        var bytes = 0
    }

    private var runs: [String: (pipeline: String, bytes: Int)] = [:]
    private var totals: [String: Total] = [:]
    /// What is left of the runs that were there before, which are not known by name.
    private var earlier: [String: Total] = [:]

    /// How many runs wait.
    var count: Int { runs.count + earlier.values.reduce(0) { $0 + $1.count } }

    /// How many runs of these pipelines wait.
    func count(of pipelines: Set<String>) -> Int { pipelines.reduce(0) { $0 + count(of: $1) } }

    /// How many runs of a pipeline wait.
    func count(of pipeline: String) -> Int {
        (totals[pipeline]?.count ?? 0) + (earlier[pipeline]?.count ?? 0)
    }

    /// What the waiting runs of a pipeline were started with, in bytes.
    func bytes(of pipeline: String) -> Int {
        (totals[pipeline]?.bytes ?? 0) + (earlier[pipeline]?.bytes ?? 0)
    }

    /// Counts the runs that were accepted before this process began.
    mutating func count(_ sizes: [QueuedSize]) {
        earlier = Dictionary(
            sizes.filter { $0.count > 0 }.map { ($0.pipeline, Total(count: $0.count, bytes: $0.bytes)) },
            uniquingKeysWith: { first, _ in first })
    }

    /// A run has left the queue.
    mutating func taken(_ run: RunRecord) {
        if runs[run.id] != nil { return remove(run.id) }
        guard var total = earlier[run.pipeline] else { return }
        total.count -= 1
        total.bytes = max(0, total.bytes - run.startSize)
        earlier[run.pipeline] = total.count > 0 ? total : nil
    }

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
        earlier = [:]
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
