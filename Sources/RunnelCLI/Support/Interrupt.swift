import UnixSignals

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Runs `body` and cancels it on the first SIGINT or SIGTERM. The second ends the process at once.
///
/// - Returns: What `body` returned, and whether a signal came.
func withInterrupt<Result: Sendable>(
    _ body: @escaping @Sendable () async throws -> Result
) async throws -> (result: Result, isInterrupted: Bool) {
    // Trapped before anything runs, so that no signal falls into a gap.
    let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm)
    return try await withThrowingTaskGroup(of: InterruptibleEvent<Result>.self) { group in
        let work = CancellableWork()
        group.addTask { .finished(try await work.run(body)) }
        group.addTask {
            var count = 0
            for await _ in signals {
                count += 1
                if count > 1 { _exit(ExitStatus.interrupted.rawValue) }
                await work.cancel()
            }
            return .signalled
        }
        defer { group.cancelAll() }
        while let event = try await group.next() {
            if case .finished(let result) = event { return (result, await work.isCancelled) }
        }
        throw CancellationError()
    }
}

private enum InterruptibleEvent<Result: Sendable>: Sendable {
    case finished(Result)
    case signalled
}

/// Work that can be cancelled while others of its group go on.
private actor CancellableWork {
    private(set) var isCancelled = false
    private var waiters: [CheckedContinuation<Void, Never>] = []
    private var isFinished = false

    func cancel() {
        isCancelled = true
        wake()
    }

    nonisolated func run<Result: Sendable>(_ body: @escaping @Sendable () async throws -> Result) async throws -> Result
    {
        try await withThrowingTaskGroup(of: Result?.self) { group in
            group.addTask { try await body() }
            group.addTask {
                await self.waitForCancellation()
                return nil
            }
            var result: Result?
            while let next = try await group.next() {
                if let next {
                    result = next
                    await self.finish()
                } else {
                    group.cancelAll()
                }
            }
            guard let result else { throw CancellationError() }
            return result
        }
    }

    private func waitForCancellation() async {
        guard !isCancelled, !isFinished else { return }
        await withCheckedContinuation { waiters.append($0) }
    }

    private func finish() {
        isFinished = true
        wake()
    }

    private func wake() {
        for waiter in waiters { waiter.resume() }
        waiters = []
    }
}
