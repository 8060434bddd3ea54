import GRDB
import RunnelEngine
import RunnelKit

extension SQLiteJournal: CopyingJournal {
    var keepsHosts: Bool { false }

    func page(
        of table: CopiedTable, after position: [CopiedCell]?, limit: Int, bytes: Int
    ) async throws(JournalError) -> [[CopiedCell]] {
        let columns = table.columns.map { $0.name == "host" ? "NULL" : CopiedTable.quoted($0.name) }
        var sql = "SELECT \(columns.joined(separator: ", ")) FROM \(table.name) WHERE \(table.condition)"
        var arguments = StatementArguments()
        if let position {
            sql += " AND (\(table.quotedKey)) > (\(position.map { _ in "?" }.joined(separator: ", ")))"
            let values: [DatabaseValue] = zip(position, table.keyIndices).map {
                $0.databaseValue(table.columns[$1].kind)
            }
            arguments = StatementArguments(values)
        }
        sql += " ORDER BY \(table.quotedKey) LIMIT \(limit)"
        enum Cell: Sendable {
            case copied(CopiedCell), value(StoredValue)

            /// In bytes.
            func size(_ files: OutputFiles) -> Int {
                switch self {
                case .copied(let cell): cell.text?.utf8.count ?? 0
                case .value(.text(let text)): text.utf8.count
                case .value(.file(let hash)): Int(FileSystem.facts(files.path(of: hash))?.size ?? 0)
                }
            }
        }
        let files = files
        let rows = try await read { [sql, arguments] db in
            var (rows, total): ([[Cell]], Int) = ([], 0)
            let cursor = try Row.fetchCursor(db, sql: sql, arguments: arguments)
            while let row = try cursor.next() {
                let cells = try table.columns.enumerated().map { index, column -> Cell in
                    let value: DatabaseValue = row[index]
                    if value.isNull { return .copied(.null) }
                    switch column.kind {
                    case .int, .bool: return .copied(.int(try row.decode(atIndex: index)))
                    case .text: return .copied(.text(try row.decode(atIndex: index)))
                    case .key: return .copied(.text(StoredKey.key(try row.decode(atIndex: index))))
                    case .value: return .value(try row.decode(atIndex: index))
                    }
                }
                total += cells.reduce(0) { $0 + $1.size(files) }
                guard rows.isEmpty || total <= bytes else { break }
                rows.append(cells)
            }
            return rows
        }
        return try await onDisk { () throws(JournalError) in
            var copied: [[CopiedCell]] = []
            for row in rows {
                var cells: [CopiedCell] = []
                for cell in row {
                    switch cell {
                    case .copied(let cell): cells.append(cell)
                    case .value(.text(let text)): cells.append(.text(text))
                    case .value(let stored): cells.append(.text(ValueCoding.text(try files.load(stored) ?? .null)))
                    }
                }
                copied.append(cells)
            }
            return copied
        }
    }

    func write(
        _ rows: [[CopiedCell]], of table: CopiedTable, position: [CopiedCell]
    ) async throws(JournalError) {
        let files = files
        // Large values become files before the transaction that names them.
        let stored = try await onDisk { () throws(JournalError) in
            var all: [[(cell: CopiedCell, file: [UInt8]?)]] = []
            for row in rows {
                var cells: [(cell: CopiedCell, file: [UInt8]?)] = []
                for (cell, column) in zip(row, table.columns) {
                    var file: [UInt8]?
                    if column.kind == .value, let text = cell.text, text.utf8.count > StoredValue.limit {
                        file = try files.store(ValueCoding.value(text))?.file
                    }
                    cells.append((cell, file))
                }
                all.append(cells)
            }
            return all
        }
        // Steps and usage get new numbers, in the same order. The host is not stored: it is always this machine.
        let omitted = ["steps": "number", "usage": "id", "runs": "host"][table.name]
        let kept = table.columns.indices.filter { table.columns[$0].name != omitted }
        let sql = """
            INSERT OR IGNORE INTO \(table.name) (\(kept.map { table.quotedColumns[$0] }.joined(separator: ", ")))
            VALUES (\(kept.map { _ in "?" }.joined(separator: ", ")))
            """
        try await committer.write { db in
            for row in stored {
                try files.require(row.compactMap(\.file))
                let values = kept.map { index -> DatabaseValue in
                    if let file = row[index].file { return StoredValue.file(file).databaseValue }
                    if table.name == "dedupe_keys", table.columns[index].name == "expires_at", row[index].cell == .null
                    {
                        return Int64.max.databaseValue
                    }
                    return row[index].cell.databaseValue(table.columns[index].kind)
                }
                try db.cachedStatement(sql: sql).execute(arguments: StatementArguments(values))
                guard db.changesCount > 0 else { continue }
                let number = table.name == "steps" ? db.lastInsertedRowID : 0
                for index in kept {
                    guard let file = row[index].file, let runID = row.first?.cell.text else { continue }
                    try db.cachedStatement(
                        sql: "INSERT OR REPLACE INTO files (run_id, step, name, hash) VALUES (?, ?, ?, ?)"
                    ).execute([runID, number, table.columns[index].name, StoredValue.file(file)])
                }
            }
            try Self.remember([table.name: CopyPosition.value(position)], of: CopyPosition.trigger, db)
        }
    }

    func finishCopy(epoch: Int64, end: Int64) async throws(JournalError) {
        try await committer.write { db in
            try db.execute(sql: "UPDATE epochs SET value = ?", arguments: [epoch])
            try db.execute(
                sql: "DELETE FROM trigger_memory WHERE pipeline = ? AND \"trigger\" = ?",
                arguments: [CopyPosition.trigger.pipeline, CopyPosition.trigger.key])
        }
    }

    func lastEpoch() async throws(JournalError) -> Int64 {
        try await read { try Int64.fetchOne($0, sql: "SELECT value FROM epochs") ?? 0 }
    }

    func count(of table: CopiedTable) async throws(JournalError) -> Int {
        try await read { db in
            try Int.fetchOne(db, sql: "SELECT count(*) FROM \(table.name) WHERE \(table.condition)") ?? 0
        }
    }
}

extension CopiedCell {
    fileprivate func databaseValue(_ kind: CopiedTable.Kind) -> DatabaseValue {
        switch self {
        case .null: .null
        case .int(let number): number.databaseValue
        case .text(let text): (kind == .key ? StoredKey.column(text) : text).databaseValue
        }
    }
}
