import CRunnelJQ
import CRunnelSpawn
import Dispatch
import LibC
import RunnelKit
import Synchronization
import SystemThread

/// A pool of evaluators: started on demand up to a maximum, stopped when idle.
///
/// If an evaluator is idle, the calling task sends the call itself, preferably to one that has cached the program. A
/// dedicated thread, alive as long as there are evaluators, starts and stops them, reads answers and assigns waiting
/// calls to free ones. Time is counted in ticks, at most one per iteration, so that a suspended process or machine does
/// not cause timeouts.
final class EvaluatorPool: Sendable {
    static let shared = EvaluatorPool()

    /// Sizes and times; adjustable for tests.
    struct Settings {
        /// The maximum number of evaluators; one more may be started for an urgent call.
        var maximum = max(Int(sysconf(CInt(_SC_NPROCESSORS_ONLN))), 4)
        var tick = Duration.seconds(1)
        /// The number of idle ticks after which an evaluator stops.
        var idleTicks = 60
        /// A call fails after this number of ticks plus twenty times its CPU limit.
        var patience = 60
    }

    /// Another evaluator is started after a call has waited this long; most calls finish faster than one starts.
    private static let maximumWait = Duration.milliseconds(10)
    /// How long a cancelled evaluation may continue before its evaluator is killed.
    private static let grace = Duration.milliseconds(50)

    private struct State {
        var waiting: [EvaluatorCall] = []
        var evaluators: [Evaluator] = []
        /// The write end of a pipe that wakes the thread; -1 without a thread.
        var waker: CInt = -1

        func wake() {
            var byte: UInt8 = 0
            // If the pipe is full, a wake-up is already pending.
            if waker >= 0 { _ = write(waker, &byte, 1) }
        }

        /// Assigns calls to idle evaluators.
        mutating func assign() {
            while let call = waiting.first, let index = idleIndex(for: call) {
                waiting.removeFirst()
                evaluators[index].begin(call)
            }
        }

        /// The evaluator that has cached the program; otherwise the most recently used one, so that the others can time
        /// out.
        private func idleIndex(for call: EvaluatorCall) -> Int? {
            let idle = evaluators.indices.filter { evaluators[$0].call == nil }
            return idle.first { evaluators[$0].keeps(call.program) }
                ?? idle.min { evaluators[$0].ticks < evaluators[$1].ticks }
        }
    }

    private let settings: Settings
    private let state = Mutex(State())

    init(settings: Settings = Settings()) {
        self.settings = settings
    }

    /// The evaluators there are now.
    var evaluators: [Evaluator] { state.withLock { $0.evaluators } }
    var processes: [pid_t] { evaluators.map(\.process) }

    // MARK: - Calling

