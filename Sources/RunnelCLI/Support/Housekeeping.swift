import LibC
import Logging
import RunnelEngine
import RunnelKit
internal import RunnelSupport

/// Enforces the retention settings of `journal:` in runnel.yaml.
struct Housekeeping: Sendable {
    let journal: any Journal
    let logger: Logger
    /// The folder of the journal and where to say that its disk is full; nil to say so in the log alone.
    let disk: (folder: String, board: HealthBoard)?
    /// Can change while housekeeping runs.
    private let retention: Watched<Retention>

    init(
        journal: any Journal, retention: Retention, logger: Logger, disk: (folder: String, board: HealthBoard)? = nil
    ) {
        self.journal = journal
        self.logger = logger
        self.disk = disk
        self.retention = Watched(retention)
    }

    /// Applies from the next batch on.
    func set(_ new: Retention) { retention.update { $0 = new } }

    /// The pause between batches: while there is something to remove, and otherwise.
    private static let intervals = (busy: Duration.seconds(1), idle: Duration.seconds(5))

    /// Runs until the task is cancelled.
    func run() async {
        var problem: JournalError.Code?
        var clock: RetentionClock?
        let stopwatch = ContinuousClock().measureStart()
        while !Task.isCancelled {
            var interval = Self.intervals.idle
            do throws(JournalError) {
                let (wall, elapsed) = (WallClock.nanoseconds(), stopwatch.elapsed())
                var current = if let clock { clock } else { try await makeClock(wall, elapsed) }
                let before = current.lead
                let now = current.time(wall: wall, elapsed: elapsed)
                // At the start, the journal may only have been idle.
                if clock != nil, before == nil, let lead = current.lead { warn(of: lead) }
                clock = current
                let report = try await journal.prune(retention.value, now: now)
                if report.runs > 0 { interval = Self.intervals.busy }
                problem = nil
            } catch {
                if Task.isCancelled { return }
                if error.code != problem { logger.error("cannot remove old runs: \(error)") }
                problem = error.code
            }
            if let disk {
                disk.board.set(.disk, disk.folder, problem == .full ? Self.full : Self.shortage(disk.folder))
            }
            try? await ContinuousClock().sleep(untilNext: interval)
        }
    }

    private static let full = "the journal cannot be written: there is no space left"

    /// What is wrong with the disk; nil if there is room.
    private static func shortage(_ folder: String) -> String? {
        var status = statvfs()
        guard statvfs(folder, &status) == 0 else { return nil }
        let free = UInt64(status.f_bavail) * UInt64(status.f_frsize)
        let all = UInt64(status.f_blocks) * UInt64(status.f_frsize)
        guard free < 1 << 30, free < all / 20 else { return nil }
        return "only \(ByteCount(Int(clamping: (free >> 20) << 20))) of the disk are free"
    }

    /// One brief pass at the end of a command; what remains is done next time.
    func runBriefly() async {
        let wall = WallClock.nanoseconds()
        guard var clock = try? await makeClock(wall, .zero) else { return }
        let now = clock.time(wall: wall, elapsed: .zero)
        _ = try? await journal.prune(retention.value, now: now, within: .seconds(1))
    }

    /// A clock that begins now; see ``RetentionClock/init(wall:elapsed:lastRun:)``.
    func makeClock(_ wall: Int64, _ elapsed: Duration) async throws(JournalError) -> RetentionClock {
        let earlier = UUIDv7.make(nanoseconds: wall - RetentionClock.patience.nanoseconds)
        let lastRun = try await journal.runs(RunFilter(before: earlier, limit: 1)).first
        return RetentionClock(wall: wall, elapsed: elapsed, lastRun: lastRun?.createdAt)
    }

    private func warn(of lead: Duration) {
        let words = DurationText.format(.seconds(lead.components.seconds))
        let patience = DurationText.format(RetentionClock.patience)
        logger.warning("the clock has jumped ahead by \(words): for \(patience), nothing is removed because of its age")
    }
}
