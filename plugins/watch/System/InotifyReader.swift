#if canImport(Glibc) || canImport(Musl)

internal import LibC
internal import Synchronization
internal import SystemThread
import LibC

/// Reads inotify(7) events on a dedicated thread, which no other work delays.
///
/// Backpressure: after each batch the thread waits for ``goOn()``, so at most one batch is in memory. The rest stays in
/// the kernel's queue, which reports overflow.
final class InotifyReader: Sendable {
    enum Message: Sendable {
        case events([InotifyEvent])
        case failed(SystemFailure)
    }

    private struct State {
        var isRunning = false
        var stopped: CheckedContinuation<Void, Never>?
    }

    private let inotify: Descriptor
    private let wakeIn: Descriptor
    private let wakeOut: Descriptor
    private let state = Mutex(State())
    private static let bufferSize = 64 << 10
    private static let goOn = UInt8(ascii: "g")
    private static let stop = UInt8(ascii: "s")

    init() throws(SystemFailure) {
        inotify = Descriptor(owning: try SystemFailure.check { inotify_init1(Int32(IN_CLOEXEC) | Int32(IN_NONBLOCK)) })
        var ends: [Int32] = [-1, -1]
        _ = try SystemFailure.check { pipe(&ends) }
        (wakeOut, wakeIn) = (Descriptor(owning: ends[0]), Descriptor(owning: ends[1]))
        for end in ends { _ = try SystemFailure.check { fcntl(end, F_SETFD, FD_CLOEXEC) } }
    }

    /// Watches the open folder itself, independent of its path.
    /// - Returns: The watch.
    func add(_ folder: Descriptor, _ mask: InotifyEvent.Mask) throws(SystemFailure) -> Int32 {
        try SystemFailure.check { inotify_add_watch(inotify.number, "/proc/self/fd/\(folder.number)", mask.rawValue) }
    }

    func remove(_ watch: Int32) {
        // Fails if the system has already removed the watch.
        _ = inotify_rm_watch(inotify.number, watch)
    }

    /// Starts the thread. `post` is called on it.
    func start(_ post: @escaping @Sendable (Message) -> Void) throws(SystemFailure) {
        state.withLock { $0.isRunning = true }
        guard SystemThread.start({ self.read(post) }) == 0 else {
            state.withLock { $0.isRunning = false }
            throw SystemFailure(number: EAGAIN)
        }
    }

    /// Requests the next batch.
    func goOn() { wake(Self.goOn) }

    /// Stops the thread and waits until it has ended.
    func stop() async {
        wake(Self.stop)
        await withCheckedContinuation { continuation in
            let isRunning = state.withLock { state in
                if state.isRunning { state.stopped = continuation }
                return state.isRunning
            }
            if !isRunning { continuation.resume() }
        }
    }

    private func wake(_ byte: UInt8) {
        _ = try? SystemFailure.check { withUnsafeBytes(of: byte) { write(wakeIn.number, $0.baseAddress, 1) } }
    }

    private func read(_ post: (Message) -> Void) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.bufferSize, alignment: 8)
        do throws(SystemFailure) {
            while let count = try nextBatch(buffer) {
                post(.events(InotifyEvent.events(in: UnsafeRawBufferPointer(rebasing: buffer[..<count]))))
                guard try nextOrder() == Self.goOn else { break }
            }
        } catch {
            post(.failed(error))
        }
        buffer.deallocate()
        state.withLock { state in
            state.isRunning = false
            return state.stopped.take()
        }?.resume()
    }

    /// The size of the batch in `buffer`; nil if the thread should end.
    private func nextBatch(_ buffer: UnsafeMutableRawBufferPointer) throws(SystemFailure) -> Int? {
        while true {
            var sources = [
                pollfd(fd: inotify.number, events: Int16(POLLIN), revents: 0),
                pollfd(fd: wakeOut.number, events: Int16(POLLIN), revents: 0),
            ]
            _ = try SystemFailure.check { poll(&sources, 2, -1) }
            if sources[1].revents != 0, try nextOrder() == Self.stop { return nil }
            guard sources[0].revents != 0 else { continue }
            do throws(SystemFailure) {
                return try SystemFailure.check { Self.readBytes(inotify.number, buffer) }
            } catch  where error.number == EAGAIN {
                continue
            }
        }
    }

    private func nextOrder() throws(SystemFailure) -> UInt8 {
        var byte: UInt8 = Self.stop
        _ = try SystemFailure.check { withUnsafeMutableBytes(of: &byte) { Self.readBytes(wakeOut.number, $0) } }
        return byte
    }

    private static func readBytes(_ descriptor: Int32, _ buffer: UnsafeMutableRawBufferPointer) -> Int {
        LibC.read(descriptor, buffer.baseAddress, buffer.count)
    }
}

#else
import Darwin

/// A stub for systems without inotify.
final class InotifyReader: Sendable {
    enum Message: Sendable {
        case events([InotifyEvent])
        case failed(SystemFailure)
    }

    init() throws(SystemFailure) { throw SystemFailure(number: ENOSYS) }
    func add(_ folder: Descriptor, _ mask: InotifyEvent.Mask) throws(SystemFailure) -> Int32 { -1 }
    func remove(_ watch: Int32) {}
    func start(_ post: @escaping @Sendable (Message) -> Void) throws(SystemFailure) {}
    func goOn() {}
    func stop() async {}
}
#endif