    /// Cancelling the task cancels the call.
    func evaluate(_ call: EvaluatorCall) async -> EvaluatorCall.Outcome {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                call.onFinish { continuation.resume(returning: $0) }
                submit(call)
            }
        } onCancel: {
            cancel(call)
        }
    }

    /// Blocks until there is an outcome; for urgent calls.
    func wait(for call: EvaluatorCall) -> EvaluatorCall.Outcome {
        let done = DispatchSemaphore(value: 0)
        let outcome = Mutex<EvaluatorCall.Outcome>(.failure(.cancelled))
        call.onFinish { result in
            outcome.withLock { $0 = result }
            done.signal()
        }
        submit(call)
        done.wait()
        return outcome.withLock { $0 }
    }

    private func submit(_ call: EvaluatorCall) {
        let problem = state.withLock { state -> CInt in
            guard !call.isFinished else { return 0 }
            let place = call.isUrgent ? state.waiting.firstIndex { !$0.isUrgent } : nil
            state.waiting.insert(call, at: place ?? state.waiting.endIndex)
            state.assign()
            if state.waker < 0 { return startThread(&state) }
            if !state.waiting.isEmpty || state.evaluators.contains(where: \.hasUnsent) { state.wake() }
            return 0
        }
        if problem != 0 { call.finish(.failure(.unavailable(errno: problem))) }
    }

    private func cancel(_ call: EvaluatorCall) {
        call.finish(.failure(.cancelled))
        state.withLock { state in
            state.waiting.removeAll { $0 === call }
            guard let index = state.evaluators.firstIndex(where: { $0.call === call }) else { return }
            state.evaluators[index].deadline = .now + Self.grace
            state.wake()
        }
    }

    private func startThread(_ state: inout State) -> CInt {
        var ends: [CInt] = [-1, -1]
        var problem = runnel_pipe(&ends)
        guard problem == 0 else { return drop(&state, problem) }
        _ = runnel_set_nonblocking(ends[0])
        _ = runnel_set_nonblocking(ends[1])
        let readEnd = ends[0]
        problem = SystemThread.start { self.run(wake: readEnd) }
        guard problem == 0 else {
            close(ends[0])
            close(ends[1])
            return drop(&state, problem)
        }
        state.waker = ends[1]
        return 0
    }

    /// Without a thread there are no evaluators, and the only waiting call is the current one.
    private func drop(_ state: inout State, _ problem: CInt) -> CInt {
        state.waiting = []
        return problem
    }

    // MARK: - The thread

    private func run(wake: CInt) {
        runnel_block_signals()
        let keeper = Keeper(wake: wake)
        while turn(keeper) {}
    }

    /// State used only by the thread.
    private final class Keeper {
        let wake: CInt
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 16)
        /// Killed evaluators with the reason; nil if the exit status tells the reason.
        var ending: [(evaluator: Evaluator, reason: EvaluatorFailure?)] = []
        var nextTick = SuspendingClock.now
        /// The time of the next attempt after a failed start.
        var nextStart = SuspendingClock.now
        var outcomes: [(EvaluatorCall, EvaluatorCall.Outcome)] = []

        init(wake: CInt) {
            self.wake = wake
        }

        deinit {
            close(wake)
            buffer.deallocate()
        }
    }

    /// - Returns: Whether there is anything left to do.
    private func turn(_ keeper: Keeper) -> Bool {
        var waits = [pollfd(fd: keeper.wake, events: Int16(POLLIN), revents: 0)]
        let deadline = state.withLock { state -> SuspendingClock.Instant? in
            guard !state.evaluators.isEmpty || !state.waiting.isEmpty || !keeper.ending.isEmpty else {
                close(state.waker)
                state.waker = -1
                return nil
            }
            for evaluator in state.evaluators {
                let events = evaluator.hasUnsent ? POLLIN | POLLOUT : POLLIN
                waits.append(pollfd(fd: evaluator.channel, events: Int16(events), revents: 0))
            }
            return nextLook(state, keeper)
        }
        guard let deadline else { return false }
        _ = poll(&waits, nfds_t(waits.count), Self.milliseconds(until: deadline))

        if waits[0].revents != 0 { while read(keeper.wake, keeper.buffer.baseAddress, keeper.buffer.count) > 0 {} }
        reap(keeper)
        let now = SuspendingClock.now
        let startsOne = state.withLock { state -> Bool in
            // Only this thread adds and removes evaluators, so the indices are still valid.
            for index in state.evaluators.indices.reversed() where waits[index + 1].revents != 0 {
                transfer(index, &state, keeper)
            }
            for index in state.evaluators.indices.reversed() {
                if let deadline = state.evaluators[index].deadline, deadline <= now {
                    end(index, &state, keeper, reason: .cancelled)
                }
            }
            if keeper.nextTick <= now {
                keeper.nextTick = now + settings.tick
                tick(&state, keeper)
            }
            state.assign()
            return wantsStart(state, keeper).map { $0 <= now } ?? false
        }
        if startsOne { start(keeper) }
        let outcomes = keeper.outcomes
        keeper.outcomes = []
        for (call, outcome) in outcomes { call.finish(outcome) }
        return true
    }

    /// The next time to act without a wake-up.
    private func nextLook(_ state: State, _ keeper: Keeper) -> SuspendingClock.Instant {
        var deadlines = [keeper.nextTick] + state.evaluators.compactMap(\.deadline)
        if let start = wantsStart(state, keeper) { deadlines.append(start) }
        if !keeper.ending.isEmpty { deadlines.append(.now + .milliseconds(1)) }
        return deadlines.min() ?? keeper.nextTick
    }

    /// The time to start another evaluator; nil if there are enough.
    private func wantsStart(_ state: State, _ keeper: Keeper) -> SuspendingClock.Instant? {
        guard let call = state.waiting.first else { return nil }
        guard state.evaluators.count < settings.maximum + (call.isUrgent ? 1 : 0) else { return nil }
        return max(state.evaluators.isEmpty ? call.began : call.began + Self.maximumWait, keeper.nextStart)
    }

    private func start(_ keeper: Keeper) {
        var (process, channel): (pid_t, CInt) = (0, -1)
        let problem = runnel_jq_start(&process, &channel)
        state.withLock { state in
            if problem == 0 {
                state.evaluators.append(Evaluator(process: process, channel: channel))
                state.assign()
            } else {
                keeper.nextStart = .now + settings.tick
                guard state.evaluators.isEmpty else { return }
                keeper.outcomes += state.waiting.map { ($0, .failure(.unavailable(errno: problem))) }
                state.waiting = []
            }
        }
    }

    private func transfer(_ index: Int, _ state: inout State, _ keeper: Keeper) {
        state.evaluators[index].transmit()
        switch state.evaluators[index].receive(keeper.buffer) {
        case .nothing: break
        case .answered(let call, let answer):
            keeper.outcomes.append((call, .success(answer)))
            if state.evaluators[index].isLarge { end(index, &state, keeper, reason: nil) }
        case .gone(let isBroken): end(index, &state, keeper, reason: isBroken ? .unreadable : nil)
        }
    }

    private func tick(_ state: inout State, _ keeper: Keeper) {
        for index in state.evaluators.indices.reversed() {
            state.evaluators[index].ticks += 1
            let ticks = state.evaluators[index].ticks
            if let call = state.evaluators[index].call {
                guard settings.tick * ticks > settings.tick * settings.patience + call.limit * 20 else { continue }
                end(index, &state, keeper, reason: .stalled(settings.tick * ticks))
            } else if ticks > settings.idleTicks {
                end(index, &state, keeper, reason: nil)
            }
        }
    }

    private func end(_ index: Int, _ state: inout State, _ keeper: Keeper, reason: EvaluatorFailure?) {
        var evaluator = state.evaluators.remove(at: index)
        evaluator.end()
        keeper.ending.append((evaluator, reason))
    }

    /// Reaps the killed evaluators. The exit status tells why a call failed.
    private func reap(_ keeper: Keeper) {
        keeper.ending.removeAll { evaluator, reason in
            guard let exit = evaluator.takeExit() else { return false }
            if let call = evaluator.call { keeper.outcomes.append((call, .failure(reason ?? exit))) }
            return true
        }
    }

    private static func milliseconds(until deadline: SuspendingClock.Instant) -> CInt {
        CInt(clamping: SuspendingClock.now.duration(to: deadline).wholeMilliseconds)
    }
}
