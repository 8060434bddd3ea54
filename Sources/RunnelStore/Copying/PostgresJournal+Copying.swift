import PostgresClient
import RunnelEngine
import RunnelKit

extension PostgresJournal: CopyingJournal {
    var keepsHosts: Bool { true }

    /// What stands for a column of a table that the schema has elsewhere.
    private static let columns = [
        "runs": [
            "definition": "coalesce(a.definition, t.definition)", "state": "coalesce(a.state, t.state)",
            "started_at": "coalesce(a.started_at, t.started_at)", "owner": "a.owner",
            "interruptions": "coalesce(a.interruptions, t.interruptions)",
            "cancel_requested": "coalesce(a.cancel_requested, t.cancel_requested)",
            "finally_stage": "coalesce(a.finally_stage, t.finally_stage)",
            "epoch": "coalesce(a.epoch, t.epoch)", "deaths": "coalesce(a.deaths, t.deaths)",
            "takeovers": "coalesce(a.takeovers, 0)", "wake_at": "coalesce(a.wake_at, t.wake_at)",
            "worked": "coalesce(a.worked, t.worked)",
        ]
    ]

    private static func source(of table: CopiedTable) -> String {
        switch table.name {
        case "runs": "runs t LEFT JOIN active a ON a.run_id = t.id"
        case "dedupe_keys":
            """
            dedupe_keys t
            LEFT JOIN runs r ON r.id = t.run_id AND r.pipeline = t.pipeline AND r.dedupe_key = t.key
            """
        default: "\(table.name) t"
        }
    }

    private static func condition(of table: CopiedTable) -> String {
        table.name == "dedupe_keys" ? "r.id IS NULL" : table.condition
    }

    /// The size of a row in bytes, with its large values.
    private static func size(of table: CopiedTable) -> String {
        let sizes = table.columns.compactMap { column -> String? in
            let name = columns[table.name]?[column.name] ?? "t.\(CopiedTable.quoted(column.name))"
            let size = "coalesce(octet_length(\(name)), 0)"
            switch column.kind {
            case .int, .bool: return nil
            case .text, .key: return size
            case .value:
                return """
                    \(size) + CASE WHEN \(name) LIKE '#%' THEN coalesce((
                        SELECT octet_length(b.bytes) FROM blobs b
                        WHERE b.run_id = t.\(table.quotedColumns[0]) AND b.hash = decode(substr(\(name), 2), 'hex')
                    ), 0) ELSE 0 END
                    """
            }
        }
        return sizes.reduce("0::bigint") { "\($0) + \($1)" }
    }

    func page(
        of table: CopiedTable, after position: [CopiedCell]?, limit: Int, bytes: Int
    ) async throws(JournalError) -> [[CopiedCell]] {
        let names = table.columns.map { Self.columns[table.name]?[$0.name] ?? "t.\(CopiedTable.quoted($0.name))" }
        let key = table.key.map { "t.\(CopiedTable.quoted($0))" }
        var parameters: [PostgresParameter] = []
        var condition = Self.condition(of: table)
        if let position {
            let places = position.enumerated().map { "$\($0.offset + 1)" }
            condition += " AND (\(key.joined(separator: ", "))) > (\(places.joined(separator: ", ")))"
            parameters = zip(position, table.keyIndices).map { Self.parameter($0, table.columns[$1].kind) }
        }
        let rest = """
            FROM \(Self.source(of: table)) WHERE \(condition) ORDER BY \(key.joined(separator: ", ")) LIMIT
            """
        return try await readers.read { [parameters] connection in
            // The sizes first: how many rows fit.
            let sizes = try connection.execute(
                PostgresStatement("SELECT \(Self.size(of: table)) \(rest) \(limit)", parameters: parameters)
            ).rows.map { Int(try $0.int(0)) }
            var (count, total) = (0, 0)
            for size in sizes {
                total += size
                guard count == 0 || total <= bytes else { break }
                count += 1
            }
            guard count > 0 else { return [] }
            let result = try connection.execute(
                PostgresStatement(
                    "SELECT \(names.joined(separator: ", ")) \(rest) \(count)", parameters: parameters))
            let values = table.columns.indices.filter { table.columns[$0].kind == .value }
            let blobs = try PostgresValues(
                result.rows.flatMap { row in
                    try values.map { (runID: try row.text(0), column: row.optionalText($0)) }
                }, connection)
            return try result.rows.map { row in
                try table.columns.enumerated().map { index, column in
                    switch column.kind {
                    case .int, .bool: return try row.optionalInt(index).map { .int($0) } ?? .null
                    case .text: return row.optionalText(index).map { .text($0) } ?? .null
                    case .key: return row.optionalText(index).map { .text(StoredKey.key($0)) } ?? .null
                    case .value:
                        guard let text = try blobs.text(row.optionalText(index), of: try row.text(0)) else {
                            return .null
                        }
                        return .text(text)
                    }
                }
            }
        }
    }

    private static func parameter(_ cell: CopiedCell, _ kind: CopiedTable.Kind) -> PostgresParameter {
        switch kind {
        case .int: .int(cell.int)
        case .bool: .bool(cell.int.map { $0 != 0 })
        case .key: .text(cell.text.map(StoredKey.column))
        case .text, .value: .text(cell.text)
        }
    }

    func write(
        _ rows: [[CopiedCell]], of table: CopiedTable, position: [CopiedCell]
    ) async throws(JournalError) {
        var statements: [PostgresStatement] = []
        for row in rows {
            var cells = row
            if let values = Self.blobs(&cells, of: table) { statements += PostgresRows.blobs(values) }
            statements += table.name == "runs" ? Self.run(cells) : [Self.insert(cells, of: table)]
        }
        statements += Self.remembering([CopyPosition.trigger: [table.name: CopyPosition.value(position)]])
        try await committer.write([]) { [statements] in _ = try $0.pipeline(statements) }
    }

