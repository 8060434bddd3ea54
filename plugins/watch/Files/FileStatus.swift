/// What tells without reading a file whether it is still the same.
struct FileStatus: Sendable, Hashable {
    var size: Int64
    /// Nanoseconds since 1970.
    var modified: Int64
    var inode: UInt64
}
