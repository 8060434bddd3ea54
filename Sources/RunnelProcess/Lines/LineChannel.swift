internal import Synchronization

/// Lines on their way from a child's thread to the task that reads them, with a bound on what waits in between.
final class LineChannel: Sendable {
    struct Line: Sendable, Hashable {
        let bytes: [UInt8]
        /// From 1.
        let number: Int
        /// False for what stood behind the last line feed when the child had ended.
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
    ///   - lineLimit: The longest line, in bytes.
    ///   - outputLimit: All lines together.
    init(lineLimit: Int, outputLimit: Int) {
        self.outputLimit = outputLimit
        state = Mutex(State(splitter: LineSplitter(limit: lineLimit)))
    }

    /// Takes bytes. False when the reader is behind, so that no more should come until `resume` was called.
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

    /// Says how the child's thread is told to read on.
    func onResume(_ resume: @escaping @Sendable () -> Void) {
        state.withLock { $0.resume = resume }
    }

    /// No more bytes will come.
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

    /// The next lines, at least one; empty at the end. There may be one reader. A cancelled one goes on waiting: who
    /// cancels it also ends the child.
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
