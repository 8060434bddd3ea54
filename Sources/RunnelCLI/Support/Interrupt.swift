import LibC
import RunnelSupport
import UnixSignals

/// The kind of stop that a signal requests.
enum StopRequest: Sendable {
    /// SIGINT: the user wants to cancel the work.
    case interrupt
    /// SIGTERM: the process must exit; another one resumes its work.
    case terminate

    /// How to repeat the request, for messages.
    var again: String {
        switch self {
        case .interrupt: "Press Ctrl-C again"
        case .terminate: "Send the signal again"
        }
    }
}

/// Runs `body` and passes each SIGINT and SIGTERM to `onStop`, with the number of earlier signals. The third exits the
/// process unconditionally.
///
/// - Parameter onReload: Called for each SIGHUP; nil means that SIGHUP terminates the process.
/// - Returns: The result of `body`, and the first signal.
func withSignals<Result: Sendable>(
    onReload: (@Sendable () -> Void)? = nil,
    _ onStop: @escaping @Sendable (StopRequest, Int) async -> Void,
    _ body: @escaping @Sendable () async throws -> Result
) async throws -> (result: Result, request: StopRequest?) {
    // Installed before anything runs, so that no signal is missed.
    let signals = await UnixSignalsSequence(trapping: [.sigint, .sigterm] + (onReload == nil ? [] : [.sighup]))
    let first = Promise<StopRequest>()
    return try await withThrowingTaskGroup(of: Result?.self) { group in
        group.addTask { try await body() }
        group.addTask {
            var count = 0
            for await signal in signals {
                if signal == .sighup {
                    onReload?()
                    continue
                }
                let request: StopRequest = signal == .sigterm ? .terminate : .interrupt
                guard count < 2 else { _exit(ExitStatus.interrupted.rawValue) }
                first.fulfil(.success(request))
                await onStop(request, count)
                count += 1
            }
            return nil
        }
        defer { group.cancelAll() }
        while let event = try await group.next() {
            guard let result = event else { continue }
            let request = try? first.result?.get()
            // The process is already stopping; a repeated signal must not kill it.
            if request != nil { for number in [SIGINT, SIGTERM, SIGHUP] { signal(number, SIG_IGN) } }
            return (result, request)
        }
        throw CancellationError()
    }
}

/// Runs `body` and cancels it on the first SIGINT or SIGTERM. The second exits the process at once.
///
/// - Returns: The result of `body`, and whether a signal arrived.
func withInterrupt<Result: Sendable>(
    _ body: @escaping @Sendable () async throws -> Result
) async throws -> (result: Result, isInterrupted: Bool) {
    let (stop, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    let (result, request) = try await withSignals({ _, count in
        guard count == 0 else { _exit(ExitStatus.interrupted.rawValue) }
        continuation.yield()
    }) {
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
