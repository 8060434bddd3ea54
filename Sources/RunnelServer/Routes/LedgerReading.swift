package import RunnelEngine
package import RunnelKit

extension API {
    /// A page of what a trigger remembers.
    ///
    /// - Parameters:
    ///   - key: The trigger's; nil for the only one of the pipeline with a ledger.
    ///   - position: Where the page before has ended.
    func ledger(
        of pipeline: Pipeline, key: String?, after position: String?, limit: Int
    ) async throws -> (trigger: TriggerDeclaration, page: LedgerPage) {
        let known = pipeline.triggers.filter { host.hasLedger($0) }
        let found = key.map { key in known.first { $0.key == key } } ?? (known.count == 1 ? known.first : nil)
        guard let found,
            let page = try await withJournal({
                try await host.ledger(of: found, in: pipeline, after: position, limit: limit)
            })
        else { throw noLedger(pipeline, key, among: known.map(\.key)) }
        return (found, page)
    }

    private func noLedger(_ pipeline: Pipeline, _ key: String?, among known: [String]) -> APIError {
        let advice =
            known.isEmpty ? "none of its triggers has one" : "those with one are \(known.joined(separator: ", "))"
        guard let key else {
            return APIError(
                404, .noSuchTrigger,
                known.isEmpty
                    ? "no trigger of the pipeline \"\(pipeline.name)\" keeps a ledger"
                    : "several triggers of the pipeline \"\(pipeline.name)\" keep a ledger; name one: "
                        + known.joined(separator: ", "))
        }
        return APIError(
            404, .noSuchTrigger,
            "the pipeline \"\(pipeline.name)\" has no trigger \(Value.string(key).quoted(limit: 200)) with a ledger; \(advice)"
        )
    }
}

extension LedgerPage {
    /// The page as the API and `runnel ledger --json` show it.
    package var json: Value {
        var object: ValueObject = ["entries": .list(items.map(\.json))]
        object["next"] = next.map { .string($0) }
        return .object(object)
    }
}
