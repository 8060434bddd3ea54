internal import LibC

/// The memory-mapped code pages of the program and its libraries.
enum CodePages {
    /// Removes all of them from the resident set. Pages that are used again come back from the page cache; those that only
    /// the start of a server needed no longer count as its memory.
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
            // A failure is harmless: the pages stay resident.
            madvise(UnsafeMutableRawPointer(bitPattern: mapping.lowerBound), mapping.count, MADV_DONTNEED)
        }
        #endif
    }

    /// The addresses of a line of `maps` that maps code of a file, whose pages are read-only; nil for any other line.
    static func mapping(_ line: String) -> Range<UInt>? {
        let fields = line.split(separator: " ", maxSplits: 5, omittingEmptySubsequences: true)
        // Additional spaces align the path.
        guard fields.count == 6, fields[1] == "r-xp", fields[5].first(where: { $0 != " " }) == "/" else { return nil }
        let ends = fields[0].split(separator: "-").map { UInt($0, radix: 16) }
        guard ends.count == 2, let start = ends[0], let end = ends[1], start < end else { return nil }
        return start..<end
    }
}
