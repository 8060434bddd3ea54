import GRDB

extension Database {
    /// What `inTransaction` does, with statements that are prepared once for each connection. Preparing them costs as much
    /// as a small read.
    func transaction<Result>(_ kind: TransactionKind, _ body: () throws -> Result) throws -> Result {
        try cachedStatement(sql: "BEGIN \(kind.rawValue)").execute()
        do {
            let result = try body()
            try cachedStatement(sql: "COMMIT").execute()
            return result
        } catch {
            try? rollback()
            throw error
        }
    }
}
