internal import CRunnelSpawn
internal import LibC
import RunnelKit
internal import RunnelSupport
internal import Synchronization

/// Supervises the child of a ``PluginProcess`` on a dedicated thread.
///
/// There is one thread per child for two reasons. Linux ties PR_SET_PDEATHSIG to the thread that started the child, so
/// that thread must live as long as the child. And a thread that waits for this child only reaps it without a signal
/// handler.
final class ChildSupervisor {
    /// How long a child may take to end after its output was closed, in milliseconds.
    private static let endGrace: CInt = 200
    /// The largest amount of data in a pipe in bytes, see `/proc/sys/fs/pipe-max-size`.
    private static let pipeLimit = 1 << 20
    /// The polling interval for events without a file descriptor, in milliseconds.
    private static let tick: CInt = 20

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

    /// Starts the program, and returns when it has ended. Called on a dedicated thread.
    /// - Parameter started: Called with the result of starting the program.
    static func main(
        process: PluginProcess, launch: ChildLaunch, sinks: PluginProcess.Sinks, wake: CInt,
        started: CheckedContinuation<Void, any Error>
    ) {
        // Signals are handled by the worker's main thread, and writing to a closed pipe is an error instead of SIGPIPE.
        runnel_block_signals()
        let keeper = ChildSupervisor(process: process, launch: launch, sinks: sinks, wake: wake)
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
        let guardian = ProcessReaper.shared.descriptor()
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
        ProcessReaper.shared.remember(child)
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

    /// Runs one iteration of the poll loop.
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
        if waits[1].revents != 0, !readOutput(), output < 0, stop == nil, let outputEnd = sinks.outputEnd, !endsSoon() {
            outputEnd()
        }
    }

    /// Whether the child ends within ``endGrace``: the kernel closes the output of a child before the child can be reaped.
    private func endsSoon() -> Bool {
        for _ in 0..<10 where peekExit() == nil {
            var wait = pollfd(fd: exitDescriptor, events: Int16(POLLIN), revents: 0)
            _ = poll(&wait, 1, Self.endGrace / 10)
        }
        return peekExit() != nil
    }

    private func timeout(_ left: Duration?) -> CInt {
        // Without a pidfd the exit is polled.
        let tick = exitDescriptor >= 0 ? -1 : Self.tick
        guard let left else { return tick }
        let milliseconds = CInt(clamping: left.wholeMilliseconds)
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
                    // It closed its input: the rest is dropped.
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

    /// Reads once. False if there is no more data for now.
    @discardableResult
    private func readOutput() -> Bool {
        let count = read(output, buffer.baseAddress, buffer.count)
        if count > 0 {
            // Paused first, because reading may be resumed before the sink returns.
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

    /// Performs the due stage of stopping the child.
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
        endGroup(exit)
        ProcessReaper.shared.forget(child)
        drain { error >= 0 && readError() }
        drain { output >= 0 && waitUntilResumed() && readOutput() }
        for descriptor in [input, output, error, exitDescriptor] { closeDescriptor(descriptor) }
        sinks.end(exit)
        process.state.withLock { state in
            state.exit = exit
            closeDescriptor(state.waker)
            state.waker = -1
            state.input = []
            state.written = 0
        }
        closeDescriptor(wake)
        process.ended.fulfil(.success(exit))
    }

    /// Reads what a pipe holds. A process that left the group may keep it open, and may write without end.
    private func drain(_ read: () -> Bool) {
        var left = Self.pipeLimit / buffer.count
        while left > 0, read() { left -= 1 }
    }

    /// Ends what the child has left in its process group: sends SIGTERM, unless that was done, and SIGKILL after the rest
    /// of the plan's time. Meanwhile it reads the pipes, so that no process blocks on a full pipe.
    private func endGroup(_ exit: ChildExit) {
        if input >= 0 { closeInput() }
        let began = ContinuousClock.now
        let plan = process.state.withLock { $0.stop?.plan } ?? .prompt
        // The child is not reaped yet, so its process group id cannot have been reused.
        if stage < .terminated { kill(-child, SIGTERM) }
        // A zombie would count as a member of the group. The id is not reused while the group has other members.
        if exit != .unknown { runnel_reap(child) }
        while isGroupAlive {
            let (isPaused, stop) = process.state.withLock { ($0.isOutputPaused, $0.stop) }
            var end = began.advanced(by: plan.afterTerminate)
            if let stop { end = min(end, stop.since.advanced(by: stop.plan.total)) }
            let left = ContinuousClock.now.duration(to: end)
            guard left > .zero else {
                kill(-child, SIGKILL)
                return
            }
            let none: Int16 = 0
            var waits = [
                pollfd(fd: wake, events: Int16(POLLIN), revents: none),
                pollfd(fd: isPaused ? -1 : output, events: Int16(POLLIN), revents: none),
                pollfd(fd: error, events: Int16(POLLIN), revents: none),
            ]
            guard poll(&waits, nfds_t(waits.count), min(Self.tick, CInt(clamping: left.wholeMilliseconds))) > 0 else {
                continue
            }
            if waits[0].revents != 0 { drainWake() }
            if waits[2].revents != 0 { readError() }
            if waits[1].revents != 0 { readOutput() }
        }
    }

    /// Whether the child's process group has members that have not been reaped.
    private var isGroupAlive: Bool {
        // As process 1 of a container, Runnel is the parent of orphans, and their zombies would count as members.
        while waitpid(-child, nil, WNOHANG) > 0 {}
        return kill(-child, 0) == 0 || errno != ESRCH
    }

    /// Waits while the output is paused (backpressure). False if the child is being stopped.
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

/// The resolved parameters for starting a program.
struct ChildLaunch: Sendable, Hashable {
    /// Absolute.
    var program: String
    /// The arguments without the program's name, which is prepended.
    var arguments: [String]
    /// The complete environment of the child.
    var environment: [String: String]
    /// Absolute.
    var directory: String
}

/// How a child is stopped: close its input, then SIGTERM, then SIGKILL.
package struct StopPlan: Sendable, Hashable {
    /// The time after its input was closed; nil sends SIGTERM at once.
    var afterClosing: Duration?
    /// The time after SIGTERM before SIGKILL.
    var afterTerminate: Duration

    /// For a server at the shutdown of the worker.
    package static let patient = StopPlan(afterClosing: .seconds(2), afterTerminate: .seconds(2))
    /// For a trigger whose pipeline is not served any more.
    package static let trigger = StopPlan(afterClosing: .seconds(1), afterTerminate: .seconds(2))
    /// For a cancelled call.
    package static let prompt = StopPlan(afterClosing: nil, afterTerminate: .milliseconds(500))
    /// For a child that violates the protocol or a limit.
    package static let immediate = StopPlan(afterClosing: nil, afterTerminate: .zero)

    enum Stage: Int, Sendable, Comparable {
        case running, closed, terminated, killed

        static func < (left: Stage, right: Stage) -> Bool { left.rawValue < right.rawValue }
    }

    /// The time before SIGKILL.
    var total: Duration { (afterClosing ?? .zero) + afterTerminate }

    /// The stage that is due after this time since the stop request.
    func stage(after elapsed: Duration) -> Stage {
        let terminate = afterClosing ?? .zero
        if elapsed >= total { return .killed }
        return elapsed >= terminate ? .terminated : .closed
    }

    /// The time until the next stage; nil after the last.
    func timeLeft(after elapsed: Duration) -> Duration? {
        let terminate = afterClosing ?? .zero
        return [terminate, total].first { $0 > elapsed }.map { $0 - elapsed }
    }
}
