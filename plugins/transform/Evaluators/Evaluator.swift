import CRunnelJQ
import CRunnelSpawn
import LibC
import RunnelKit
import Synchronization

/// A child process that evaluates jq programs, one call at a time. See `runnel_jq.h` for the protocol.
struct Evaluator {
    /// If more memory than this (KiB) is still in use after a call, the evaluator is replaced.
    private static let maximumMemory = 128 << 10
    /// The maximum size of an answer; larger than any within ``JQLimits``.
    private static let maximumAnswer = JQLimits.text.bytes + JQLimits.values * 16 + (1 << 20)

    /// Writing to an evaluator that has exited returns an error instead of raising SIGPIPE.
    #if canImport(Darwin)
    private static let sendFlags: CInt = 0
    #else
    private static let sendFlags = CInt(MSG_NOSIGNAL)
    #endif

    let process: pid_t
    private(set) var channel: CInt
    /// The compiled programs it caches, in LRU order.
    private var programs: [String] = []
    private(set) var call: EvaluatorCall?
    private var sent = 0
    private var answer = EvaluatorAnswer()
    /// The received part of a frame's header, and the missing part of its contents.
    private var header: [UInt8] = []
    private var frame = runnel_jq_frame()
    private var contentsLeft = 0
    /// Since the last call began or ended.
    var ticks = 0
    /// The time at which it is killed after its call was cancelled.
    var deadline: SuspendingClock.Instant?

    init(process: pid_t, channel: CInt) {
        self.process = process
        self.channel = channel
    }

    var hasUnsent: Bool { call.map { sent < $0.request.count } ?? false }

    func keeps(_ program: String) -> Bool { programs.contains(program) }

    /// Begins a call.
    mutating func begin(_ call: EvaluatorCall) {
        self.call = call
        (sent, ticks, answer) = (0, 0, EvaluatorAnswer())
        if let index = programs.lastIndex(of: call.program) {
            if index != programs.count - 1 { programs.append(programs.remove(at: index)) }
        } else {
            programs.append(call.program)
            if programs.count > Int(RUNNEL_JQ_PROGRAMS) { programs.removeFirst() }
        }
        transmit()
    }

    /// Sends without blocking as much as the channel accepts. An exited evaluator is detected when reading.
    mutating func transmit() {
        guard let call else { return }
        call.request.withUnsafeBytes { bytes in
            while sent < bytes.count {
                let count = send(channel, bytes.baseAddress?.advanced(by: sent), bytes.count - sent, Self.sendFlags)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { return }
                sent += count
            }
        }
    }

    enum Event {
        case nothing
        case answered(EvaluatorCall, EvaluatorAnswer)
        /// It closed its channel or violated the protocol.
        case gone(isBroken: Bool)
    }

    /// Reads once. The caller repeats it while there is data.
    mutating func receive(_ buffer: UnsafeMutableRawBufferPointer) -> Event {
        let count = read(channel, buffer.baseAddress, buffer.count)
        if count < 0, errno == EINTR || errno == EAGAIN { return .nothing }
        guard count > 0 else { return .gone(isBroken: false) }
        var bytes = UnsafeRawBufferPointer(rebasing: buffer[..<count])
        guard call != nil else { return .gone(isBroken: true) }
        while true {
            if contentsLeft == 0 {
                let part = bytes.prefix(MemoryLayout<runnel_jq_frame>.size - header.count)
                header += part
                bytes = UnsafeRawBufferPointer(rebasing: bytes.dropFirst(part.count))
                guard header.count == MemoryLayout<runnel_jq_frame>.size else { return .nothing }
                frame = header.withUnsafeBytes { $0.loadUnaligned(as: runnel_jq_frame.self) }
                header.removeAll(keepingCapacity: true)
                contentsLeft = Int(frame.length)
                guard answer.values.count + contentsLeft <= Self.maximumAnswer else { return .gone(isBroken: true) }
            }
            let part = bytes.prefix(contentsLeft)
            answer.values += part
            contentsLeft -= part.count
            bytes = UnsafeRawBufferPointer(rebasing: bytes.dropFirst(part.count))
            guard contentsLeft == 0 else { return .nothing }
            guard frame.end == RUNNEL_JQ_MORE.rawValue else { break }
        }
        guard bytes.isEmpty, !hasUnsent, let call else { return .gone(isBroken: true) }
        answer.end = runnel_jq_end(rawValue: frame.end)
        let complete = answer
        self.call = nil
        (ticks, deadline, answer) = (0, nil, EvaluatorAnswer())
        return .answered(call, complete)
    }

