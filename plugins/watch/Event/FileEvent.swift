internal import RunnelKit

/// The event of one content of one file. It can be made from the ledger alone, so that a run whose id was not written
/// down any more is found again.
struct FileEvent {
    let path: FilePath
    let entry: LedgerEntry

    /// Path and content, in ASCII.
    var dedupeKey: String { "watch:\(path.encoded):\(entry.status.size):\(entry.hash ?? "")" }

    var event: TriggerEvent {
        TriggerEvent(
            dedupeKey: dedupeKey, payload: payload, input: .string(path.text),
            memory: [LedgerEntry.key(of: path): entry.value])
    }

    private var payload: ValueObject {
        let name = path.name
        // A dot that begins the name belongs to it.
        let dot = name.dropFirst().lastIndex(of: ".")
        let fileExtension = dot.map { String(name[name.index(after: $0)...]).lowercased() } ?? ""
        return [
            "path": .string(path.text), "name": .string(name),
            "stem": .string(dot.map { String(name[..<$0]) } ?? name), "extension": .string(fileExtension),
            "size": .int(entry.status.size), "modified": .string(Timestamp.text(nanoseconds: entry.status.modified)),
            "media_type": .string(MediaType.type(ofExtension: fileExtension)),
        ]
    }
}
