import RunnelEngine

/// A table of the journal as it is copied from one database to another: its columns, and by what it is read in order.
struct CopiedTable: Sendable {
    enum Kind: Sendable {
        case text, int, bool
        /// A name that a caller chose; see ``StoredKey``.
        case key
        /// A value of a run, which may be stored outside of its column. The run's id is the first column.
        case value
    }

    struct Column: Sendable {
        let name: String
        let kind: Kind
    }

    let name: String
    let columns: [Column]
    /// The columns by which rows are read, in order; they are among `columns`.
    let key: [String]
    /// Which rows are copied.
    let condition: String

    init(_ name: String, _ columns: KeyValuePairs<String, Kind>, key: [String], where condition: String = "true") {
        self.name = name
        self.columns = columns.map { Column(name: $0.key, kind: $0.value) }
        self.key = key
        self.condition = condition
    }

    var keyIndices: [Int] { key.compactMap { name in columns.firstIndex { $0.name == name } } }

    /// A name as SQL writes it.
    static func quoted(_ name: String) -> String { "\"\(name)\"" }

    var quotedColumns: [String] { columns.map { Self.quoted($0.name) } }
    var quotedKey: String { key.map(Self.quoted).joined(separator: ", ") }

    /// In the order in which they are copied. The runs come last, so that a copy that is cut off has no run without steps.
    static let all = [
        CopiedTable(
            "definitions", ["hash": .text, "pipeline": .text, "file": .text, "text": .text, "kept_at": .int],
            key: ["hash"]),
        CopiedTable(
            "steps",
            [
                "run_id": .text, "number": .int, "key": .text, "uses": .text, "state": .text, "attempt": .int,
                "started_at": .int, "ended_at": .int, "retry_at": .int, "output": .value, "error": .value,
                "items": .value, "with": .text, "attributes": .text, "checkpoint": .text,
            ], key: ["run_id", "number"]),
        CopiedTable(
            "events", ["run_id": .text, "number": .int, "count": .int, "events": .text], key: ["run_id", "number"]),
        CopiedTable(
            "folded", ["run_id": .text, "number": .int, "dedupe_key": .key, "event": .text], key: ["run_id", "number"]),
        triggerMemory,
        CopiedTable(
            "usage",
            [
                "id": .int, "at": .int, "pipeline": .text, "run_id": .text, "step": .text, "agent": .text,
                "model": .text, "input_tokens": .int, "output_tokens": .int, "cached_tokens": .int,
                "estimated_input": .int, "estimated_output": .int,
            ], key: ["id"]),
        CopiedTable(
            "step_memory", ["uses": .text, "key": .key, "number": .int, "value": .text, "expires_at": .int],
            key: ["uses", "key", "number"]),
        CopiedTable(
            "audit",
            [
                "number": .int, "time": .int, "caller": .text, "origin": .text, "action": .text, "subject": .text,
                "outcome": .text,
            ], key: ["number"]),
        CopiedTable(
            "deliveries",
            [
                "number": .int, "time": .int, "pipeline": .text, "trigger": .text, "method": .text, "path": .text,
                "outcome": .text, "reason": .text, "status": .int, "run_id": .text, "size": .int, "whole": .bool,
                "bytes": .int, "request": .text, "body": .text,
            ], key: ["number"]),
        CopiedTable("seen", ["caller": .text, "until": .int], key: ["caller"]),
        CopiedTable("disabled_triggers", ["pipeline": .text, "trigger": .text], key: ["pipeline", "trigger"]),
        CopiedTable("failing", ["pipeline": .text], key: ["pipeline"]),
        CopiedTable(
            "run_hours", ["hour": .int, "pipeline": .text, "state": .text, "runs": .int],
            key: ["hour", "pipeline", "state"]),
        CopiedTable(
            "ends",
            [
                "number": .int, "run_id": .text, "pipeline": .text, "state": .text, "recovery": .bool, "ended_at": .int,
            ], key: ["number"]),
        dedupeKeys,
        runs,
    ]

    /// Rows without a pipeline describe this journal or folders of this machine. They are not copied, except for the
    /// signed-out cookies of the dashboard, which must stay invalid.
    static let triggerMemory = CopiedTable(
        "trigger_memory", ["pipeline": .text, "trigger": .text, "key": .key, "value": .text],
        key: ["pipeline", "trigger", "key"], where: "(pipeline <> '' OR \"trigger\" = '\(TriggerID.signOuts.key)')")

    /// The keys that their run does not carry itself: of runs that were removed, and of events that were folded.
    static let dedupeKeys = CopiedTable(
        "dedupe_keys", ["pipeline": .text, "key": .key, "run_id": .text, "expires_at": .int, "failed": .bool],
        key: ["pipeline", "key"])

    static let runs = CopiedTable(
        "runs",
        [
            "id": .text, "pipeline": .text, "definition": .text, "state": .text, "dedupe_key": .key, "trigger": .value,
            "inputs": .value, "input": .value, "created_at": .int, "started_at": .int, "ended_at": .int,
            "output": .value, "error": .value, "owner": .text, "interruptions": .int, "cancel_requested": .bool,
            "retry_of": .text, "epoch": .int, "deaths": .int, "takeovers": .int, "wake_at": .int, "worked": .int,
            "has_finally": .bool, "chain": .int, "debounce_key": .key, "debounce_until": .int,
            "source": .text, "source_due": .bool, "priority": .int, "finally_stage": .int,
            "host": .text,
        ], key: ["id"])
}

/// A cell of a row that is copied. Values are JSON text, wherever they are stored; keys are as callers wrote them.
enum CopiedCell: Sendable, Hashable {
    case null
    case int(Int64)
    case text(String)

    var text: String? { if case .text(let text) = self { text } else { nil } }
    var int: Int64? { if case .int(let number) = self { number } else { nil } }
}
