internal import Synchronization
internal import SystemThread

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// A running child with its pipes: what the rest of the module sees of it.
///
/// A thread of its own starts the child, moves its bytes, waits for its end and takes it out of the process table;
/// see ``ChildKeeper``.
final class PluginProcess: Sendable {
    /// Where the child's bytes go. Called on the child's thread, one call after the other.
    struct Sinks: Sendable {
        /// Gets what came on standard output. After false nothing more is read until ``PluginProcess/resumeOutput()``.
        var output: @Sendable (_ bytes: UnsafeRawBufferPointer) -> Bool
        var error: @Sendable (_ bytes: UnsafeRawBufferPointer) -> Void
        /// Called once, after everything else, when the child is gone.
        var end: @Sendable (ChildExit) -> Void
    }

    struct State {
        var input: [UInt8] = []
        var written = 0
        var wantsInputClosed = false
        var isInputClosed = false
        var isOutputPaused = false
        var stop: (plan: StopPlan, since: ContinuousClock.Instant)?
        var exit: ChildExit?
        var waiters: [CheckedContinuation<ChildExit, Never>] = []
        /// The end of the pipe that wakes the thread; -1 once the thread is gone.
        var waker: CInt

        var pendingInput: Int { input.count - written }
    }

    /// More than this does not wait for the child to read it.
    static let inputLimit = 256 << 20

    let state: Mutex<State>

    private init(waker: CInt) {
        state = Mutex(State(waker: waker))
    }

    /// Starts the program.
    /// - Throws: ``ChildStartError``.
    static func start(_ launch: ChildLaunch, sinks: Sinks) async throws -> PluginProcess {
        let wake = try ChildPipe()
        let process = PluginProcess(waker: wake.writeEnd)
        do {
            wake.setNonblocking()
            try await withCheckedThrowingContinuation { (started: CheckedContinuation<Void, any Error>) in
                let problem = SystemThread.start {
                    ChildKeeper.main(
                        process: process, launch: launch, sinks: sinks, wake: wake.readEnd, started: started)
                }
                if problem != 0 { started.resume(throwing: ChildStartError(errno: problem)) }
            }
        } catch {
            process.state.withLock { $0.waker = -1 }
            wake.close()
            throw error
        }
        return process
    }

    /// Hands bytes to the child, which reads them when it likes. False when they were not taken: its input is closed,
    /// it is gone, or too much waits already.
    @discardableResult
    func write(_ bytes: [UInt8]) -> Bool {
        state.withLock { state in
            guard state.exit == nil, !state.isInputClosed, !state.wantsInputClosed,
                state.pendingInput + bytes.count <= Self.inputLimit
            else { return false }
            if state.written > 0 {
                state.input.removeFirst(state.written)
                state.written = 0
            }
            state.input += bytes
            Self.wake(state)
            return true
        }
    }

    /// Closes the child's standard input, once all that was written before has been read.
    func closeInput() {
        state.withLock { state in
            state.wantsInputClosed = true
            Self.wake(state)
        }
    }

    func resumeOutput() {
        state.withLock { state in
            guard state.isOutputPaused else { return }
            state.isOutputPaused = false
            Self.wake(state)
        }
    }

    /// Begins to end the child and all processes of its group. A plan that ends it sooner replaces one that was given
    /// earlier.
    func stop(_ plan: StopPlan) {
        state.withLock { state in
            guard state.exit == nil else { return }
            let now = ContinuousClock.now
            if let current = state.stop {
                let left = { (plan: StopPlan) in (plan.afterClosing ?? .zero) + plan.afterTerminate }
                guard now.advanced(by: left(plan)) < current.since.advanced(by: left(current.plan)) else { return }
            }
            state.stop = (plan, now)
            Self.wake(state)
        }
    }

    /// Waits until the child is gone, also in a cancelled task.
    func waitForExit() async -> ChildExit {
        await withCheckedContinuation { continuation in
            let exit = state.withLock { state in
                if state.exit == nil { state.waiters.append(continuation) }
                return state.exit
            }
            if let exit { continuation.resume(returning: exit) }
        }
    }

    /// Called with the state locked, so that the descriptor cannot be closed in between.
    private static func wake(_ state: State) {
        guard state.waker >= 0 else { return }
        // A full pipe wakes as well.
        var byte: UInt8 = 0
        _ = Self.writeByte(state.waker, &byte)
    }

    private static func writeByte(_ descriptor: CInt, _ byte: inout UInt8) -> Int {
        #if canImport(Darwin)
        Darwin.write(descriptor, &byte, 1)
        #elseif canImport(Musl)
        Musl.write(descriptor, &byte, 1)
        #else
        Glibc.write(descriptor, &byte, 1)
        #endif
    }
}
