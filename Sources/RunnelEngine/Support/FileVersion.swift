internal import LibC

/// What tells a change of a file or folder, without reading it.
package struct FileVersion: Equatable, Sendable {
    private let device: UInt64
    private let inode: UInt64
    private let size: Int64
    private let modified: Int64
    private let changed: Int64
    /// Whether the last change was so long ago that another one would have another time: some file systems have times of
    /// two seconds.
    package let isSettled: Bool

    /// Take it before reading: a change meanwhile is seen the next time. Nil if there is no such file.
    package init?(_ path: String) {
        var facts = stat()
        guard stat(path, &facts) == 0 else { return nil }
        (device, inode) = (UInt64(truncatingIfNeeded: facts.st_dev), UInt64(facts.st_ino))
        (size, modified, changed) = (Int64(facts.st_size), facts.modifiedNanoseconds, facts.changedNanoseconds)
        isSettled = Int64(time(nil)) - changed / 1_000_000_000 > 2
    }

    package static func == (a: Self, b: Self) -> Bool {
        (a.device, a.inode, a.size, a.modified, a.changed) == (b.device, b.inode, b.size, b.modified, b.changed)
    }
}
