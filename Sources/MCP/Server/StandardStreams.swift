internal import Dispatch
internal import LibC
internal import Synchronization

/// Reads one descriptor and writes another, on threads that may wait for them.
public final class StandardStreams: Sendable {
    private let input: CInt
    private let output: CInt
    private let reading = DispatchQueue(label: "runnel.mcp.input")
    private let writing = DispatchQueue(label: "runnel.mcp.output")
    private let isEnding = Mutex(false)
    /// Whether a message could not be written whole, so that another would not be understood.
    private let isBroken = Mutex(false)

    private let grace: Duration
    /// How long a thread waits before it looks whether the end has come, in milliseconds.
    private static let interval: CInt = 100

    /// - Parameter grace: How long a client may read nothing once the end has come.
    public init(input: CInt = 0, output: CInt = 1, grace: Duration = .seconds(2)) {
        self.grace = grace
        self.input = input
        self.output = output
    }

    /// The process's standard input and output, and nobody else's: what anything else writes to standard output goes to
    /// standard error from now on, since one stray word would break the protocol.
    public static func takingOver() -> StandardStreams {
        let input = fcntl(0, F_DUPFD_CLOEXEC, 3)
        let output = fcntl(1, F_DUPFD_CLOEXEC, 3)
        guard input >= 0, output >= 0 else { return StandardStreams() }
        dup2(2, 1)
        let nothing = open("/dev/null", O_RDONLY | O_CLOEXEC)
        if nothing >= 0 {
            dup2(nothing, 0)
            close(nothing)
        }
        return StandardStreams(input: input, output: output)
    }

    /// The next bytes; nil at the end, or when the task is cancelled.
    func read() async -> [UInt8]? {
        while !Task.isCancelled {
            let bytes: [UInt8]?? = await withCheckedContinuation { continuation in
                reading.async { continuation.resume(returning: self.readOnce()) }
            }
            if let bytes { return bytes }
        }
        return nil
    }

    /// From now on a client that does not read is not waited for.
    func end() {
        isEnding.withLock { $0 = true }
    }

    /// Writes all of it, in the order of the calls. Where nobody reads any more it is dropped, and the end of the input
    /// follows.
    ///
    /// - Parameter done: Called when it is written or dropped.
    func write(_ bytes: [UInt8], done: @escaping @Sendable () -> Void) {
        writing.async {
            var rest = self.isBroken.withLock(\.self) ? [] : bytes[...]
            var lastMoment = ContinuousClock.now + self.grace
            while !rest.isEmpty, let count = self.writeOnce(rest) {
                rest = rest.dropFirst(count)
                if count > 0 || !self.isEnding.withLock(\.self) {
                    lastMoment = .now + self.grace
                } else if lastMoment < .now {
                    break
                }
            }
            if !rest.isEmpty { self.isBroken.withLock { $0 = true } }
            done()
        }
    }

    /// - Returns: nil when nothing came for a moment; so a cancellation is soon seen.
    private func readOnce() -> [UInt8]?? {
        var descriptor = pollfd(fd: input, events: Int16(POLLIN), revents: 0)
        guard poll(&descriptor, 1, Self.interval) > 0 else { return .none }
        var count = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: 1 << 16) { buffer, initialized in
            count = LibC.read(input, buffer.baseAddress, buffer.count)
            initialized = max(0, count)
        }
        if count < 0, errno == EINTR || errno == EAGAIN { return .none }
        return .some(count > 0 ? bytes : nil)
    }

    /// - Returns: How much could be written; nil when nobody will read it.
    private func writeOnce(_ bytes: ArraySlice<UInt8>) -> Int? {
        let isEnding = isEnding.withLock(\.self)
        var descriptors = [
            pollfd(fd: output, events: Int16(POLLOUT), revents: 0),
            // Says when the client has closed its side, and from then on would not let anything wait.
            pollfd(fd: isEnding ? -1 : input, events: 0, revents: 0),
        ]
        guard poll(&descriptors, 2, Self.interval) >= 0 else { return errno == EINTR ? 0 : nil }
        if descriptors[1].revents != 0 { end() }
        guard descriptors[0].revents != 0 else { return 0 }
        let count = bytes.withUnsafeBytes { buffer in
            // A pipe that can be written takes this much without waiting (POSIX.1-2024, `write`, PIPE_BUF).
            let piece = UnsafeRawBufferPointer(rebasing: buffer.prefix(Int(PIPE_BUF)))
            // On a socket that is not so, unless one asks for it.
            let sent = send(output, piece.baseAddress, piece.count, CInt(MSG_DONTWAIT))
            return sent < 0 && errno == ENOTSOCK ? LibC.write(output, piece.baseAddress, piece.count) : sent
        }
        if count >= 0 { return count }
        return errno == EINTR || errno == EAGAIN ? 0 : nil
    }
}
