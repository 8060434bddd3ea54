#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// How many connections the process can hold.
enum ConnectionLimit {
    /// What the rest of the process opens: the journal, pipelines' files, their own connections and programs.
    private static let reserve = 256

    /// - Parameter files: How many files the process may open.
    static func fitting(_ wanted: Int, files: Int) -> Int {
        min(wanted, max(files - reserve, files / 2))
    }

    /// Lets the process open as many files as the connections take, as far as it may.
    ///
    /// - Returns: How many connections there can be.
    static func raise(to wanted: Int) -> Int {
        var limit = rlimit()
        guard getrlimit(Self.resource, &limit) == 0 else { return wanted }
        let needed = rlim_t(wanted + reserve)
        if limit.rlim_cur < needed {
            let before = limit
            limit.rlim_cur = min(needed, limit.rlim_max)
            if setrlimit(Self.resource, &limit) != 0 { limit = before }
        }
        return fitting(wanted, files: Int(clamping: limit.rlim_cur))
    }

    #if canImport(Glibc)
    private static let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    #else
    private static let resource = RLIMIT_NOFILE
    #endif
}
