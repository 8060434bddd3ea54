internal import Synchronization

/// A value that any number of tasks can wait on.
package final class Watched<Value: Sendable>: Sendable {
    private struct Storage {
        var value: Value
        var watchers: [Int: AsyncStream<Void>.Continuation] = [:]
        var nextID = 0
    }

    private let storage: Mutex<Storage>

    package init(_ value: Value) { storage = Mutex(Storage(value: value)) }

    package var value: Value { storage.withLock { $0.value } }

    package func update<Result: Sendable>(_ change: @Sendable (inout Value) -> Result) -> Result {
        let (result, watchers) = storage.withLock { storage in
            (change(&storage.value), Array(storage.watchers.values))
        }
        for watcher in watchers { watcher.yield() }
        return result
    }

    /// Returns once the value satisfies the condition.
    ///
    /// - Throws: `CancellationError` when the task is cancelled first.
    package func wait(until condition: (Value) -> Bool) async throws {
        // One signal is enough to look again, so the stream never holds more.
        let (signals, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let id = storage.withLock { storage in
            storage.nextID += 1
            storage.watchers[storage.nextID] = continuation
            return storage.nextID
        }
        defer { storage.withLock { $0.watchers[id] = nil } }
        if condition(value) { return }
        for await _ in signals where condition(value) { return }
        throw CancellationError()
    }
}
