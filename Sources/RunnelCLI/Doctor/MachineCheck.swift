import HTTPServing
import LibC
import RunnelEngine
import RunnelKit
internal import RunnelSupport

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Checks the machine: disk space, open files, clock.
enum MachineCheck {
    private static let leastSpace: UInt64 = 1 << 30
    /// Below it, a run may not be recorded.
    private static let noSpace: UInt64 = 1 << 20
    private static let leastFiles = 4096

    static func findings(_ project: Project) -> [HealthFinding] {
        space(project.directory) + openFiles() + clock() + timeZones()
    }

    private static func space(_ directory: String) -> [HealthFinding] {
        var status = statvfs()
        guard statvfs(directory, &status) == 0 else {
            return [.problem("disk", "\(directory) cannot be inspected", "check that it exists and is readable")]
        }
        if status.f_flag & UInt(ST_RDONLY) != 0 {
            return [.problem("disk", "\(directory) is on a disk that is mounted read-only")]
        }
        let free = UInt64(status.f_bavail) * UInt64(status.f_frsize)
        let text = "\(readable(bytes: Int(clamping: free))) free"
        let hint = "make room, or keep fewer runs: `journal: { keep: 7d }` in runnel.yaml"
        switch free {
        case ..<noSpace: return [.problem("disk", "the disk is full: \(text)", hint)]
        case ..<leastSpace: return [.warning("disk", "only \(text)", hint)]
        default: return [.good("disk", text)]
        }
    }

    private static func openFiles() -> [HealthFinding] {
        guard let limit = ConnectionLimit.openFiles, limit < leastFiles else { return [] }
        return [
            .warning(
                "open files", "\(limit) are allowed, which many concurrent callers may exhaust",
                "raise it: `LimitNOFILE=65536` in the unit, or `ulimit -n 65536`")
        ]
    }

    private static func clock() -> [HealthFinding] {
        let now = Timestamp.text(nanoseconds: WallClock.nanoseconds())
        #if os(Linux)
        // Files of systemd-timesyncd and chrony; other services are not detected.
        let signs = ["/run/systemd/timesync/synchronized", "/run/chrony", "/var/lib/chrony/drift"]
        let files = FileManager.default
        if files.fileExists(atPath: "/run/systemd/system"), !signs.contains(where: files.fileExists) {
            return [
                .warning(
                    "clock", "\(now); no time synchronization found",
                    "enable systemd-timesyncd or chrony; schedules and tokens depend on the clock")
            ]
        }
        #endif
        return [.good("clock", now)]
    }

    private static func timeZones() -> [HealthFinding] {
        guard !FileManager.default.fileExists(atPath: "/usr/share/zoneinfo/UTC") else { return [] }
        return [.problem("time zones", "/usr/share/zoneinfo does not exist", "install the package tzdata")]
    }
}
