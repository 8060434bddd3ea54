internal import RunnelKit

/// What is remembered of one file.
struct LedgerEntry: Sendable, Hashable {
    var status: FileStatus
    /// Of the content; nil for a file that was there before the first start and was to be ignored.
    var hash: String?
    /// Whether the file waits for its run to end, to be moved or deleted then.
    var isPending = false
    /// The run it waits for; nil when it is not known yet.
    var run: String?

    static let keyPrefix = "file/"
    static func key(of path: FilePath) -> String { keyPrefix + path.encoded }
    static func path(ofKey key: String) -> FilePath? { FilePath(encoded: key.dropFirst(keyPrefix.count)) }
}

extension LedgerEntry {
    var value: Value {
        var object: ValueObject = [
            "size": .int(status.size), "modified": .int(status.modified),
            // As the same 64 bits: there are inodes beyond what an integer of a value can hold.
            "inode": .int(Int64(bitPattern: status.inode)),
        ]
        if let hash { object["hash"] = .string(hash) }
        if isPending { object["pending"] = true }
        if let run { object["run"] = .string(run) }
        return .object(object)
    }

    init?(_ value: Value) {
        guard let size = value["size"]?.asInt, let modified = value["modified"]?.asInt,
            let inode = value["inode"]?.asInt
        else { return nil }
        status = FileStatus(size: size, modified: modified, inode: UInt64(bitPattern: inode))
        hash = value["hash"]?.asString
        isPending = value["pending"]?.asBool ?? false
        run = value["run"]?.asString
    }
}
