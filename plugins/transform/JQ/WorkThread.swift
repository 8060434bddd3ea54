#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Threads for work that blocks and needs a deep stack.
enum WorkThread {
    private final class Box {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    /// In bytes; reserved, but used only as far as it is touched.
    private static let stackSize = 64 << 20

    /// Runs `body` on a new thread, or `onFailure` on this one when there can be no more threads.
    static func start(_ body: @escaping @Sendable () -> Void, onFailure: () -> Void) {
        let box = Unmanaged.passRetained(Box(body))
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setstacksize(&attributes, stackSize)
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        #if canImport(Darwin)
        var thread: pthread_t?
        let status = pthread_create(&thread, &attributes, { WorkThread.run($0) }, box.toOpaque())
        #else
        var thread = pthread_t()
        let status = pthread_create(&thread, &attributes, { $0.flatMap { WorkThread.run($0) } }, box.toOpaque())
        #endif
        if status != 0 {
            box.release()
            onFailure()
        }
    }

    private static func run(_ context: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer? {
        Unmanaged<Box>.fromOpaque(context).takeRetainedValue().body()
        return nil
    }
}
