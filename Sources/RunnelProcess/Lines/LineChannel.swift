internal import RunnelSupport
internal import Synchronization

/// A bounded queue of lines from a child's thread to the task that reads them.
final class LineChannel: Sendable {
    struct Line: Sendable, Hashable {
        let bytes: [UInt8]
        /// From 1.
        let number: Int
        /// False for text after the last line feed at the end of the output.
        var isWhole = true
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
    private let buffer = AsyncBuffer<Line, Failure>(limit: 256 << 10) { $0.bytes.count }
    private let outputLimit: Int

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
            do {
                try state.splitter.append(bytes) { lines.append(Line(bytes: $0, number: $1)) }
                if state.total > outputLimit { failure = .tooMuch(limit: outputLimit) }
            } catch {
                failure = .lineTooLong(number: state.splitter.count + 1, limit: state.splitter.limit)
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
            if let (line, number) = state.splitter.finish() {
                _ = buffer.append([Line(bytes: line, number: number, isWhole: false)])
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
