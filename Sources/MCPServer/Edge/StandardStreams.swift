internal import Dispatch

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// Reads one descriptor and writes another, on threads that may wait for them.
public struct StandardStreams: Sendable {
    private let input: CInt
    private let output: CInt
    private let reading = DispatchQueue(label: "runnel.mcp.input")
    private let writing = DispatchQueue(label: "runnel.mcp.output")

    public init(input: CInt = 0, output: CInt = 1) {
        self.input = input
        self.output = output
    }

    /// The next bytes; nil at the end, or when the task is cancelled.
    func read() async -> [UInt8]? {
        while !Task.isCancelled {
            let bytes: [UInt8]?? = await withCheckedContinuation { continuation in
                reading.async { continuation.resume(returning: readOnce()) }
            }
            if let bytes { return bytes }
        }
        return nil
    }

    /// Writes all of it. Where nobody reads any more it is dropped, and the end of the input follows.
    func write(_ bytes: [UInt8]) async {
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            writing.async {
                bytes.withUnsafeBytes { buffer in
                    var rest = buffer[...]
                    while !rest.isEmpty {
                        let count = systemWrite(output, UnsafeRawBufferPointer(rebasing: rest))
                        if count > 0 { rest = rest.dropFirst(count) } else if errno != EINTR, errno != EAGAIN { break }
                    }
                }
                continuation.resume()
            }
        }
    }

    /// - Returns: nil when nothing came for a moment; so a cancellation is soon seen.
    private func readOnce() -> [UInt8]?? {
        var descriptor = pollfd(fd: input, events: Int16(POLLIN), revents: 0)
        guard poll(&descriptor, 1, 200) > 0 else { return .none }
        var count = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: 1 << 16) { buffer, initialized in
            count = systemRead(input, buffer.baseAddress, buffer.count)
            initialized = max(0, count)
        }
        if count < 0, errno == EINTR || errno == EAGAIN { return .none }
        return .some(count > 0 ? bytes : nil)
    }
}

private func systemWrite(_ descriptor: CInt, _ bytes: UnsafeRawBufferPointer) -> Int {
    write(descriptor, bytes.baseAddress, bytes.count)
}

private func systemRead(_ descriptor: CInt, _ buffer: UnsafeMutablePointer<UInt8>?, _ count: Int) -> Int {
    read(descriptor, buffer, count)
}
