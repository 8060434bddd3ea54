import GRDB
import GRDBSQLite
import RunnelEngine

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// The memory that is free for the texts of a statement.
typealias TextMemory = UnsafeMutableBufferPointer<UInt8>

/// A value that a statement can be given.
protocol Bindable: Sendable {
    /// The size of its text in bytes; 0 for another value.
    var textSize: Int { get }

    /// - Parameter memory: The free memory. A text is copied to its beginning, and stays there while it is bound. What is
    ///   left is free for the next value.
    /// - Returns: SQLite's code.
    func bound(to statement: SQLiteStatement, at index: CInt, _ memory: inout TextMemory) -> CInt
}

extension String: Bindable {
    var textSize: Int { utf8.count }

    func bound(to statement: SQLiteStatement, at index: CInt, _ memory: inout TextMemory) -> CInt {
        var copy = self
        return copy.withUTF8 { bytes in
            // Without an address it would be null.
            guard let start = memory.baseAddress else { return sqlite3_bind_text(statement, index, "", 0, nil) }
            let end = memory.initialize(fromContentsOf: bytes)
            memory = TextMemory(rebasing: memory[end...])
            return start.withMemoryRebound(to: CChar.self, capacity: bytes.count) {
                sqlite3_bind_text(statement, index, $0, CInt(bytes.count), nil)
            }
        }
    }
}

extension Optional: Bindable where Wrapped: Bindable {
    var textSize: Int { self?.textSize ?? 0 }

    func bound(to statement: SQLiteStatement, at index: CInt, _ memory: inout TextMemory) -> CInt {
        self?.bound(to: statement, at: index, &memory) ?? sqlite3_bind_null(statement, index)
    }
}

extension Bindable where Self: StatementBinding {
    var textSize: Int { 0 }

    func bound(to statement: SQLiteStatement, at index: CInt, _ memory: inout TextMemory) -> CInt {
        bind(to: statement, at: index)
    }
}

extension Int: Bindable {}
extension Int64: Bindable {}
extension Bool: Bindable {}
extension Data: Bindable {}

extension StoredValue: Bindable {
    var textSize: Int { if case .text(let text) = self { text.textSize } else { 0 } }

    func bound(to statement: SQLiteStatement, at index: CInt, _ memory: inout TextMemory) -> CInt {
        switch self {
        case .text(let text): text.bound(to: statement, at: index, &memory)
        case .file(let hash): Data(hash).bound(to: statement, at: index, &memory)
        }
    }
}

/// Executing with values that are bound one by one. GRDB's own methods check and copy their arguments several times and
/// describe the columns of each row, which takes longer than what SQLite does for most statements of the journal.
extension Statement {
    /// Executes to the end.
    func execute(_ values: [any Bindable]) throws {
        try withBound(values) { try execute() }
    }

    /// What `read` makes of the first row; nil where there is none.
    func first<Result>(
        _ values: [any Bindable] = [], _ read: (FoundRow) throws -> Result
    ) throws -> Result? {
        try withBound(values) {
            defer { sqlite3_reset(sqliteStatement) }
            return try next().map(read)
        }
    }

    /// What `read` makes of each row.
    func all<Result>(
        _ values: [any Bindable] = [], _ read: (FoundRow) throws -> Result
    ) throws -> [Result] {
        try withBound(values) {
            defer { sqlite3_reset(sqliteStatement) }
            var results: [Result] = []
            while let row = try next() { results.append(try read(row)) }
            return results
        }
    }

    /// nil behind the last row.
    private func next() throws -> FoundRow? {
        let code = sqlite3_step(sqliteStatement)
        if code == SQLITE_DONE { return nil }
        guard code == SQLITE_ROW else { throw failure(code) }
        return FoundRow(statement: sqliteStatement)
    }

    /// Calls `body` with the values bound. Their texts lie in one piece of memory until it returns: SQLite would allocate
    /// a copy of each.
    private func withBound<Result>(_ values: [any Bindable], _ body: () throws -> Result) throws -> Result {
        guard values.count == Int(sqlite3_bind_parameter_count(sqliteStatement)) else { throw failure(SQLITE_MISUSE) }
        // Resets it, and leaves the bindings to what follows.
        setUncheckedArguments([])
        let size = values.reduce(0) { $0 + $1.textSize }
        return try withUnsafeTemporaryAllocation(of: UInt8.self, capacity: size) { memory in
            // The cached statement does not keep addresses in the memory.
            defer { sqlite3_clear_bindings(sqliteStatement) }
            var free = memory
            for (index, value) in zip(CInt(1)..., values) {
                let code = value.bound(to: sqliteStatement, at: index, &free)
                guard code == SQLITE_OK else { throw failure(code) }
            }
            return try body()
        }
    }

    private func failure(_ code: CInt) -> DatabaseError {
        let message = sqlite3_errmsg(sqlite3_db_handle(sqliteStatement)).map { String(cString: $0) }
        return DatabaseError(resultCode: ResultCode(rawValue: code), message: message, sql: sql)
    }
}
