import Hummingbird
import RunnelEngine
import RunnelKit
import ServiceLifecycle
import Synchronization

/// Checks whether the journal is writable by writing to it; the result is cached and shared by all callers.
final class ReadinessProbe: Service, Sendable {
    private enum Outcome {
        case ready
        case failing(JournalError.Code)

        var problem: String? {
            if case .failing(let code) = self { code.rawValue } else { nil }
        }
    }

    private struct State {
        var last: (outcome: Outcome, at: Duration)?
        var waiting: [UInt64: AsyncStream<Outcome>.Continuation] = [:]
        var next: UInt64 = 0
    }

    /// The lifetime of a cached result.
    static let interval = Duration.seconds(2)
    /// The maximum wait of a caller.
    static let patience = Duration.seconds(3)

    private let journal: any Journal
    private let clock: any Clock<Duration>
    private let elapsed: @Sendable () -> Duration
    private let wakes: AsyncStream<Void>
    private let wake: AsyncStream<Void>.Continuation
    private let state = Mutex(State())

    init(journal: any Journal, clock: some Clock<Duration> = ContinuousClock()) {
        self.journal = journal
        self.clock = clock
        let start = clock.now
        elapsed = { start.duration(to: clock.now) }
        (wakes, wake) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Probes on demand until the task is cancelled.
    func run() async throws {
        await cancelWhenGracefulShutdown {
            for await _ in self.wakes {
                // Callers during the last probe have already been answered.
                guard self.state.withLock({ !$0.waiting.isEmpty }) else { continue }
                self.finish(await self.attempt())
            }
        }
    }

    private func attempt() async -> Outcome {
        do throws(JournalError) {
            try await journal.probe()
            return .ready
        } catch {
            return .failing(error.code)
        }
    }

    private func finish(_ outcome: Outcome) {
        let waiting = state.withLock { state in
            state.last = (outcome, elapsed())
            defer { state.waiting = [:] }
            return state.waiting
        }
        for continuation in waiting.values {
            continuation.yield(outcome)
            continuation.finish()
        }
    }

    /// The error code that prevents accepting runs; nil if there is none.
    func problem() async -> String? {
        let now = elapsed()
        let (outcomes, continuation) = AsyncStream.makeStream(of: Outcome.self)
        let known = state.withLock { state -> Outcome? in
            if let last = state.last, now - last.at < Self.interval { return last.outcome }
            state.next += 1
            let number = state.next
            state.waiting[number] = continuation
            continuation.onTermination = { [weak self] _ in
                self?.state.withLock { $0.waiting[number] = nil }
            }
            return nil
        }
        if let known { return known.problem }
        wake.yield()
        return await withTaskGroup(of: Outcome?.self) { [clock] group in
            group.addTask {
                for await outcome in outcomes { return outcome }
                return nil
            }
            group.addTask {
                try? await clock.sleep(for: Self.patience)
                return nil
            }
            defer { group.cancelAll() }
            // A timeout counts like a journal that is locked by another program.
            guard let outcome = await group.next() ?? nil else { return JournalError.Code.busy.rawValue }
            return outcome.problem
        }
    }
}

/// `/health/live` and `/health/ready`, for liveness and readiness probes. They need no token and reveal nothing else.
struct HealthRoutes: Sendable {
    let readiness: ReadinessProbe
    /// Whether an operator has drained this process, so that a load balancer should leave it out.
    let isDrained: @Sendable () -> Bool

    func add(to router: Router<ServerContext>) {
        router.get("/health/live") { _, _ in Response.json(["status": "ok"]) }
        router.get("/health/ready") { _, _ in
            let problem = await readiness.problem() ?? (isDrained() ? "drained" : nil)
            guard let problem else { return Response.json(["status": "ok"]) }
            return Response.json(["status": "failing", "reason": .string(problem)], status: 503)
        }
    }
}
