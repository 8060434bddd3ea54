import LibC

/// The number of connections that the process can hold.
package enum ConnectionLimit {
    /// Descriptors reserved for the rest of the process: the journal, files, connections and processes of pipelines.
    private static let reserve = 256

    /// How many files the process may have open at once; nil if that cannot be read.
    package static var openFiles: Int? { limit.map { Int(clamping: $0.rlim_cur) } }

    /// - Parameter files: The limit of open files.
    package static func fitting(_ wanted: Int, files: Int) -> Int {
        min(wanted, max(files - reserve, files / 2))
    }

    /// Raises the limit of open files to fit the connections, as far as permitted.
    ///
    /// - Returns: The possible number of connections.
    @discardableResult
    package static func raise(to wanted: Int) -> Int {
        guard var limit else { return wanted }
        let needed = rlim_t(wanted + reserve)
        if limit.rlim_cur < needed {
            let before = limit
            limit.rlim_cur = min(needed, limit.rlim_max)
            if setrlimit(Self.resource, &limit) != 0 { limit = before }
        }
        return fitting(wanted, files: Int(clamping: limit.rlim_cur))
    }

    private static var limit: rlimit? {
        var limit = rlimit()
        return getrlimit(resource, &limit) == 0 ? limit : nil
    }

    #if canImport(Glibc)
    private static let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    #else
    private static let resource = RLIMIT_NOFILE
    #endif
}
