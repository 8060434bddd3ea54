internal import LibC

/// Threads of the system's own, for work that waits in system calls or needs a deep stack. The threads that tasks share
/// are as many as there are cores, and none of them should wait.
public enum SystemThread {
    private final class Work: Sendable {
        let body: @Sendable () -> Void

        init(_ body: @escaping @Sendable () -> Void) {
            self.body = body
        }
    }

    /// Runs `body` on a new thread, which ends with it.
    ///
    /// - Parameter stackSize: In bytes, address space only; nil: what the system gives.
    /// - Returns: 0, or the `errno` for which there can be no thread; `body` is dropped then.
    public static func start(stackSize: Int? = nil, _ body: @escaping @Sendable () -> Void) -> CInt {
        let work = Unmanaged.passRetained(Work(body))
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setdetachstate(&attributes, CInt(PTHREAD_CREATE_DETACHED))
        if let stackSize { pthread_attr_setstacksize(&attributes, stackSize) }
        #if canImport(Darwin)
        var thread: pthread_t?
        #else
        var thread = pthread_t()
        #endif
        let problem = pthread_create(&thread, &attributes, { Self.main($0) }, work.toOpaque())
        if problem != 0 { work.release() }
        return problem
    }

    private static func main(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
        guard let argument else { return nil }
        Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().body()
        return nil
    }
}
