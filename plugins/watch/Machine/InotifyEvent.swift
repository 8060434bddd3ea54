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
        /// For adding a watch: only if it is a folder.
        static let onlyFolder = Mask(rawValue: 0x100_0000)
        /// For adding a watch: no events of files that were removed but are still open.
        static let excludeUnlinked = Mask(rawValue: 0x400_0000)
        /// In an event: it is about a folder.
        static let isFolder = Mask(rawValue: 0x4000_0000)

        /// What is asked for a watched folder.
        static let folder: Mask = [
            .modify, .attributes, .closeWrite, .movedFrom, .movedTo, .create, .delete, .deleteSelf, .moveSelf,
            .onlyFolder, .excludeUnlinked,
        ]
        /// What is asked for the folders that lead to it.
        static let ancestor: Mask = [.deleteSelf, .moveSelf, .onlyFolder]
    }

    /// The watch; -1 for an overflow.
    var watch: Int32
    var mask: Mask
    /// Empty for events of the folder itself.
    var name: RawName

    /// The events that a read from an inotify descriptor filled `buffer` with. Each is a header of 16 bytes (watch,
    /// mask, cookie, length of the name) and a name padded with NUL.
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
