internal import LibC

/// The pages of the program and its libraries that are mapped into this process.
enum CodePages {
    /// Unmaps all of them. Those that are used again are mapped again from the kernel's cache; what only the start of a
    /// server has needed no longer counts as its memory.
    static func release() {
        #if os(Linux)
        // See proc_pid_maps(5).
        guard let maps = fopen("/proc/self/maps", "re") else { return }
        defer { fclose(maps) }
        var line: UnsafeMutablePointer<CChar>?
        var size = 0
        defer { free(line) }
        while getline(&line, &size, maps) > 0, let start = line {
            guard let mapping = mapping(String(cString: start)) else { continue }
            // Nothing has to be done where it fails: the pages stay.
            madvise(UnsafeMutableRawPointer(bitPattern: mapping.lowerBound), mapping.count, MADV_DONTNEED)
        }
        #endif
    }

    /// The addresses of a line of `maps`; nil unless code of a file is mapped there. Such pages are never written to.
    static func mapping(_ line: String) -> Range<UInt>? {
        let fields = line.split(separator: " ", maxSplits: 5, omittingEmptySubsequences: true)
        // The path is aligned with further spaces.
        guard fields.count == 6, fields[1] == "r-xp", fields[5].first(where: { $0 != " " }) == "/" else { return nil }
        let ends = fields[0].split(separator: "-").map { UInt($0, radix: 16) }
        guard ends.count == 2, let start = ends[0], let end = ends[1], start < end else { return nil }
        return start..<end
    }
}
