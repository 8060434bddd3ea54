import GRDB
import GRDBSQLite

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// A value that a statement can be given.
protocol Bindable {
    /// - Returns: SQLite's code.
    func bound(to statement: SQLiteStatement, at index: CInt) -> CInt
}

/// SQLite's mark for values that it has to copy; its C macro is not imported.
private let transient = unsafeBitCast(-1, to: sqlite3_destructor_type.self)

extension String: Bindable {
    func bound(to statement: SQLiteStatement, at index: CInt) -> CInt {
        var copy = self
        return copy.withUTF8 { bytes in
            // Without a base address it would be null.
            guard let start = bytes.baseAddress else { return sqlite3_bind_text(statement, index, "", 0, nil) }
            return start.withMemoryRebound(to: CChar.self, capacity: bytes.count) {
                sqlite3_bind_text(statement, index, $0, CInt(bytes.count), transient)
            }
        }
    }
}

extension Optional: Bindable where Wrapped: Bindable {
    func bound(to statement: SQLiteStatement, at index: CInt) -> CInt {
        self?.bound(to: statement, at: index) ?? sqlite3_bind_null(statement, index)
    }
}

extension Bindable where Self: StatementBinding {
    func bound(to statement: SQLiteStatement, at index: CInt) -> CInt { bind(to: statement, at: index) }
}

extension Int: Bindable {}
extension Int64: Bindable {}
extension Bool: Bindable {}
extension Data: Bindable {}

extension StoredValue: Bindable {
    func bound(to statement: SQLiteStatement, at index: CInt) -> CInt {
        switch self {
        case .text(let text): text.bound(to: statement, at: index)
        case .file(let hash): Data(hash).bound(to: statement, at: index)
        }
    }
}

/// The row that a statement stands at. A value of another type is converted as SQLite does it.
struct FoundRow {
    fileprivate let statement: SQLiteStatement

    /// nil for null.
    func text(_ column: CInt) -> String? { sqlite3_column_text(statement, column).map { String(cString: $0) } }

    /// 0 for null.
    func number(_ column: CInt) -> Int64 { sqlite3_column_int64(statement, column) }
}

/// Executing with values that are bound one by one. GRDB's own methods check and copy their arguments several times and
/// describe the columns of each row, which takes longer than what SQLite does for most statements of the journal.
extension Statement {
    /// Executes to the end.
    func execute(_ values: [any Bindable]) throws {
        try bind(values)
        // The cached statement does not keep the copies.
        defer { sqlite3_clear_bindings(sqliteStatement) }
        try execute()
    }

    /// What `read` makes of the first row; nil where there is none.
    func first<Result>(
        _ values: [any Bindable] = [], _ read: (FoundRow) throws -> Result
    ) throws -> Result? {
        try bind(values)
        defer {
            sqlite3_reset(sqliteStatement)
            sqlite3_clear_bindings(sqliteStatement)
        }
        let code = sqlite3_step(sqliteStatement)
        if code == SQLITE_DONE { return nil }
        guard code == SQLITE_ROW else { throw failure(code) }
        return try read(FoundRow(statement: sqliteStatement))
    }

    private func bind(_ values: [any Bindable]) throws {
        guard values.count == Int(sqlite3_bind_parameter_count(sqliteStatement)) else { throw failure(SQLITE_MISUSE) }
        // Resets it, and leaves the bindings to what follows.
        setUncheckedArguments([])
        for (index, value) in zip(CInt(1)..., values) {
            let code = value.bound(to: sqliteStatement, at: index)
            guard code == SQLITE_OK else { throw failure(code) }
        }
    }

    private func failure(_ code: CInt) -> DatabaseError {
        let message = sqlite3_errmsg(sqlite3_db_handle(sqliteStatement)).map { String(cString: $0) }
        return DatabaseError(resultCode: ResultCode(rawValue: code), message: message, sql: sql)
    }
}
