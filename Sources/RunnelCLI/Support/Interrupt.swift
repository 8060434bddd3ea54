import Synchronization
import UnixSignals

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// What a signal asks for.
enum StopRequest: Sendable {
    /// SIGINT: whoever started this wants it undone.
    case interrupt
    /// SIGTERM: the process has to go; its work goes on in another.
    case terminate
}

/// Runs `body` and hands the first SIGINT or SIGTERM to `onSignal`. The second ends the process at once.
///
/// - Returns: What `body` returned, and which signal came.
func withSignals<Result: Sendable>(
    _ onSignal: @escaping @Sendable (StopRequest) async -> Void,
    _ body: @escaping @Sendable () async throws -> Result
) async throws -> (result: Result, request: StopRequest?) {
    // Trapped before anything runs, so that no signal falls into a gap.
    let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm)
    let first = FirstRequest()
    return try await withThrowingTaskGroup(of: Result?.self) { group in
        group.addTask { try await body() }
        group.addTask {
            for await signal in signals {
                let request: StopRequest = signal == .sigterm ? .terminate : .interrupt
                guard await first.take(request) else { _exit(ExitStatus.interrupted.rawValue) }
                await onSignal(request)
            }
            return nil
        }
        defer { group.cancelAll() }
        while let event = try await group.next() {
            if let result = event { return (result, await first.request) }
        }
        throw CancellationError()
    }
}

private actor FirstRequest {
    private(set) var request: StopRequest?

    /// - Returns: Whether it was the first.
    func take(_ request: StopRequest) -> Bool {
        guard self.request == nil else { return false }
        self.request = request
        return true
    }
}

/// Whether a signal has come, for those who look now and then.
final class Interruption: Sendable {
    private let state = Mutex(false)

    var hasCome: Bool { state.withLock(\.self) }
    func come() { state.withLock { $0 = true } }
}

/// Runs `body` and cancels it on the first SIGINT or SIGTERM. The second ends the process at once.
///
/// - Returns: What `body` returned, and whether a signal came.
func withInterrupt<Result: Sendable>(
    _ body: @escaping @Sendable () async throws -> Result
) async throws -> (result: Result, isInterrupted: Bool) {
    let (stop, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    let (result, request) = try await withSignals({ _ in continuation.yield() }) {
        try await withThrowingTaskGroup(of: Result?.self) { group in
            group.addTask { try await body() }
            group.addTask {
                for await _ in stop { break }
                return nil
            }
            var result: Result?
            while let next = try await group.next() {
                if let next { result = next }
                group.cancelAll()
            }
            guard let result else { throw CancellationError() }
            return result
        }
    }
    return (result, request != nil)
}
