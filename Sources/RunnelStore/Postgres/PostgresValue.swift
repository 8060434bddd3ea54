import Crypto
import PostgresClient
import RunnelEngine
import RunnelKit

/// The column form of a value: JSON text, or `#` and the SHA-256 of a row of `blobs` that belongs to the run.
struct PostgresValue: Sendable {
    /// A large value.
    struct Blob: Sendable {
        let hash: [UInt8]
        let bytes: [UInt8]
    }

    let column: String?
    let blob: Blob?

    /// The limit in bytes; larger values are blobs.
    static let limit = 8 << 10
    /// A trigger in a list is read if it is not larger, in bytes; beyond that only its type is.
    static let listLimit = 256 << 10

    init(_ value: Value?) {
        self.init(text: value.map(ValueCoding.text))
    }

    /// - Parameter text: The JSON text.
    init(text: String?) {
        guard let text, text.utf8.count > Self.limit else {
            (column, blob) = (text, nil)
            return
        }
        let bytes = Array(text.utf8)
        let hash = Array(SHA256.hash(data: bytes))
        (column, blob) = ("#" + hash.hexadecimal, Blob(hash: hash, bytes: bytes))
    }

    /// The size of the column in bytes.
    var size: Int { column?.utf8.count ?? 0 }
}

/// Values read from columns, whose blobs are loaded together.
struct PostgresValues {
    private var blobs: [Place: [UInt8]] = [:]

    private struct Place: Hashable {
        let runID: String
        let hash: String
    }

    private static func hash(_ column: String?) -> String? {
        guard let column, column.hasPrefix("#") else { return nil }
        return String(column.dropFirst())
    }

    /// Loads the blobs that the columns name.
    ///
    /// - Parameter isList: Whether only the beginnings of blobs over ``PostgresValue/listLimit`` are loaded.
    init(
        _ columns: [(runID: String, column: String?)], _ connection: PostgresConnection, isList: Bool = false
    ) throws {
        let places = Set(
            columns.compactMap { item in Self.hash(item.column).map { Place(runID: item.runID, hash: $0) } })
        guard !places.isEmpty else { return }
        let bytes =
            isList
            ? "CASE WHEN octet_length(b.bytes) <= \(PostgresValue.listLimit) THEN b.bytes ELSE substring(b.bytes for 256) END"
            : "b.bytes"
        let found = try connection.execute(
            """
            SELECT b.run_id, encode(b.hash, 'hex'), \(bytes) FROM blobs b
            JOIN unnest($1, $2) AS u (run_id, hash) ON b.run_id = u.run_id AND b.hash = decode(u.hash, 'hex')
            """, .texts(places.map(\.runID)), .texts(places.map(\.hash)))
        for row in found.rows {
            blobs[Place(runID: try row.text(0), hash: try row.text(1))] = try row.bytes(2)
        }
    }

    /// Whether the column names a blob that was not there.
    func lacks(_ column: String?, of runID: String) -> Bool {
        Self.hash(column).map { blobs[Place(runID: runID, hash: $0)] == nil } ?? false
    }

