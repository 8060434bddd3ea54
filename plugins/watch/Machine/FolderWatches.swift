/// Maps inotify watches to folders.
struct FolderWatches {
    private var folders: [Int32: FilePath] = [:]
    private var watches: [FilePath: Int32] = [:]
    /// The watches of the watched folder's ancestors.
    private var ancestors: Set<Int32> = []

    func folder(of watch: Int32) -> FilePath? { folders[watch] }
    func isAncestor(_ watch: Int32) -> Bool { ancestors.contains(watch) }

    /// All watches.
    var all: [Int32] { Array(folders.keys) + ancestors }

    mutating func add(_ watch: Int32, folder: FilePath) {
        // A renamed folder keeps its watch.
        if let old = folders[watch], old != folder { watches[old] = nil }
        folders[watch] = folder
        watches[folder] = watch
    }

    mutating func add(ancestor watch: Int32) {
        ancestors.insert(watch)
    }

    /// - Returns: The folder that was watched.
    mutating func remove(_ watch: Int32) -> FilePath? {
        ancestors.remove(watch)
        guard let folder = folders.removeValue(forKey: watch) else { return nil }
        if watches[folder] == watch { watches[folder] = nil }
        return folder
    }

    /// - Returns: The removed watches of the folder and of all folders below it.
    mutating func remove(within folder: FilePath) -> [Int32] {
        let gone = watches.filter { $0.key.isWithin(folder) }
        for (path, watch) in gone {
            watches[path] = nil
            folders[watch] = nil
        }
        return Array(gone.values)
    }

    mutating func removeAll() {
        self = FolderWatches()
    }
}

/// One event of inotify(7).
struct InotifyEvent: Sendable, Hashable {
    struct Mask: OptionSet, Sendable, Hashable {
        let rawValue: UInt32

        static let modify = Mask(rawValue: 0x2)
        static let attributes = Mask(rawValue: 0x4)
        static let closeWrite = Mask(rawValue: 0x8)
        static let movedFrom = Mask(rawValue: 0x40)
        static let movedTo = Mask(rawValue: 0x80)
        static let create = Mask(rawValue: 0x100)
        static let delete = Mask(rawValue: 0x200)
        static let deleteSelf = Mask(rawValue: 0x400)
        static let moveSelf = Mask(rawValue: 0x800)
        static let unmount = Mask(rawValue: 0x2000)
        static let overflow = Mask(rawValue: 0x4000)
        static let ignored = Mask(rawValue: 0x8000)
        /// IN_ONLYDIR, for adding a watch.
        static let onlyFolder = Mask(rawValue: 0x100_0000)
        /// IN_EXCL_UNLINK, for adding a watch: no events of deleted files that are still open.
        static let excludeUnlinked = Mask(rawValue: 0x400_0000)
        /// IN_ISDIR, in an event: its subject is a folder.
        static let isFolder = Mask(rawValue: 0x4000_0000)

        /// The events of a watched folder.
        static let folder: Mask = [
            .modify, .attributes, .closeWrite, .movedFrom, .movedTo, .create, .delete, .deleteSelf, .moveSelf,
            .onlyFolder, .excludeUnlinked,
        ]
        /// The events of its ancestors.
        static let ancestor: Mask = [.deleteSelf, .moveSelf, .onlyFolder]
    }

    /// The watch; -1 for an overflow.
    var watch: Int32
    var mask: Mask
    /// The name; empty for events of the folder itself.
    var name: RawName

    /// Decodes the events that a read from an inotify descriptor returned. Each is a header of 16 bytes (watch, mask,
    /// cookie, length of the name) and a NUL-padded name.
    static func events(in buffer: UnsafeRawBufferPointer) -> [InotifyEvent] {
        let headerSize = 16
        var events: [InotifyEvent] = []
        var offset = 0
        while offset + headerSize <= buffer.count {
            let length = Int(buffer.loadUnaligned(fromByteOffset: offset + 12, as: UInt32.self))
            let start = offset + headerSize
            guard length <= buffer.count - start else { break }
            events.append(
                InotifyEvent(
                    watch: buffer.loadUnaligned(fromByteOffset: offset, as: Int32.self),
                    mask: Mask(rawValue: buffer.loadUnaligned(fromByteOffset: offset + 4, as: UInt32.self)),
                    name: RawName(bytes: Array(buffer[start..<start + length].prefix { $0 != 0 }))))
            offset = start + length
        }
        return events
    }
}

/// Finds the file system type of a device in `/proc/self/mountinfo` (proc_pid_mountinfo(5)).
enum MountTable {
    /// File systems whose remote changes cause no inotify events.
    private static let remote: Set<String> = [
        "nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "virtiofs", "afs", "ceph", "glusterfs", "lustre", "gfs2", "ocfs2",
        "vboxsf", "prl_fs", "vmhgfs", "davfs",
    ]

    /// - Parameter device: As `major:minor`.
    /// - Returns: The file system's type; nil if the table does not list it.
    static func type(ofDevice device: String, in table: String) -> String? {
        for line in table.utf8.split(separator: UInt8(ascii: "\n")) {
            let words = line.split(separator: UInt8(ascii: " "))
            // Optional fields follow the fixed ones, up to a dash.
            guard words.count > 2, words[2].elementsEqual(device.utf8),
                let dash = words.firstIndex(where: { $0.elementsEqual("-".utf8) }), dash + 1 < words.count
            else { continue }
            return String(decoding: words[dash + 1], as: UTF8.self)
        }
        return nil
    }

    static func isRemote(_ type: String) -> Bool {
        // FUSE file systems may be remote.
        remote.contains(type) || type.hasPrefix("fuse.")
    }
}
