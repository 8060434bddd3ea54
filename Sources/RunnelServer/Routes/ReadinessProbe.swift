import RunnelEngine
import ServiceLifecycle
import Synchronization

/// Whether the journal can be written. It is tried by writing, once in a while however many callers want to know.
final class ReadinessProbe: Service, Sendable {
    private enum Outcome {
        case ready
        case failing(code: String)

        var problem: String? {
            if case .failing(let code) = self { code } else { nil }
        }
    }

    private struct State {
        var last: (outcome: Outcome, at: Duration)?
        var waiting: [UInt64: AsyncStream<Outcome>.Continuation] = [:]
        var next: UInt64 = 0
    }

    /// How long an outcome holds.
    static let interval = Duration.seconds(2)
    /// Callers wait at most so long.
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

    /// Tries to write whenever somebody asks, until the task is cancelled.
    func run() async throws {
        await cancelWhenGracefulShutdown {
            for await _ in self.wakes {
                // Whoever asked while the last one was tried has been answered.
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
            return .failing(code: error.code)
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

    /// The code of what keeps runs from being accepted; nil where nothing does.
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
            // The same as where another program holds the journal: it does not answer.
            guard let outcome = await group.next() ?? nil else { return "journal-busy" }
            return outcome.problem
        }
    }
}
