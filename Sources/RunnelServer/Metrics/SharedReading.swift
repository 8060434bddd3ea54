import RunnelSupport
import Synchronization

/// Reads something that may hang, one reading at a time: callers that come meanwhile wait for the same one (single flight).
final class SharedReading<Value: Sendable>: Sendable {
    private let read: @Sendable () async throws -> Value
    private let clock: any Clock<Duration>
    private let pending = Mutex<Promise<Value>?>(nil)

    init(clock: any Clock<Duration>, _ read: @escaping @Sendable () async throws -> Value) {
        (self.clock, self.read) = (clock, read)
    }

    /// - Returns: The value; nil where it cannot be read, or not within the limit. The reading goes on then.
    func value(within limit: Duration) async -> Value? {
        let promise = pending.withLock { pending in
            if let pending { return pending }
            let promise = Promise<Value>()
            pending = promise
            // An unstructured task, because it outlives a caller that gives up.
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
