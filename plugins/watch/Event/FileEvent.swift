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
            dedupeKey: dedupeKey, payload: payload, input: Self.input(of: path),
            memory: [LedgerEntry.key(of: path): entry.value], isLocal: true, occurredAt: entry.arrival)
    }

    static func input(of path: FilePath) -> Value { .string(path.text) }

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
            case .skipped: ("skipped", "the run was skipped: its pipeline was at its limit (`overlap: skip`)")
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

/// Media types by file extension: those registered with IANA, otherwise customary ones.
enum FileMediaType {
    static let unknown = "application/octet-stream"

    /// - Parameter fileExtension: In lower case, without the dot.
    static func type(ofExtension fileExtension: String) -> String { types[fileExtension] ?? unknown }

    private static let types: [String: String] = [
        // Text
        "txt": "text/plain", "text": "text/plain", "log": "text/plain", "md": "text/markdown",
        "markdown": "text/markdown", "csv": "text/csv", "tsv": "text/tab-separated-values", "html": "text/html",
        "htm": "text/html", "css": "text/css", "js": "text/javascript", "mjs": "text/javascript",
        "ics": "text/calendar", "vcf": "text/vcard", "rtf": "application/rtf",
        // Data
        "json": "application/json", "jsonl": "application/jsonl", "ndjson": "application/x-ndjson",
        "xml": "application/xml", "yaml": "application/yaml", "yml": "application/yaml", "toml": "application/toml",
        "sql": "application/sql", "parquet": "application/vnd.apache.parquet",
        "sqlite": "application/vnd.sqlite3", "wasm": "application/wasm",
        // Documents
        "pdf": "application/pdf", "ps": "application/postscript", "epub": "application/epub+zip",
        "doc": "application/msword", "xls": "application/vnd.ms-excel", "ppt": "application/vnd.ms-powerpoint",
        "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        "odt": "application/vnd.oasis.opendocument.text", "ods": "application/vnd.oasis.opendocument.spreadsheet",
        "odp": "application/vnd.oasis.opendocument.presentation", "msg": "application/vnd.ms-outlook",
        "eml": "message/rfc822",
        // Archives
        "zip": "application/zip", "gz": "application/gzip", "tgz": "application/gzip", "tar": "application/x-tar",
        "bz2": "application/x-bzip2", "xz": "application/x-xz", "zst": "application/zstd",
        "7z": "application/x-7z-compressed", "rar": "application/vnd.rar",
        // Images
        "png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "gif": "image/gif", "webp": "image/webp",
        "svg": "image/svg+xml", "tif": "image/tiff", "tiff": "image/tiff", "bmp": "image/bmp",
        "ico": "image/vnd.microsoft.icon", "heic": "image/heic", "heif": "image/heif", "avif": "image/avif",
        // Sound and film
        "mp3": "audio/mpeg", "wav": "audio/wav", "flac": "audio/flac", "ogg": "audio/ogg", "opus": "audio/ogg",
        "m4a": "audio/mp4", "aac": "audio/aac", "mp4": "video/mp4", "m4v": "video/mp4", "webm": "video/webm",
        "mov": "video/quicktime", "mkv": "video/matroska", "avi": "video/x-msvideo", "mpeg": "video/mpeg",
        "mpg": "video/mpeg",
        // Fonts
        "ttf": "font/ttf", "otf": "font/otf", "woff": "font/woff", "woff2": "font/woff2",
    ]
}
