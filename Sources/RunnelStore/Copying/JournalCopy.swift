public import RunnelEngine
import RunnelKit
import RunnelSupport

/// Copies a whole journal into an empty one. No worker may use either.
///
/// Pages are written in transactions that also note how far the copy has come, so that one that is cut off goes on from
/// there.
public struct JournalCopy: Sendable {
    /// The number of rows of one table on both sides.
    public struct Count: Sendable, Hashable {
        /// The name of the table.
        public var table: String
        /// The rows of the journal that is copied.
        public var source: Int
        /// The rows of the copy.
        public var target: Int
    }

    private let source: any CopyingJournal
    private let target: any CopyingJournal
    private static let page = 200

    /// - Throws: For a journal that cannot be copied.
    public init(from source: any Journal, to target: any Journal) throws(JournalError) {
        guard let source = source as? any CopyingJournal, let target = target as? any CopyingJournal else {
            throw JournalError(.failed, "a journal in memory cannot be copied")
        }
        (self.source, self.target) = (source, target)
    }

    /// - Parameter progress: Called with a table and the number of its rows copied by this call.
    /// - Returns: The numbers of rows.
    public func run(progress: @Sendable (String, Int) -> Void) async throws(JournalError) -> [Count] {
        for (journal, words) in [(source, "copied from"), (target, "copied to")] {
            // A backup that was made while Runnel ran holds the workers of then: nobody works on their runs.
            let gone = try await journal.observe().filter { $0.presence != .present }
            if !gone.isEmpty {
                _ = try await journal.takeOver(from: gone, TakeoverPolicy(deaths: .max, now: WallClock.nanoseconds()))
            }
            let workers = try await journal.workers()
            guard workers.isEmpty else {
                let names = workers.map { "\($0.role) \($0.processID) on \($0.host)" }.joined(separator: ", ")
                throw JournalError(
                    .busy, "the journal to be \(words) is in use: \(names)",
                    hint:
                        "stop Runnel there; a process that was killed goes from the list with the next `runnel runs resume`"
                )
            }
        }
        let isResumed = try await target.copyPositions().isEmpty == false
        if !isResumed {
            let runs = try await target.count(of: .runs)
            guard runs == 0 else {
                throw JournalError(
                    .failed, "the journal to be copied to is not empty: it has \(runs) run\(runs == 1 ? "" : "s")",
                    hint: "copy into a new schema or folder")
            }
        }
        for table in CopiedTable.all {
            var position = try await target.copyPositions()[table.name]
            var copied = 0
            while true {
                let rows = try await source.page(of: table, after: position, limit: Self.page)
                guard let last = rows.last else { break }
                let end = table.keyIndices.map { last[$0] }
                try await target.write(rows, of: table, position: end)
                position = end
                copied += rows.count
                progress(table.name, copied)
            }
        }
        try await target.finishCopy(epoch: try await source.lastEpoch(), end: try await source.lastEnd())
        var counts: [Count] = []
        for table in CopiedTable.all {
            counts.append(
                Count(
                    table: table.name, source: try await source.count(of: table),
                    target: try await target.count(of: table)))
        }
        return counts
    }
}

/// A journal whose rows can be read and written as they are.
protocol CopyingJournal: Journal {
    /// The rows after this key, in the order of the key.
    func page(of table: CopiedTable, after position: [CopiedCell]?, limit: Int) async throws(JournalError)
        -> [[CopiedCell]]
    /// Writes rows, and notes in the same transaction how far the copy has come.
    func write(_ rows: [[CopiedCell]], of table: CopiedTable, position: [CopiedCell]) async throws(JournalError)
    /// How far an unfinished copy has come, by table.
    func copyPositions() async throws(JournalError) -> [String: [CopiedCell]]
    /// Sets the counters, and forgets the positions.
    func finishCopy(epoch: Int64, end: Int64) async throws(JournalError)
    func lastEpoch() async throws(JournalError) -> Int64
    func count(of table: CopiedTable) async throws(JournalError) -> Int
}

/// Where positions of a copy are kept: in the memory of a trigger that no pipeline has.
enum CopyPosition {
    static let trigger = TriggerID(pipeline: "", key: "copy")

    static func value(_ cells: [CopiedCell]) -> Value {
        .list(
            cells.map { cell in
                switch cell {
                case .null: .null
                case .int(let number): .int(number)
                case .text(let text): .string(text)
                }
            })
    }

    static func cells(_ value: Value) -> [CopiedCell] {
        (value.asList ?? []).map { item in
            if let text = item.asString { return .text(text) }
            return item.asInt.map { .int(Int64($0)) } ?? .null
        }
    }
}

extension CopyingJournal {
    func copyPositions() async throws(JournalError) -> [String: [CopiedCell]] {
        do {
            let values = try await memory(of: CopyPosition.trigger).values(prefix: "")
            return Dictionary(values.map { ($0.key, CopyPosition.cells($0.value)) }) { first, _ in first }
        } catch let error as JournalError {
            throw error
        } catch {
            throw JournalError(.failed, "\(error)")
        }
    }
}
