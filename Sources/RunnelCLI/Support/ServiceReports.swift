import LibC
import Logging
import RunnelEngine
import RunnelKit
internal import RunnelSupport
import Synchronization

/// Tells systemd what `runnel serve` does, if it wants to know.
final class ServiceReports: Sendable {
    private enum Phase { case starting, serving, stopping }

    private struct State {
        var phase = Phase.starting
        /// The last status that was sent.
        var status = ""
        /// The last errno of sending; 0 for none.
        var problem: CInt = 0
    }

    private let manager: ServiceManager
    private let clock: any Clock<Duration>
    private let logger: Logger
    private let status: @Sendable () async -> String
    private let checkLiveness: @Sendable () async -> Void
    private let state = Mutex(State())

    private static let interval = Duration.seconds(5)
    /// The time of a shutdown beside that for runs: for answers to callers, the triggers and the journal.
    private static let shutdownTime = Duration.seconds(25)

    /// - Parameters:
    ///   - status: Says in one sentence or two what is served, and what is wrong. Secrets are redacted.
    ///   - checkLiveness: Returns if the process can work, and does not return while it hangs.
    init(
        _ manager: ServiceManager, clock: any Clock<Duration> = ContinuousClock(), logger: Logger,
        status: @escaping @Sendable () async -> String, checkLiveness: @escaping @Sendable () async -> Void
    ) {
        (self.manager, self.clock, self.logger) = (manager, clock, logger)
        (self.status, self.checkLiveness) = (status, checkLiveness)
    }

    /// Keeps the status up to date, and the watchdog quiet while the process can work, until the task is cancelled.
    func run() async {
        guard manager.notifications != nil else { return }
        await withDiscardingTaskGroup { group in
            if let watchdog = manager.watchdog {
                group.addTask {
                    while (try? await self.clock.sleep(for: watchdog / 2)) != nil {
                        await self.checkLiveness()
                        self.send(["WATCHDOG=1"])
                    }
                }
            }
            group.addTask {
                while (try? await self.clock.sleep(untilNext: Self.interval)) != nil {
                    self.send([], await self.status(), in: .serving)
                }
            }
        }
    }

    /// The server listens, and its triggers have begun.
    func ready() async {
        guard manager.notifications != nil else { return }
        send(["READY=1"], await status(), in: .starting, next: .serving)
    }

    func reloadBegins() {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        let microseconds = Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000
        send(
            ["RELOADING=1", "MONOTONIC_USEC=\(microseconds)"], "Reloading the configuration and the pipelines.",
            in: .serving)
    }

    func reloadEnded() async {
        guard manager.notifications != nil else { return }
        send(["READY=1"], await status(), in: .serving)
    }

    /// The shutdown begins.
    ///
    /// - Parameters:
    ///   - text: Says so.
    ///   - grace: The time for running steps to finish; cancelled ones get it once more.
    func stopping(_ text: String, grace: Duration) {
        let limit = (grace * 2 + Self.shutdownTime).nanoseconds / 1000
        send(["STOPPING=1", "EXTEND_TIMEOUT_USEC=\(limit)"], text, next: .stopping)
    }

    /// Sends a message; a status alone only if it has changed.
    ///
    /// - Parameter phase: Where the server is in another phase, nothing is sent.
    private func send(_ fields: [String], _ text: String? = nil, in phase: Phase? = nil, next: Phase? = nil) {
        guard let socket = manager.notifications else { return }
        // systemd ignores messages of more than 4096 bytes.
        let status = text.map { String(decoding: Quote.text($0, limit: 600).utf8.prefix(2000), as: UTF8.self) }
        let problem = state.withLock { state -> CInt in
            if let phase, phase != state.phase { return 0 }
            if fields.isEmpty, status == state.status { return 0 }
            if let next { state.phase = next }
            let former = state.problem
            state.problem = socket.send(fields + (status.map { ["STATUS=\($0)"] } ?? []))
            if state.problem == 0, let status { state.status = status }
            return state.problem == former ? 0 : state.problem
        }
        if problem != 0 { logger.warning("systemd cannot be notified: \(String(cString: strerror(problem)))") }
    }
}

/// What `systemctl status` shows of `runnel serve`.
enum ServeStatus {
    /// The most problems that are named.
    private static let limit = 3

    /// With secrets masked.
    static func text(of host: PipelineHost, _ queue: RunQueue) async -> String {
        let (hosted, problems) = (await host.all, await host.configurationProblems)
        return queue.redact(
            text(
                hosted, journalProblem: queue.journalProblem, hasConfigurationProblems: !problems.isEmpty,
                isDrained: queue.isDrained))
    }

    /// - Parameters:
    ///   - journalProblem: Why the journal cannot be used; nil where it can.
    ///   - hasConfigurationProblems: Whether the configuration on disk has errors.
    static func text(
        _ hosted: [PipelineHost.Hosted], journalProblem: String? = nil, hasConfigurationProblems: Bool = false,
        isDrained: Bool = false
    ) -> String {
        let pipelines = hosted.compactMap(\.pipeline)
        let triggers = pipelines.reduce(0) { $0 + $1.triggers.count }
        var text = "Serving \(count(pipelines.count, "pipeline")) with \(count(triggers, "trigger"))."
        if isDrained { text += " Drained: it takes no runs." }
        var problems = [journalProblem].compactMap(\.self)
        if hasConfigurationProblems { problems.append("the configuration has errors, so the former one is in use") }
        for one in hosted where one.problem != nil {
            let kept = one.pipeline == nil ? "is not served" : "keeps its last valid version"
            problems.append("\(one.file) \(kept): it \(one.isUnreadable ? "cannot be read" : "has errors")")
        }
        for one in hosted {
            for (key, health) in one.triggers.sorted(by: { $0.key < $1.key }) {
                guard case .problem(let words) = health else { continue }
                problems.append("the trigger \(key) of \(one.pipeline?.name ?? one.file): \(words)")
            }
        }
        guard !problems.isEmpty else { return text }
        let rest = problems.count > limit ? "; and \(problems.count - limit) more" : ""
        return "\(text) Problems: \(problems.prefix(limit).joined(separator: "; "))\(rest)."
    }

    private static func count(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }
}
