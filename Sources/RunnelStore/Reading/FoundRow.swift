import GRDB
import GRDBSQLite
import RunnelEngine

/// The current row of a statement.
struct FoundRow {
    let statement: SQLiteStatement

    /// nil for null. A value of another type is converted as SQLite does it.
    func text(_ column: CInt) -> String? { sqlite3_column_text(statement, column).map { String(cString: $0) } }

    /// 0 for null. A value of another type is converted as SQLite does it.
    func number(_ column: CInt) -> Int64 { sqlite3_column_int64(statement, column) }

    /// nil for null, and for a value of another type.
    func value<Value: Readable>(_ column: CInt) -> Value? { Value.read(self, column) }

    fileprivate func has(_ type: CInt, at column: CInt) -> Bool { sqlite3_column_type(statement, column) == type }
}

/// A value that can be read from a column.
protocol Readable {
    /// - Returns: nil for a value of another type.
    static func read(_ row: FoundRow, _ column: CInt) -> Self?
}

extension String: Readable {
    static func read(_ row: FoundRow, _ column: CInt) -> String? {
        row.has(SQLITE_TEXT, at: column) ? row.text(column) : nil
    }
}

extension Int64: Readable {
    static func read(_ row: FoundRow, _ column: CInt) -> Int64? {
        row.has(SQLITE_INTEGER, at: column) ? row.number(column) : nil
    }
}

extension Int: Readable {
    static func read(_ row: FoundRow, _ column: CInt) -> Int? { Int64.read(row, column).map { Int($0) } }
}

extension Bool: Readable {
    static func read(_ row: FoundRow, _ column: CInt) -> Bool? { Int64.read(row, column).map { $0 != 0 } }
}

extension StoredValue: Readable {
    static func read(_ row: FoundRow, _ column: CInt) -> StoredValue? {
        if let text = String.read(row, column) { return .text(text) }
        guard row.has(SQLITE_BLOB, at: column) else { return nil }
        let start = sqlite3_column_blob(row.statement, column)
        let count = Int(sqlite3_column_bytes(row.statement, column))
        return .file(Array(UnsafeRawBufferPointer(start: start, count: count)))
    }
}

extension Optional: Readable where Wrapped: Readable {
    static func read(_ row: FoundRow, _ column: CInt) -> Wrapped?? {
        row.has(SQLITE_NULL, at: column) ? .some(nil) : Wrapped.read(row, column).map { .some($0) }
    }
}

/// Reads a row's columns one after the other.
struct Columns {
    private let row: FoundRow
    private var index: CInt = 0

    init(_ row: FoundRow) {
        self.row = row
    }

    /// - Throws: A ``JournalError`` for a value of another type.
    mutating func next<Value: Readable>(_ type: Value.Type = Value.self) throws -> Value {
        defer { index += 1 }
        guard let value = Value.read(row, index) else {
            let name = sqlite3_column_name(row.statement, index).map { String(cString: $0) }
            throw JournalError.damaged("the column \(name ?? "\(index)") holds a value of another type")
        }
        return value
    }
}
