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
        var lines: [Line] = []
        var waitingBytes = 0
        var total = 0
        var failure: Failure?
        var isOver = false
        var reader: CheckedContinuation<Void, Never>?
        var resume: (@Sendable () -> Void)?
    }

    private static let waitingLimit = 256 << 10
    private let state: Mutex<State>
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
        let (goesOn, reader) = state.withLock { state -> (Bool, CheckedContinuation<Void, Never>?) in
            guard state.failure == nil else { return (true, nil) }
            state.total += bytes.count
            var found: [Line] = []
            do {
                try state.splitter.append(bytes) { found.append(Line(bytes: $0, number: $1)) }
                if state.total > outputLimit { state.failure = .tooMuch(limit: outputLimit) }
            } catch {
                state.failure = .lineTooLong(number: state.splitter.count + 1, limit: state.splitter.limit)
            }
            state.lines += found
            state.waitingBytes = found.reduce(state.waitingBytes) { $0 + $1.bytes.count }
            let isReady = !state.lines.isEmpty || state.failure != nil
            defer { if isReady { state.reader = nil } }
            return (state.waitingBytes <= Self.waitingLimit || state.failure != nil, isReady ? state.reader : nil)
        }
        reader?.resume()
        return goesOn
    }

    /// Sets the callback that resumes reading.
    func onResume(_ resume: @escaping @Sendable () -> Void) {
        state.withLock { $0.resume = resume }
    }

    /// Marks the end of the output.
    func finish() {
        let reader = state.withLock { state -> CheckedContinuation<Void, Never>? in
            state.isOver = true
            if let (line, number) = state.splitter.finish() {
                state.lines.append(Line(bytes: line, number: number, isWhole: false))
            }
            defer { state.reader = nil }
            return state.reader
        }
        reader?.resume()
    }

    /// The next lines, at least one; empty at the end. For a single reader. Cancellation does not end the wait: the
    /// canceller also stops the child.
    func next() async throws(Failure) -> [Line] {
        while true {
            let (lines, failure, isOver, resume) = state.withLock { state in
                let lines = state.lines
                state.lines = []
                state.waitingBytes = 0
                return (lines, state.failure, state.isOver, state.resume)
            }
            resume?()
            if !lines.isEmpty { return lines }
            if let failure { throw failure }
            if isOver { return [] }
            await withCheckedContinuation { continuation in
                let isReady = state.withLock { state in
                    if !state.lines.isEmpty || state.failure != nil || state.isOver { return true }
                    state.reader = continuation
                    return false
                }
                if isReady { continuation.resume() }
            }
        }
    }
}