    /// The JSON text of a value.
    func text(_ column: String?, of runID: String) throws(JournalError) -> String? {
        guard let hash = Self.hash(column) else { return column }
        guard let bytes = blobs[Place(runID: runID, hash: hash)] else {
            throw .damaged("a large value of the run \(runID) is missing")
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    func value(_ column: String?, of runID: String) throws(JournalError) -> Value? {
        guard let column else { return nil }
        guard let hash = Self.hash(column) else {
            guard let value = ValueCoding.value(column) else {
                throw .damaged("a value of the run \(runID) is not JSON")
            }
            return value
        }
        guard let bytes = blobs[Place(runID: runID, hash: hash)] else {
            throw .damaged("a large value of the run \(runID) is missing")
        }
        guard Array(SHA256.hash(data: bytes)).hexadecimal == hash, let value = ValueCoding.value(bytes) else {
            throw .damaged("a large value of the run \(runID) is not what was stored")
        }
        return value
    }

    /// For a large trigger, only its type, which is its first key.
    func listedTrigger(_ column: String?, of runID: String) throws(JournalError) -> Value {
        guard let hash = Self.hash(column), let bytes = blobs[Place(runID: runID, hash: hash)], bytes.count == 256
        else {
            return try value(column, of: runID) ?? .null
        }
        return ValueCoding.listedTrigger(beginning: bytes)
    }
}

/// One execution of a step as its columns hold it.
struct PostgresStep: Sendable {
    let key: String
    let step: StepRecord
    let output: PostgresValue
    let error: PostgresValue
    let items: PostgresValue
    /// The three are bounded, so they are never blobs.
    let with: String?
    let attributes: String?
    let checkpoint: String?

    init(_ step: StepRecord) {
        key = step.key.description
        self.step = step
        output = PostgresValue(step.output)
        error = PostgresValue(step.error)
        items = PostgresValue(step.items)
        with = step.with.map(ValueCoding.text)
        attributes = step.attributes.map(ValueCoding.text)
        checkpoint = step.checkpoint.map(ValueCoding.text)
    }

    var blobs: [PostgresValue.Blob] { [output, error, items].compactMap(\.blob) }
}

/// Rows of several runs that are written in one statement each.
enum PostgresRows {
    static func blobs(_ rows: [(runID: String, blob: PostgresValue.Blob)]) -> [PostgresStatement] {
        // Large ones alone, so that no message holds many of them.
        var statements: [PostgresStatement] = []
        var (part, size): ([(runID: String, blob: PostgresValue.Blob)], Int) = ([], 0)
        func end() {
            guard !part.isEmpty else { return }
            statements.append(
                PostgresStatement(
                    """
                    INSERT INTO blobs (run_id, hash, bytes) SELECT * FROM unnest($1, $2, $3)
                    ON CONFLICT (run_id, hash) DO NOTHING
                    """, .texts(part.map(\.runID)), .byteArrays(part.map(\.blob.hash)),
                    .byteArrays(part.map(\.blob.bytes))))
            (part, size) = ([], 0)
        }
        for row in rows {
            if size + row.blob.bytes.count > 1 << 20 { end() }
            part.append(row)
            size += row.blob.bytes.count
        }
        end()
        return statements
    }

    /// Each step replaces what was known of its execution.
    static func steps(_ rows: [(runID: String, step: PostgresStep)]) -> [PostgresStatement] {
        guard !rows.isEmpty else { return [] }
        // One statement can change a row once.
        var seen: Set<String> = []
        var (now, later): ([(runID: String, step: PostgresStep)], [(runID: String, step: PostgresStep)]) = ([], [])
        for row in rows {
            if seen.insert("\(row.runID) \(row.step.key)").inserted { now.append(row) } else { later.append(row) }
        }
        let steps = now.map(\.step)
        let statement = PostgresStatement(
            """
            INSERT INTO steps (run_id, key, uses, state, attempt, started_at, ended_at, retry_at, output, error, items,
                "with", attributes, checkpoint)
            SELECT run_id, key, uses, state, attempt, started_at, ended_at, retry_at, output, error, items, "with",
                attributes, checkpoint
            FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) WITH ORDINALITY
                AS u (run_id, key, uses, state, attempt, started_at, ended_at, retry_at, output, error, items, "with",
                    attributes, checkpoint, place)
            ORDER BY place
            ON CONFLICT (run_id, key) DO UPDATE SET state = excluded.state, attempt = excluded.attempt,
                started_at = excluded.started_at, ended_at = excluded.ended_at, retry_at = excluded.retry_at,
                output = excluded.output, error = excluded.error, items = coalesce(excluded.items, steps.items),
                "with" = coalesce(excluded."with", steps."with"),
                attributes = coalesce(excluded.attributes, steps.attributes),
                checkpoint = CASE WHEN excluded.state = 'running'
                    THEN coalesce(excluded.checkpoint, steps.checkpoint) END
            """,
            parameters: [
                .texts(now.map(\.runID)), .texts(steps.map(\.key)), .texts(steps.map(\.step.uses)),
                .texts(steps.map(\.step.state.rawValue)), .ints(steps.map { Int64($0.step.attempt) }),
                .ints(steps.map(\.step.startedAt)), .ints(steps.map(\.step.endedAt)), .ints(steps.map(\.step.retryAt)),
                .texts(steps.map(\.output.column)), .texts(steps.map(\.error.column)),
                .texts(steps.map(\.items.column)), .texts(steps.map(\.with)), .texts(steps.map(\.attributes)),
                .texts(steps.map(\.checkpoint)),
            ])
        return [statement] + Self.steps(later)
    }
}
