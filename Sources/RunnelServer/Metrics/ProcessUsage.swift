import HTTPServing
import LibC
import RunnelEngine
import RunnelSupport

/// Resource usage of this process under the standard metric names of Prometheus, read at each scrape.
///
/// Memory and start time need Linux's `/proc`. Values that the system does not provide are left out.
enum ProcessUsage {
    typealias Reading = (name: String, kind: MetricFamily.Kind, value: Double)

    static func readings() -> [Reading] {
        let values: [(String, MetricFamily.Kind, Double?)] = [
            ("process_cpu_seconds_total", .counter, cpuSeconds()),
            ("process_resident_memory_bytes", .gauge, residentBytes()),
            ("process_open_fds", .gauge, openFiles().map(Double.init)),
            ("process_max_fds", .gauge, ConnectionLimit.openFiles.map(Double.init)),
            ("process_start_time_seconds", .gauge, start),
        ]
        return values.compactMap { name, kind, value in value.map { (name, kind, $0) } }
    }

    /// In user and system mode, of all threads.
    private static func cpuSeconds() -> Double? {
        var usage = rusage()
        #if canImport(Glibc)
        guard getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0 else { return nil }
        #else
        guard getrusage(RUSAGE_SELF, &usage) == 0 else { return nil }
        #endif
        let seconds = Double(usage.ru_utime.tv_sec) + Double(usage.ru_stime.tv_sec)
        return seconds + (Double(usage.ru_utime.tv_usec) + Double(usage.ru_stime.tv_usec)) / 1_000_000
    }

    private static func residentBytes() -> Double? {
        status(24).map { $0 * Double(sysconf(Int32(_SC_PAGESIZE))) }
    }

    private static func openFiles() -> Int? {
        #if os(Linux)
        let folder = "/proc/self/fd"
        #else
        let folder = "/dev/fd"
        #endif
        guard let stream = opendir(folder) else { return nil }
        defer { closedir(stream) }
        var count = 0
        while readdir(stream) != nil { count += 1 }
        // Without ".", ".." and the folder itself.
        return max(0, count - 3)
    }

    /// In seconds since 1970.
    private static let start: Double? = {
        #if os(Linux)
        var uptime = timespec()
        guard let started = status(22), clock_gettime(CLOCK_BOOTTIME, &uptime) == 0 else { return nil }
        let age = Double(uptime.tv_sec) + Double(uptime.tv_nsec) / 1e9 - started / Double(sysconf(Int32(_SC_CLK_TCK)))
        return Double(WallClock.nanoseconds()) / 1e9 - age
        #else
        return nil
        #endif
    }()

    /// A field of `/proc/self/stat`, numbered as in proc_pid_stat(5).
    private static func status(_ field: Int) -> Double? {
        guard let file = fopen("/proc/self/stat", "re") else { return nil }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 1024)
        let count = fread(&bytes, 1, bytes.count, file)
        let text = bytes[..<count]
        // The second field is the program's name in parentheses, which may hold spaces and parentheses itself.
        guard let name = text.lastIndex(of: UInt8(ascii: ")")) else { return nil }
        let fields = text[(name + 1)...].split(separator: UInt8(ascii: " "))
        guard fields.indices.contains(field - 3) else { return nil }
        return Double(String(decoding: fields[field - 3], as: UTF8.self))
    }
}