    /// Whether it uses so much memory that it should be replaced.
    var isLarge: Bool { frame.memory > Self.maximumMemory }

    /// Kills the process, whatever it is doing. It remains a zombie until it is reaped by ``takeExit()``.
    mutating func end() {
        kill(process, SIGKILL)
        close(channel)
        channel = -1
    }

    /// Reaps the process. Returns how it ended; nil while it is running.
    func takeExit() -> EvaluatorFailure? {
        var detail: CInt = 0
        switch runnel_peek_exit(process, &detail) {
        case RUNNEL_RUNNING: return nil
        case RUNNEL_EXITED:
            runnel_reap(process)
            return detail == CInt(RUNNEL_JQ_OUT_OF_MEMORY.rawValue) ? .outOfMemory : .ended(status: detail)
        case RUNNEL_SIGNALLED:
            runnel_reap(process)
            if detail == SIGPROF { return .outOfTime }
            return [SIGKILL, SIGTERM, SIGINT, SIGHUP].contains(detail)
                ? .killed(signal: detail) : .crashed(signal: detail)
        default: return .ended(status: -1)
        }
    }
}

/// A request to an evaluator. Only the first result counts.
final class EvaluatorCall: Sendable {
    typealias Outcome = Result<EvaluatorAnswer, EvaluatorFailure>

    private enum Progress {
        case open(handler: (@Sendable (Outcome) -> Void)?)
        case finished(Outcome)
    }

    /// The text of the program, which evaluators cache in compiled form.
    let program: String
    let request: [UInt8]
    /// The limit of CPU time; after a multiple of it in wall-clock time the call fails.
    let limit: Duration
    /// Whether a thread blocks on it, so that it has priority and need not wait for the evaluator that cached its
    /// program.
    let isUrgent: Bool
    let began = SuspendingClock.now
    private let progress = Mutex(Progress.open(handler: nil))

    init(program: String, request: [UInt8], limit: Duration, isUrgent: Bool = false) {
        self.program = program
        self.isUrgent = isUrgent
        self.request = request
        // Clamped so that multiples of it do not overflow.
        self.limit = min(limit, .seconds(1_000_000))
    }

    var isFinished: Bool {
        progress.withLock { if case .finished = $0 { true } else { false } }
    }

    func finish(_ outcome: Outcome) {
        let handler = progress.withLock { progress -> (@Sendable (Outcome) -> Void)? in
            guard case .open(let handler) = progress else { return nil }
            progress = .finished(outcome)
            return handler
        }
        handler?(outcome)
    }

    /// Calls `handler` once; immediately if the call is already finished.
    func onFinish(_ handler: @escaping @Sendable (Outcome) -> Void) {
        let outcome = progress.withLock { progress -> Outcome? in
            if case .finished(let outcome) = progress { return outcome }
            progress = .open(handler: handler)
            return nil
        }
        if let outcome { handler(outcome) }
    }
}

/// An evaluator's answer to a request.
struct EvaluatorAnswer: Sendable {
    var end = RUNNEL_JQ_MORE
    /// For ``JQReader``.
    var values: [UInt8] = []
}

/// The reason for a missing answer.
enum EvaluatorFailure: Error, Hashable {
    case cancelled
    /// The evaluator reached its limit of CPU time.
    case outOfTime
    /// It reached its limit of memory.
    case outOfMemory
    /// A signal caused by the program: a failed assertion of libjq, an access out of bounds, a stack overflow.
    case crashed(signal: CInt)
    /// It was killed by another process or by the kernel's OOM killer.
    case killed(signal: CInt)
    /// It exited with this status; -1 if another waiter reaped it.
    case ended(status: CInt)
    /// The answer violates the protocol.
    case unreadable
    /// It did not answer within this time.
    case stalled(Duration)
    /// No evaluator could be started; see `errno`.
    case unavailable(errno: CInt)

    /// Whether a retry may succeed.
    var isTransient: Bool {
        switch self {
        case .killed, .ended, .stalled, .unavailable, .cancelled: true
        case .outOfTime, .outOfMemory, .crashed, .unreadable: false
        }
    }
}
