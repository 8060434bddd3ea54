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

    /// How the request is repeated, for messages.
    var again: String {
        switch self {
        case .interrupt: "Press Ctrl-C again"
        case .terminate: "Send the signal again"
        }
    }
}

/// Runs `body` and hands each SIGINT and SIGTERM to `onStop`, with the number of signals that came before it. The third
/// ends the process, whatever it does.
///
/// - Parameter onReload: Is called for each SIGHUP, which ends the process where this is nil.
/// - Returns: What `body` returned, and which signal came first.
func withSignals<Result: Sendable>(
    onReload: (@Sendable () -> Void)? = nil,
    _ onStop: @escaping @Sendable (StopRequest, Int) async -> Void,
    _ body: @escaping @Sendable () async throws -> Result
) async throws -> (result: Result, request: StopRequest?) {
    // Trapped before anything runs, so that no signal falls into a gap.
    let signals = await UnixSignalsSequence(trapping: [.sigint, .sigterm] + (onReload == nil ? [] : [.sighup]))
    let first = FirstRequest()
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
                first.take(request)
                await onStop(request, count)
                count += 1
            }
            return nil
        }
        defer { group.cancelAll() }
        while let event = try await group.next() {
            guard let result = event else { continue }
            let request = first.request
            // Whoever was told to stop does so now; a signal that is repeated must not end it as a crash would.
            if request != nil { for signal in [SIGINT, SIGTERM, SIGHUP] { ignore(signal) } }
            return (result, request)
        }
        throw CancellationError()
    }
}

private final class FirstRequest: Sendable {
    private let state = Mutex<StopRequest?>(nil)

    var request: StopRequest? { state.withLock { $0 } }
    func take(_ request: StopRequest) { state.withLock { $0 = $0 ?? request } }
}

private func ignore(_ number: Int32) {
    signal(number, SIG_IGN)
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
