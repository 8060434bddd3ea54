import RunnelEngine
import RunnelSupport
import Synchronization

/// Single flight for a read that may hang: concurrent callers wait for the same read.
final class SharedReading<Value: Sendable>: Sendable {
    private struct Flight {
        let promise: Promise<Value>
        /// The time since its end; nil while it reads.
        var age: Stopwatch?
    }

    private let read: @Sendable () async throws -> Value
    private let clock: any Clock<Duration>
    private let lifetime: Duration
    private let last = Mutex<Flight?>(nil)

    /// - Parameters:
    ///   - clock: Measures the limits and the lifetime.
    ///   - lifetime: How long later callers get the result of a read.
    ///   - read: The read.
    init(
        clock: any Clock<Duration>, lifetime: Duration = .zero, _ read: @escaping @Sendable () async throws -> Value
    ) {
        (self.clock, self.lifetime, self.read) = (clock, lifetime, read)
    }

    /// - Returns: The value; nil if the read fails or takes longer than the limit. A late read is not cancelled.
    func value(within limit: Duration) async -> Value? {
        let promise = last.withLock { last in
            if let last, last.age.map({ $0.elapsed() < lifetime }) ?? true { return last.promise }
            let promise = Promise<Value>()
            last = Flight(promise: promise)
            // An unstructured task, because it outlives callers that time out.
            Task { await finish(promise) }
            return promise
        }
        return try? await withDeadline(limit, clock: clock) { try await promise.value() }.result.get()
    }

    private func finish(_ promise: Promise<Value>) async {
        let result: Result<Value, any Error>
        do {
            result = .success(try await read())
        } catch {
            result = .failure(error)
        }
        last.withLock { $0 = Flight(promise: promise, age: clock.measureStart()) }
        promise.fulfil(result)
    }
}
