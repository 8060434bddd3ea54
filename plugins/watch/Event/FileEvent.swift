internal import RunnelKit

/// The trigger event of a file with a certain content. It can be rebuilt from the ledger alone, to find a run whose id
/// was not recorded before a crash.
struct FileEvent {
    let path: FilePath
    let entry: LedgerEntry

    /// Identifies path, content and arrival, in ASCII: a content that comes again is another event.
    var dedupeKey: String {
        let content = "watch:\(path.encoded):\(entry.status.size):\(entry.hash ?? "")"
        return entry.arrival.map { "\(content):\(entry.status.inode):\($0)" } ?? content
    }

    var event: TriggerEvent {
        TriggerEvent(
            dedupeKey: dedupeKey, payload: payload, input: .string(path.text),
            memory: [LedgerEntry.key(of: path): entry.value], isLocal: true)
    }

    private var payload: ValueObject {
        let name = path.name
        // A leading dot is part of the stem.
        let dot = name.dropFirst().lastIndex(of: ".")
        let fileExtension = dot.map { String(name[name.index(after: $0)...]).lowercased() } ?? ""
        return [
            "path": .string(path.text), "name": .string(name),
            "stem": .string(dot.map { String(name[..<$0]) } ?? name), "extension": .string(fileExtension),
            "size": .int(entry.status.size), "modified": .string(Timestamp.text(nanoseconds: entry.status.modified)),
            "media_type": .string(FileMediaType.type(ofExtension: fileExtension)),
        ]
    }
}

/// The note beside a file whose run failed: `<name>.error.txt`.
struct FailureNote {
    let file: FilePath
    let run: String
    let end: RunEnd
    /// Nanoseconds since 1970.
    let time: Int64

    var text: String {
        let (code, message) =
            switch end {
            case .failed(let code, let message): (code, message)
            case .cancelled: ("cancelled", "the run was cancelled")
            // Not used: no note is written on success.
            case .succeeded: ("", "")
            @unknown default: ("ended", "the run ended")
            }
        return """
            \(message)

            file: \(file.text)
            run: \(run)
            error: \(code)
            time: \(Timestamp.text(nanoseconds: time))

            """
    }
}
