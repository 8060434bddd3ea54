import Synchronization

/// A value that several closures share.
final class Locked<Value: Sendable>: Sendable {
    private let mutex: Mutex<Value>

    init(_ value: Value) {
        mutex = Mutex(value)
    }

    var value: Value { mutex.withLock { $0 } }

    @discardableResult
    func withLock<Result: Sendable>(_ body: @Sendable (inout Value) -> Result) -> Result {
        mutex.withLock { body(&$0) }
    }
}

extension Locked<Int> {
    /// Counts one more and gives the number.
    func next() -> Int {
        withLock { number in
            number += 1
            return number
        }
    }
}
