/// A trigger whose memory is a ledger: one entry for each thing that it knows, such as a file. `runnel ledger`, the
/// dashboard and the API show it.
public protocol LedgerTrigger: Trigger {
    /// What the keys of the entries begin with.
    static var ledgerPrefix: String { get }

    /// What an entry says; nil for one that cannot be read.
    ///
    /// - Parameters:
    ///   - key: The key in the memory, with its prefix.
    ///   - value: As the trigger has set it; an older version of the trigger may have done so.
    static func ledgerItem(key: String, value: Value) -> LedgerItem?
}

/// One entry of a trigger's ledger, for people.
public struct LedgerItem: Sendable, Hashable {
    /// What it is about, such as the path of a file.
    public var name: String
    /// In bytes; nil where it has none.
    public var size: Int?
    /// When it was changed last; nanoseconds since 1970. nil where that is not known.
    public var modified: Int64?
    /// The run that it waits for; nil for none.
    public var runID: String?

    /// An entry; see the properties.
    public init(name: String, size: Int? = nil, modified: Int64? = nil, runID: String? = nil) {
        self.name = name
        self.size = size
        self.modified = modified
        self.runID = runID
    }

    /// The entry as the API and `runnel ledger` show it.
    package var json: Value {
        var object: ValueObject = ["name": .string(name)]
        object["size"] = size.map { .int(Int64($0)) }
        object["modified"] = modified.map { .string(Timestamp.text(nanoseconds: $0)) }
        object["run"] = runID.map { .string($0) }
        return .object(object)
    }
}

/// How the entries of a trigger's ledger are read; see ``LedgerTrigger``.
package struct TriggerLedger: Sendable {
    package let prefix: String
    package let item: @Sendable (_ key: String, _ value: Value) -> LedgerItem?
}
