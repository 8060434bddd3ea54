internal import CRunnelPostgres

/// The rows of a statement, in binary form. Valid on the connection's thread.
package final class PostgresResult {
    private let pointer: OpaquePointer?
    package let count: Int

    init(_ pointer: OpaquePointer?) {
        self.pointer = pointer
        count = pointer.map { Int(rpq_PQntuples($0)) } ?? 0
    }

    deinit {
        if let pointer { rpq_PQclear(pointer) }
    }

    /// The number of rows that were inserted, updated, deleted or selected.
    package var affected: Int {
        guard let pointer, let text = rpq_PQcmdTuples(pointer) else { return 0 }
        return Int(String(cString: text)) ?? 0
    }

    package var rows: some Sequence<PostgresRow> { (0..<count).lazy.map { PostgresRow(result: self, index: $0) } }
    package var first: PostgresRow? { count > 0 ? PostgresRow(result: self, index: 0) : nil }

    func cell(_ row: Int, _ column: Int) -> UnsafeRawBufferPointer? {
        guard let pointer, row < count, column < Int(rpq_PQnfields(pointer)) else { return nil }
        guard rpq_PQgetisnull(pointer, Int32(row), Int32(column)) == 0 else { return nil }
        return UnsafeRawBufferPointer(
            start: rpq_PQgetvalue(pointer, Int32(row), Int32(column)),
            count: Int(rpq_PQgetlength(pointer, Int32(row), Int32(column))))
    }
}

/// A row, whose columns are read by their position or one after the other.
package struct PostgresRow {
    let result: PostgresResult
    let index: Int
    private var next = 0

    init(result: PostgresResult, index: Int) {
        self.result = result
        self.index = index
    }

    package func optionalText(_ column: Int) -> String? {
        result.cell(index, column).map { String(decoding: $0, as: UTF8.self) }
    }

    package func optionalInt(_ column: Int) throws(PostgresError) -> Int64? {
        guard let cell = result.cell(index, column) else { return nil }
        guard [1, 2, 4, 8].contains(cell.count) else {
            throw PostgresError(.answer, "column \(column + 1) holds \(cell.count) bytes, which are no number")
        }
        let isNegative = cell.count > 1 && cell[0] & 0x80 != 0
        return cell.reduce(isNegative ? -1 : 0) { $0 << 8 | Int64($1) }
    }

    package func optionalBytes(_ column: Int) -> [UInt8]? { result.cell(index, column).map { Array($0) } }

    package func text(_ column: Int) throws(PostgresError) -> String {
        guard let text = optionalText(column) else { throw Self.missing(column) }
        return text
    }

    package func int(_ column: Int) throws(PostgresError) -> Int64 {
        guard let number = try optionalInt(column) else { throw Self.missing(column) }
        return number
    }

    package func bytes(_ column: Int) throws(PostgresError) -> [UInt8] {
        guard let bytes = optionalBytes(column) else { throw Self.missing(column) }
        return bytes
    }

    package func bool(_ column: Int) throws(PostgresError) -> Bool { try int(column) != 0 }

    private static func missing(_ column: Int) -> PostgresError {
        PostgresError(.answer, "column \(column + 1) is NULL")
    }

    // MARK: - One column after the other

    package mutating func nextOptionalText() -> String? {
        defer { next += 1 }
        return optionalText(next)
    }

    package mutating func nextOptionalInt() throws(PostgresError) -> Int64? {
        defer { next += 1 }
        return try optionalInt(next)
    }

    package mutating func nextText() throws(PostgresError) -> String {
        defer { next += 1 }
        return try text(next)
    }

    package mutating func nextInt() throws(PostgresError) -> Int64 {
        defer { next += 1 }
        return try int(next)
    }

    package mutating func nextBool() throws(PostgresError) -> Bool { try nextInt() != 0 }
}
