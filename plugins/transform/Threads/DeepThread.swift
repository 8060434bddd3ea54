internal import SystemThread

/// Threads with a deep stack, for libjq: it frees, compares and prints nested values by recursion.
enum DeepThread {
    /// In bytes. It is address space only; a page counts once it was touched. ``JQMemoryWatch`` ends a program before
    /// the values it nests could need more.
    private static let stackSizes = [2 << 30, 64 << 20]

    /// Runs `body` on a new thread.
    /// - Returns: False when there can be no more threads; `body` is dropped then.
    static func start(_ body: @escaping @Sendable () -> Void) -> Bool {
        // A system that does not overcommit may grant a small stack only.
        stackSizes.contains { SystemThread.start(stackSize: $0, body) == 0 }
    }

    /// Runs `body` on a new thread and blocks until it is done; on this one where there can be no more threads.
    static func wait<Result: Sendable>(for body: @escaping @Sendable () -> Result) -> Result {
        let box = ResultBox<Result>()
        let isStarted = start {
            box.value = body()
            box.done.signal()
        }
        guard isStarted else { return body() }
        box.done.wait()
        return box.value ?? body()
    }

    /// `@unchecked Sendable`: `value` is written before `done` is signalled and read after it was waited for.
    private final class ResultBox<Value: Sendable>: @unchecked Sendable {
        var value: Value?
        let done = ThreadSignal()
    }
}
