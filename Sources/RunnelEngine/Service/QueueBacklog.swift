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

/// How many runs are queued, and what they were started with: as the journal counted them last, with what this process
/// has accepted and claimed since. No pipeline fills the queue, or the disk, alone.
///
/// Other processes accept, claim and end runs, too. So the number is right after each count, and the bytes after each
/// count of the sizes.
struct QueueBacklog {
    private struct Total {
        var count = 0
        var bytes = 0

        mutating func add(_ count: Int, bytes: Int) {
            self.count = max(0, self.count + count)
            self.bytes = self.count == 0 ? 0 : max(0, self.bytes + bytes)
        }
    }

    /// How many runs are queued.
    private(set) var count = 0
    private var totals: [String: Total] = [:]
    /// The runs that are being written.
    private var arriving: [String: Total] = [:]
    /// Those that were being written since the count began: the journal may not have counted them.
    private var uncounted: [String: Total] = [:]
    /// How many counts are under way.
    private var counting = 0

    /// How many runs of these pipelines are queued.
    func count(of pipelines: Set<String>) -> Int { pipelines.reduce(0) { $0 + count(of: $1) } }

    /// How many runs of a pipeline are queued.
    func count(of pipeline: String) -> Int { totals[pipeline]?.count ?? 0 }

    /// What the queued runs of a pipeline were started with, in bytes.
    func bytes(of pipeline: String) -> Int { totals[pipeline]?.bytes ?? 0 }

    // MARK: - Counting

    /// The journal begins to count; call ``endCount()`` when it has.
    mutating func beginCount() {
        if counting == 0 { uncounted = arriving }
        counting += 1
    }

    mutating func endCount() { counting -= 1 }

    /// Takes over what the journal has counted.
    mutating func set(counts: [String: Int]) {
        var counted = uncounted.mapValues { Total(count: $0.count) }
        for (pipeline, count) in counts { counted[pipeline, default: Total()].count += count }
        for pipeline in counted.keys { counted[pipeline]?.bytes = bytes(of: pipeline) }
        set(counted)
    }

    /// Takes over what the journal has counted and measured.
    mutating func set(sizes: [QueuedSize]) {
        var counted = uncounted
        for size in sizes { counted[size.pipeline, default: Total()].add(size.count, bytes: size.bytes) }
        set(counted)
    }

    private mutating func set(_ counted: [String: Total]) {
        totals = counted.filter { $0.value.count > 0 }
        count = totals.values.reduce(0) { $0 + $1.count }
    }

    // MARK: - Changes by this process

    /// A run is being written. Counted before it is on disk, so that many at once do not pass a limit.
    mutating func begin(_ pipeline: String, bytes: Int) {
        arriving[pipeline, default: Total()].add(1, bytes: bytes)
        if counting > 0 { uncounted[pipeline, default: Total()].add(1, bytes: bytes) }
        add(1, bytes: bytes, to: pipeline)
    }

    /// - Parameter isQueued: Whether the run is queued now.
    mutating func end(_ pipeline: String, bytes: Int, isQueued: Bool) {
        arriving[pipeline]?.add(-1, bytes: -bytes)
        if arriving[pipeline]?.count == 0 { arriving[pipeline] = nil }
        if !isQueued { remove(1, bytes: bytes, of: pipeline) }
    }

    /// Queued runs have begun, or ended.
    mutating func remove(_ count: Int = 1, bytes: Int = 0, of pipeline: String) {
        add(-count, bytes: -bytes, to: pipeline)
    }

    private mutating func add(_ count: Int, bytes: Int, to pipeline: String) {
        var total = totals[pipeline] ?? Total()
        self.count -= total.count
        total.add(count, bytes: bytes)
        self.count += total.count
        totals[pipeline] = total.count > 0 ? total : nil
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
