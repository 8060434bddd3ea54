import LibC

/// What this process takes of the machine's memory.
enum Memory {
    /// The resident set in KiB; on systems without `/proc` the largest that there was.
    static func resident() -> Int {
        if let file = fopen("/proc/self/statm", "r") {
            defer { fclose(file) }
            var line = [CChar](repeating: 0, count: 128)
            if fgets(&line, Int32(line.count), file) != nil {
                let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
                let pages = text.split(separator: " ").dropFirst().first.flatMap { Int($0) }
                if let pages { return pages * Int(sysconf(Int32(_SC_PAGESIZE))) / 1024 }
            }
        }
        var usage = rusage()
        #if canImport(Darwin)
        getrusage(RUSAGE_SELF, &usage)
        return usage.ru_maxrss / 1024
        #else
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return usage.ru_maxrss
        #endif
    }

    /// The size of a file in KiB; 0 when there is none.
    static func size(of path: String) -> Int {
        var info = stat()
        return stat(path, &info) == 0 ? Int(info.st_size) / 1024 : 0
    }
}
