internal import RunnelKit

/// What is remembered of the watched folder.
struct FolderRecord: Sendable, Hashable {
    static let key = "folder"

    var path: FilePath
    /// Which folder it was when files were last found in it; nil before there was one.
    var identity: FolderIdentity?

    init(path: FilePath, identity: FolderIdentity?) {
        self.path = path
        self.identity = identity
    }

    init?(_ value: Value) {
        guard let path = value["path"]?.asString.flatMap({ FilePath(encoded: $0) }) else { return nil }
        self.path = path
        if let device = value["device"]?.asInt, let inode = value["inode"]?.asInt {
            identity = FolderIdentity(device: UInt64(bitPattern: device), inode: UInt64(bitPattern: inode))
        }
    }

    var value: Value {
        var object: ValueObject = ["path": .string(path.encoded)]
        if let identity {
            object["device"] = .int(Int64(bitPattern: identity.device))
            object["inode"] = .int(Int64(bitPattern: identity.inode))
        }
        return .object(object)
    }

    /// Whether files of the ledger that are not in this folder are gone.
    ///
    /// An empty mount point with the folder not mounted is another folder, in which nothing can be missed.
    func trusts(_ identity: FolderIdentity) -> Bool { self.identity == identity }

    /// The record after a look at the folder.
    func updated(path: FilePath, identity: FolderIdentity, hasFiles: Bool) -> FolderRecord {
        guard hasFiles || self.identity == nil || self.path != path else { return self }
        return FolderRecord(path: path, identity: identity)
    }
}

/// Which folder of the system a path leads to.
struct FolderIdentity: Sendable, Hashable {
    var device: UInt64
    var inode: UInt64
}
