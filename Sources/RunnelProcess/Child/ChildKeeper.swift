internal import CRunnelSpawn
internal import Synchronization

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// The thread behind a ``PluginProcess``.
///
/// One thread a child, for two reasons. Linux ties "kill the child when its parent dies" to the thread that started it,
/// so that thread has to live as long as the child. And a thread that does nothing but wait for this child leaves no
/// zombie and needs no signal handler.
final class ChildKeeper {
    private let process: PluginProcess
    private let launch: ChildLaunch
    private let sinks: PluginProcess.Sinks
    private let wake: CInt

    private var child: pid_t = 0
    private var input: CInt = -1
    private var output: CInt = -1
    private var error: CInt = -1
    private var exitDescriptor: CInt = -1
    private var stage = StopPlan.Stage.running
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 16)

    private init(process: PluginProcess, launch: ChildLaunch, sinks: PluginProcess.Sinks, wake: CInt) {
        self.process = process
        self.launch = launch
        self.sinks = sinks
        self.wake = wake
    }

    deinit {
        buffer.deallocate()
    }

    /// Starts the program, and stays until it is gone. Called on a thread of its own.
    /// - Parameter started: Hears whether the program runs.
    static func main(
        process: PluginProcess, launch: ChildLaunch, sinks: PluginProcess.Sinks, wake: CInt,
        started: CheckedContinuation<Void, any Error>
    ) {
        // Signals are for the worker's main thread; and a write to a child that closed its input is an error, no signal.
        runnel_block_signals()
        let keeper = ChildKeeper(process: process, launch: launch, sinks: sinks, wake: wake)
        do {
            try keeper.spawn()
        } catch {
            started.resume(throwing: error)
            return
        }
        started.resume()
        keeper.run()
    }

    private func run() {
        var exit: ChildExit?
        while exit == nil {
            turn()
            exit = peekExit()
        }
        finish(exit ?? .unknown)
    }

    // MARK: - Beginning

    private func spawn() throws {
        let (toChild, fromChild, errors) = try Self.pipes()
        let arguments = CStrings([launch.program] + launch.arguments)
        let environment = CStrings(launch.environment.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" })
        let guardian = Guardian.shared.descriptor()
        defer { closeDescriptor(guardian) }
        let problem = launch.program.withCString { path in
            launch.directory.withCString { directory in
                var request = runnel_spawn_request(
                    path: path, arguments: arguments.pointers, environment: environment.pointers, directory: directory,
                    input: toChild.readEnd, output: fromChild.writeEnd, error: errors.writeEnd,
                    guardian: guardian, dies_with_thread: true)
                return runnel_spawn(&request, &child)
            }
        }
        for descriptor in [toChild.readEnd, fromChild.writeEnd, errors.writeEnd] { closeDescriptor(descriptor) }
        (input, output, error) = (toChild.writeEnd, fromChild.readEnd, errors.readEnd)
        guard problem == 0 else {
            for descriptor in [input, output, error] { closeDescriptor(descriptor) }
            throw ChildStartError(errno: abs(problem), at: problem < 0 ? .directory : .execution)
        }
        for descriptor in [input, output, error] { _ = runnel_set_nonblocking(descriptor) }
        exitDescriptor = runnel_exit_descriptor(child)
        Guardian.shared.remember(child)
    }

    private static func pipes() throws -> (ChildPipe, ChildPipe, ChildPipe) {
        let first = try ChildPipe()
        do {
            let second = try ChildPipe()
            do {
                return (first, second, try ChildPipe())
            } catch {
                second.close()
                throw error
            }
        } catch {
            first.close()
            throw error
        }
    }

    // MARK: - Middle

    /// Waits until something can be done, and does it.
    private func turn() {
        let (wantsWrite, isPaused, stop) = process.state.withLock { state in
            (state.pendingInput > 0 || state.wantsInputClosed, state.isOutputPaused, state.stop)
        }
        if let stop { advance(stop.plan.stage(after: stop.since.duration(to: .now))) }
        let none: Int16 = 0
        var waits = [
            pollfd(fd: wake, events: Int16(POLLIN), revents: none),
            pollfd(fd: isPaused ? -1 : output, events: Int16(POLLIN), revents: none),
            pollfd(fd: error, events: Int16(POLLIN), revents: none),
            pollfd(fd: wantsWrite ? input : -1, events: Int16(POLLOUT), revents: none),
            pollfd(fd: exitDescriptor, events: Int16(POLLIN), revents: none),
        ]
        let left = stop.flatMap { $0.plan.timeLeft(after: $0.since.duration(to: .now)) }
        guard poll(&waits, nfds_t(waits.count), timeout(left)) > 0 else { return }
        if waits[0].revents != 0 { drainWake() }
        if waits[3].revents != 0 { feed() }
        if waits[2].revents != 0 { readError() }
        if waits[1].revents != 0 { readOutput() }
    }

    private func timeout(_ left: Duration?) -> CInt {
        // Without a descriptor that tells of the end, the end has to be looked for.
        let tick: CInt = exitDescriptor >= 0 ? -1 : 20
        guard let left else { return tick }
        let (seconds, attoseconds) = left.components
        let milliseconds = CInt(clamping: seconds * 1000 + attoseconds / 1_000_000_000_000_000 + 1)
        return tick < 0 ? milliseconds : min(tick, milliseconds)
    }

    private func drainWake() {
        while read(wake, buffer.baseAddress, buffer.count) > 0 {}
    }

    private func feed() {
        let isOver = process.state.withLock { state -> Bool in
            while state.pendingInput > 0 {
                let count = state.input.withUnsafeBytes { bytes in
                    write(input, bytes.baseAddress?.advanced(by: state.written), bytes.count - state.written)
                }
                if count < 0 {
                    if errno == EINTR { continue }
                    if errno == EAGAIN { return false }
                    // It closed its input: what it did not want is dropped.
                    return true
                }
                state.written += count
            }
            state.input = []
            state.written = 0
            return state.wantsInputClosed
        }
        if isOver { closeInput() }
    }

    private func closeInput() {
        closeDescriptor(input)
        input = -1
        process.state.withLock { state in
            state.isInputClosed = true
            state.wantsInputClosed = false
            state.input = []
            state.written = 0
        }
    }

    /// Reads once. False when there is nothing more for now.
    @discardableResult
    private func readOutput() -> Bool {
        let count = read(output, buffer.baseAddress, buffer.count)
        if count > 0 {
            // Paused first: whoever resumes the reading may do so before the sink has returned.
            process.state.withLock { $0.isOutputPaused = true }
            if sinks.output(UnsafeRawBufferPointer(rebasing: buffer[..<count])) {
                process.state.withLock { $0.isOutputPaused = false }
            }
            return true
        }
        if count < 0, errno == EINTR || errno == EAGAIN { return false }
        closeDescriptor(output)
        output = -1
        return false
    }

    @discardableResult
    private func readError() -> Bool {
        let count = read(error, buffer.baseAddress, buffer.count)
        if count > 0 {
            sinks.error(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            return true
        }
        if count < 0, errno == EINTR || errno == EAGAIN { return false }
        closeDescriptor(error)
        error = -1
        return false
    }

    /// Does what is due to end the child.
    private func advance(_ due: StopPlan.Stage) {
        guard due > stage else { return }
        stage = due
        if input >= 0 { closeInput() }
        switch due {
        case .running, .closed: break
        case .terminated: kill(-child, SIGTERM)
        case .killed: kill(-child, SIGKILL)
        }
    }

    // MARK: - End

    private func peekExit() -> ChildExit? {
        var detail: CInt = 0
        switch runnel_peek_exit(child, &detail) {
        case RUNNEL_RUNNING: return nil
        case RUNNEL_EXITED: return .status(detail)
        case RUNNEL_SIGNALLED: return .signal(detail)
        default: return .unknown
        }
    }

    private func finish(_ exit: ChildExit) {
        // The child is not reaped yet, so the number of its group is nobody else's.
        kill(-child, SIGKILL)
        Guardian.shared.forget(child)
        if exit != .unknown { runnel_reap(child) }
        // What it had written is in the pipes. A process that left the group may hold them open, so this ends where
        // there is nothing to read for now.
        while error >= 0, readError() {}
        while output >= 0, waitUntilResumed(), readOutput() {}
        for descriptor in [input, output, error, exitDescriptor] { closeDescriptor(descriptor) }
        sinks.end(exit)
        let waiters = process.state.withLock { state -> [CheckedContinuation<ChildExit, Never>] in
            state.exit = exit
            closeDescriptor(state.waker)
            state.waker = -1
            state.input = []
            state.written = 0
            defer { state.waiters = [] }
            return state.waiters
        }
        closeDescriptor(wake)
        for waiter in waiters { waiter.resume(returning: exit) }
    }

    /// Waits while nobody takes the output. False when nobody will: the child is being stopped.
    private func waitUntilResumed() -> Bool {
        while true {
            let (isPaused, isStopping) = process.state.withLock { ($0.isOutputPaused, $0.stop != nil) }
            guard isPaused else { return true }
            if isStopping { return false }
            var wait = pollfd(fd: wake, events: Int16(POLLIN), revents: 0)
            _ = poll(&wait, 1, -1)
            drainWake()
        }
    }
}