    /// Takes large values out of a row.
    private static func blobs(
        _ cells: inout [CopiedCell], of table: CopiedTable
    ) -> [(runID: String, blob: PostgresValue.Blob)]? {
        guard let runID = cells.first?.text else { return nil }
        var blobs: [(runID: String, blob: PostgresValue.Blob)] = []
        for (index, column) in table.columns.enumerated() where column.kind == .value {
            guard let text = cells[index].text else { continue }
            let value = PostgresValue(text: text)
            cells[index] = value.column.map { .text($0) } ?? .null
            if let blob = value.blob { blobs.append((runID, blob)) }
        }
        return blobs
    }

    private static func insert(_ cells: [CopiedCell], of table: CopiedTable) -> PostgresStatement {
        // Steps and usage are numbered anew, in the same order.
        let isNumbered = ["steps": "number", "usage": "id"][table.name]
        let kept = table.columns.indices.filter { table.columns[$0].name != isNumbered }
        let places = kept.indices.map { "$\($0 + 1)" }
        var parameters = kept.map { parameter(cells[$0], table.columns[$0].kind) }
        if table.name == "dedupe_keys", cells[3].int == .max { parameters[3] = .int(nil) }
        return PostgresStatement(
            """
            INSERT INTO \(table.name) (\(kept.map { table.quotedColumns[$0] }.joined(separator: ", ")))
            \(["audit", "deliveries"].contains(table.name) ? "OVERRIDING SYSTEM VALUE " : "")VALUES (\(places.joined(separator: ", ")))
            ON CONFLICT DO NOTHING
            """, parameters: parameters)
    }

    private static func run(_ cells: [CopiedCell]) -> [PostgresStatement] {
        let table = CopiedTable.runs
        var parameters = [String: PostgresParameter]()
        for (cell, column) in zip(cells, table.columns) { parameters[column.name] = parameter(cell, column.kind) }
        func statement(_ name: String, _ columns: [String: String], _ names: [String]) -> PostgresStatement {
            PostgresStatement(
                """
                INSERT INTO \(name) (\(names.map { CopiedTable.quoted(columns[$0] ?? $0) }.joined(separator: ", ")))
                VALUES (\(names.indices.map { "$\($0 + 1)" }.joined(separator: ", "))) ON CONFLICT DO NOTHING
                """, parameters: names.map { parameters[$0] ?? .text(nil) })
        }
        let all = table.columns.map(\.name).filter { !["owner", "takeovers"].contains($0) }
        let ended = cells[table.columns.firstIndex { $0.name == "ended_at" } ?? 0] != .null
        let size = cells.reduce(Int64(300)) { $0 + Int64($1.text?.utf8.count ?? 0) }
        parameters["bytes"] = .int(size)
        var statements: [PostgresStatement] = []
        if ended {
            statements.append(statement("runs", [:], all + ["bytes"]))
        } else {
            let cold = ["state", "started_at", "wake_at"]
            statements.append(statement("runs", [:], all.filter { !cold.contains($0) } + ["bytes"]))
            let hot = [
                "id", "pipeline", "definition", "state", "created_at", "started_at", "owner", "epoch", "interruptions",
                "deaths", "takeovers", "cancel_requested", "wake_at", "worked", "has_finally", "debounce_key",
                "debounce_until", "priority", "finally_stage", "host",
            ]
            statements.append(statement("active", ["id": "run_id"], hot))
        }
        if case .text(.some)? = parameters["dedupe_key"] {
            statements.append(
                statement("dedupe_keys", ["dedupe_key": "key", "id": "run_id"], ["pipeline", "dedupe_key", "id"]))
        }
        return statements
    }

    func finishCopy(epoch: Int64, end: Int64) async throws(JournalError) {
        try await committer.write(nil) { connection in
            _ = try connection.pipeline([
                PostgresStatement("SELECT setval('epochs', $1)", .int(max(1, epoch))),
                PostgresStatement("UPDATE last_end SET number = $1", .int(end)),
                Self.numbering(of: "audit"), Self.numbering(of: "deliveries"),
                // As if their workers had just left: their machines have time to start; see ``queued(_:)``.
                PostgresStatement(
                    """
                    INSERT INTO hosts (host, left_at) SELECT DISTINCT host, now() FROM active WHERE host IS NOT NULL
                    ON CONFLICT (host) DO UPDATE SET left_at = excluded.left_at
                    """),
                PostgresStatement(
                    "DELETE FROM trigger_memory WHERE pipeline = $1 AND \"trigger\" = $2",
                    .text(CopyPosition.trigger.pipeline), .text(CopyPosition.trigger.key)),
            ])
        }
    }

    /// Goes on behind the copied numbers.
    private static func numbering(of table: String) -> PostgresStatement {
        PostgresStatement(
            """
            SELECT setval(pg_get_serial_sequence('\(table)', 'number'), (SELECT max(number) FROM \(table)))
            WHERE EXISTS (SELECT 1 FROM \(table))
            """)
    }

    func lastEpoch() async throws(JournalError) -> Int64 {
        try await readers.read { try $0.execute("SELECT last_value FROM epochs").first?.int(0) ?? 0 }
    }

    func count(of table: CopiedTable) async throws(JournalError) -> Int {
        let sql = "SELECT count(*) FROM \(Self.source(of: table)) WHERE \(Self.condition(of: table))"
        return try await readers.read { Int(try $0.execute(PostgresStatement(sql)).first?.int(0) ?? 0) }
    }
}
