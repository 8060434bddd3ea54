#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// A thread of the system's own, for work that waits in system calls.
enum DetachedThread {
    private final class Work: Sendable {
        let body: @Sendable () -> Void

        init(_ body: @escaping @Sendable () -> Void) {
            self.body = body
        }
    }

    /// Runs `body` on a new thread. Returns 0, or an errno when there can be none.
    static func start(_ body: @escaping @Sendable () -> Void) -> CInt {
        let work = Unmanaged.passRetained(Work(body))
        #if canImport(Darwin)
        var thread: pthread_t?
        let problem = pthread_create(&thread, nil, { Self.main($0) }, work.toOpaque())
        if let thread, problem == 0 { pthread_detach(thread) }
        #else
        var thread = pthread_t()
        let problem = pthread_create(&thread, nil, { Self.main($0) }, work.toOpaque())
        if problem == 0 { pthread_detach(thread) }
        #endif
        if problem != 0 { work.release() }
        return problem
    }

    private static func main(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
        guard let argument else { return nil }
        Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().body()
        return nil
    }
}
