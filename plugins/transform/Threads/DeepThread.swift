#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Threads with a deep stack, for libjq: it frees, compares and prints nested values by recursion.
enum DeepThread {
    /// In bytes. It is address space only; a page counts once it was touched. ``JQMemoryWatch`` ends a program before
    /// the values it nests could need more.
    private static let stackSizes = [2 << 30, 64 << 20]

    private final class Body {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    /// Runs `body` on a new thread.
    /// - Returns: False when there can be no more threads; `body` is dropped then.
    static func start(_ body: @escaping @Sendable () -> Void) -> Bool {
        // A system that does not overcommit may grant a small stack only.
        stackSizes.contains { start(body, stackSize: $0) }
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

    private static func start(_ body: @escaping @Sendable () -> Void, stackSize: Int) -> Bool {
        let body = Unmanaged.passRetained(Body(body))
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setstacksize(&attributes, stackSize)
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        #if canImport(Darwin)
        var thread: pthread_t?
        let status = pthread_create(&thread, &attributes, { DeepThread.run($0) }, body.toOpaque())
        #else
        var thread = pthread_t()
        let status = pthread_create(&thread, &attributes, { $0.flatMap { DeepThread.run($0) } }, body.toOpaque())
        #endif
        if status != 0 { body.release() }
        return status == 0
    }

    private static func run(_ body: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer? {
        Unmanaged<Body>.fromOpaque(body).takeRetainedValue().run()
        return nil
    }
}
