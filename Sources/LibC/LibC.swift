// The system's C library, whichever it is: one import instead of a condition in every file.
#if canImport(Darwin)
@_exported public import Darwin
#elseif canImport(Musl)
@_exported public import Musl
#else
@_exported public import Glibc
#endif

/// The path without links; nil if it does not exist.
public func realPath(_ path: String) -> String? {
    guard let real = realpath(path, nil) else { return nil }
    defer { free(real) }
    return String(cString: real)
}

extension stat {
    /// When the content was last changed, in nanoseconds since 1970. A time that 64 bits do not hold, such as one in the
    /// year 2400, is the closest one that they do.
    public var modifiedNanoseconds: Int64 {
        #if canImport(Darwin)
        Self.nanoseconds(st_mtimespec)
        #else
        Self.nanoseconds(st_mtim)
        #endif
    }

    /// When the content, the name, the owner or the permissions were last changed, in nanoseconds since 1970. It cannot
    /// be set.
    public var changedNanoseconds: Int64 {
        #if canImport(Darwin)
        Self.nanoseconds(st_ctimespec)
        #else
        Self.nanoseconds(st_ctim)
        #endif
    }

    private static func nanoseconds(_ time: timespec) -> Int64 {
        let (whole, isFar) = Int64(time.tv_sec).multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, isFarAtEnd) = whole.addingReportingOverflow(Int64(time.tv_nsec))
        return isFar || isFarAtEnd ? (time.tv_sec < 0 ? .min : .max) : sum
    }
}
