internal import RunnelSupport
internal import Synchronization

/// A bounded queue of lines from a child's thread to the task that reads them. Blank lines are left out.
final class LineChannel: Sendable {
    struct Line: Sendable, Hashable {
        let bytes: [UInt8]
        /// From 1.
        let number: Int
        /// False for text after the last line feed at the end of the output.
        var isWhole = true

        fileprivate var isBlank: Bool { bytes.allSatisfy { $0 <= 0x20 } }
    }

    enum Failure: Error, Hashable {
        case lineTooLong(number: Int, limit: Int)
        case tooMuch(limit: Int)
    }

    private struct State {
        var splitter: LineSplitter
        var total = 0
        var hasFailed = false
    }

    private let state: Mutex<State>
    private let buffer = AsyncBuffer<Line, Failure>(limit: 256 << 10) { $0.bytes.count + LineChannel.overhead }
    private let outputLimit: Int
    /// What a line takes in memory beside its bytes, roughly.
    private static let overhead = 64

    /// - Parameters:
    ///   - lineLimit: The maximum length of a line in bytes.
    ///   - outputLimit: The maximum size of all lines together in bytes.
    init(lineLimit: Int, outputLimit: Int) {
        self.outputLimit = outputLimit
        state = Mutex(State(splitter: LineSplitter(limit: lineLimit)))
    }

    /// Appends bytes. False if the reader is behind (backpressure): no more until `resume` is called.
    func append(_ bytes: UnsafeRawBufferPointer) -> Bool {
        state.withLock { state in
            guard !state.hasFailed else { return true }
            state.total += bytes.count
            var lines: [Line] = []
            var failure: Failure?
            do throws(LineSplitter.TooLong) {
                try state.splitter.append(bytes) { bytes, number in
                    let line = Line(bytes: bytes, number: number)
                    if !line.isBlank { lines.append(line) }
                }
                if state.total > outputLimit { failure = .tooMuch(limit: outputLimit) }
            } catch {
                failure = .lineTooLong(number: error.line, limit: state.splitter.limit)
            }
            let hasRoom = buffer.append(lines)
            guard let failure else { return hasRoom }
            state.hasFailed = true
            buffer.finish(.failure(failure))
            return true
        }
    }

    /// Sets the callback that resumes reading.
    func onResume(_ resume: @escaping @Sendable () -> Void) {
        buffer.onDrain(resume)
    }

    /// Marks the end of the output.
    func finish() {
        state.withLock { state in
            if let (bytes, number) = state.splitter.finish() {
                let line = Line(bytes: bytes, number: number, isWhole: false)
                if !line.isBlank { _ = buffer.append([line]) }
            }
            buffer.finish()
        }
    }

    /// The next lines, at least one; empty at the end. For a single reader. Cancellation does not end the wait: the
    /// canceller also stops the child.
    func next() async throws(Failure) -> [Line] {
        try await buffer.next()
    }
}

/// Splits a stream of bytes into lines. A line that is too long either fails the whole stream or is dropped.
package struct LineSplitter: Sendable {
    /// A line of a stream that goes on behind one that is too long.
    package enum Line: Sendable, Hashable {
        case line([UInt8])
        /// A line that was longer than allowed; it was dropped.
        case tooLong
    }

    package struct TooLong: Error, Hashable {
        /// From 1.
        let line: Int
    }

    /// The maximum length of a line in bytes, without line end.
    let limit: Int
    private var partial: [UInt8] = []
    /// Whether the rest of a line that is too long passes by.
    private var isSkipping = false
    /// The number of lines before the one in ``partial``.
    private var count = 0

    package init(limit: Int) {
        self.limit = limit
    }

    /// Appends bytes and passes on completed lines, without line feed and carriage return.
    ///
    /// - Throws: ``TooLong``, after which nothing more can be read.
    package mutating func append(
        _ bytes: UnsafeRawBufferPointer, _ body: (_ line: [UInt8], _ number: Int) -> Void
    ) throws(TooLong) {
        try cut(bytes[...]) { line, number throws(TooLong) in
            guard case .line(let line) = line else { throw TooLong(line: number) }
            body(line, number)
        }
        if isSkipping { throw TooLong(line: count + 1) }
    }

    /// Takes more bytes and gives the lines that they complete. Empty ones are left out.
    package mutating func split(_ bytes: [UInt8]) -> [Line] {
        var lines: [Line] = []
        bytes.withUnsafeBytes { buffer in
            cut(buffer[...]) { line, _ in if line != .line([]) { lines.append(line) } }
        }
        return lines
    }

    /// What stands behind the last end of a line, when no more will come.
    package mutating func last() -> Line? { split([0x0A]).first }

    private mutating func cut<Failure: Error>(
        _ bytes: Slice<UnsafeRawBufferPointer>, _ body: (_ line: Line, _ number: Int) throws(Failure) -> Void
    ) throws(Failure) {
        var rest = bytes
        while let end = rest.firstIndex(of: 0x0A) {
            take(rest[..<end])
            rest = rest[(end + 1)...]
            count += 1
            if partial.last == 0x0D { partial.removeLast() }
            let line: Line = isSkipping ? .tooLong : .line(partial)
            partial.removeAll(keepingCapacity: partial.capacity <= 64 << 10)
            isSkipping = false
            try body(line, count)
        }
        take(rest)
    }

    private mutating func take(_ bytes: Slice<UnsafeRawBufferPointer>) {
        guard !isSkipping else { return }
        guard partial.count + bytes.count <= limit else {
            isSkipping = true
            partial = []
            return
        }
        partial += bytes
    }

    /// The text after the last line feed; nil if there is none.
    package mutating func finish() -> (line: [UInt8], number: Int)? {
        guard !partial.isEmpty else { return nil }
        defer { partial = [] }
        count += 1
        return (partial, count)
    }
}
