import RunnelSupport
import Synchronization

/// Single flight for a read that may hang: concurrent callers wait for the same read.
final class SharedReading<Value: Sendable>: Sendable {
    private let read: @Sendable () async throws -> Value
    private let clock: any Clock<Duration>
    private let pending = Mutex<Promise<Value>?>(nil)

    init(clock: any Clock<Duration>, _ read: @escaping @Sendable () async throws -> Value) {
        (self.clock, self.read) = (clock, read)
    }

    /// - Returns: The value; nil if the read fails or takes longer than the limit. A late read is not cancelled.
    func value(within limit: Duration) async -> Value? {
        let promise = pending.withLock { pending in
            if let pending { return pending }
            let promise = Promise<Value>()
            pending = promise
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
        pending.withLock { $0 = nil }
        promise.fulfil(result)
    }
}
