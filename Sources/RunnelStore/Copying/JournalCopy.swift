import Crypto
public import RunnelEngine
import RunnelKit
import RunnelSupport

/// Copies a whole journal into an empty one. No worker may use either.
///
/// Each page is written in one transaction with the position of the copy. An interrupted copy continues there, unless the
/// source was used since: copied rows may have changed. A page is limited in rows and in bytes, so that memory stays
/// bounded.
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
    private let host: String?
    /// The limits of a page, in rows and in bytes.
    private static let page = (rows: 200, bytes: 8 << 20)

    /// - Parameters:
    ///   - source: The journal that is copied.
    ///   - target: The empty journal.
    ///   - host: The name of this machine; nil if unknown. Runs from a journal of a single machine get it as their
    ///     host, because they may need its files.
    /// - Throws: For a journal that cannot be copied.
    public init(from source: any Journal, to target: any Journal, host: String? = nil) throws(JournalError) {
        guard let source = source as? any CopyingJournal, let target = target as? any CopyingJournal else {
            throw JournalError(.failed, "a journal in memory cannot be copied")
        }
        (self.source, self.target, self.host) = (source, target, host)
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
        let state = try await sourceState()
        let (begunAt, positions) = try await target.copyProgress()
        if !positions.isEmpty {
            guard begunAt == state else { throw Self.used }
        } else {
            let runs = try await target.count(of: .runs)
            guard runs == 0 else {
                throw JournalError(
                    .failed, "the journal to be copied to is not empty: it has \(runs) run\(runs == 1 ? "" : "s")",
                    hint: "copy into a new schema or folder")
            }
            try await target.noteCopy(at: state)
        }
        for table in CopiedTable.all {
            var position = positions[table.name]
            var copied = 0
            while true {
                var rows = try await source.page(
                    of: table, after: position, limit: Self.page.rows, bytes: Self.page.bytes)
                guard let last = rows.last else { break }
                if let host, !source.keepsHosts, let index = table.columns.firstIndex(where: { $0.name == "host" }) {
                    for row in rows.indices { rows[row][index] = .text(host) }
                }
                let end = table.keyIndices.map { last[$0] }
                try await target.write(rows, of: table, position: end)
                position = end
                copied += rows.count
                progress(table.name, copied)
            }
        }
        guard try await sourceState() == state else { throw Self.used }
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

    private static let used = JournalError(
        .failed, "the journal to be copied from was used since the copy began: the copy would mix two states of it",
        hint: "stop Runnel there, and copy into a new schema or folder")

    /// A hash that changes when the source is used: of the numbers of rows, claims and ends, and of the memory of triggers,
    /// whose rows change in place without changing these numbers.
    func sourceState() async throws(JournalError) -> String {
        var numbers = [try await source.lastEpoch(), try await source.lastEnd()]
        for table in CopiedTable.all { numbers.append(Int64(try await source.count(of: table))) }
        var hash = SHA256()
        hash.update(data: Array("\(numbers)".utf8))
        let table = CopiedTable.triggerMemory
        var position: [CopiedCell]?
        while true {
            let rows = try await source.page(
                of: table, after: position, limit: Self.page.rows, bytes: Self.page.bytes)
            guard let last = rows.last else { break }
            hash.update(data: Array("\(rows)".utf8))
            position = table.keyIndices.map { last[$0] }
        }
        return Array(hash.finalize()).hexadecimal
    }
}

/// A journal whose rows can be read and written as they are.
protocol CopyingJournal: Journal {
    /// Whether the journal stores ``RunRecord/host``; a journal of several machines does.
    var keepsHosts: Bool { get }
    /// The rows after this key, in the order of the key.
    ///
    /// - Parameters:
    ///   - limit: The maximum number of rows.
    ///   - bytes: The maximum size of their values. A larger row is returned alone.
    func page(
        of table: CopiedTable, after position: [CopiedCell]?, limit: Int, bytes: Int
    ) async throws(JournalError) -> [[CopiedCell]]
    /// Writes rows, and notes in the same transaction how far the copy has come.
    func write(_ rows: [[CopiedCell]], of table: CopiedTable, position: [CopiedCell]) async throws(JournalError)
    /// Sets the counters, and forgets the positions.
    func finishCopy(epoch: Int64, end: Int64) async throws(JournalError)
    func lastEpoch() async throws(JournalError) -> Int64
    func count(of table: CopiedTable) async throws(JournalError) -> Int
}

/// Where positions of a copy are kept: in the memory of a trigger that no pipeline has.
enum CopyPosition {
    static let trigger = TriggerID(pipeline: "", key: "copy")
    /// The key of the ``JournalCopy/sourceState()`` from the start of the copy; the other keys are names of tables.
    static let source = "source"

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
    /// The positions of an unfinished copy, by table, and the state of its source when the copy began.
    func copyProgress() async throws(JournalError) -> (source: String?, positions: [String: [CopiedCell]]) {
        try await copyMemory { memory in
            var (source, positions): (String?, [String: [CopiedCell]]) = (nil, [:])
            for (key, value) in try await memory.values(prefix: "") {
                if key == CopyPosition.source {
                    source = value.asString
                } else {
                    positions[key] = CopyPosition.cells(value)
                }
            }
            return (source, positions)
        }
    }

    func noteCopy(at state: String) async throws(JournalError) {
        try await copyMemory { try await $0.set([CopyPosition.source: .string(state)]) }
    }

    private func copyMemory<Result>(
        _ body: (any TriggerMemory) async throws -> Result
    ) async throws(JournalError) -> Result {
        do {
            return try await body(memory(of: CopyPosition.trigger))
        } catch let error as JournalError {
            throw error
        } catch {
            throw JournalError(.failed, "\(error)")
        }
    }
}
