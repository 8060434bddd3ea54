import CRunnelJQ
import CRunnelSpawn
import RunnelKit

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A child process that evaluates, one call at a time. See `runnel_jq.h` for what is said on its channel.
struct Evaluator {
    /// Memory that is not given back after a call ends the evaluator, so that the next one is small again; in KiB.
    private static let maximumMemory = 128 << 10
    /// More than any answer within ``JQLimits`` takes.
    private static let maximumAnswer = JQLimits.text.bytes + JQLimits.values * 16 + (1 << 20)

    /// A write to an evaluator that is gone is an error, no signal.
    #if canImport(Darwin)
    private static let sendFlags: CInt = 0
    #else
    private static let sendFlags = CInt(MSG_NOSIGNAL)
    #endif

    let process: pid_t
    private(set) var channel: CInt
    /// The programs it has compiled, in the order of their last use; as many as it keeps.
    private var programs: [String] = []
    private(set) var call: EvaluatorCall?
    private var sent = 0
    private var answer = EvaluatorAnswer()
    /// What has come of the header of a frame, and what is left of its contents.
    private var header: [UInt8] = []
    private var frame = runnel_jq_frame()
    private var contentsLeft = 0
    /// Since the last call began or ended.
    var ticks = 0
    /// When it is ended because nobody wants the answer any more.
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

    /// Sends what the channel takes now. An evaluator that is gone is noticed when it is read from.
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
        /// It has closed its channel, or breaks the protocol.
        case gone(isBroken: Bool)
    }

    /// Reads once. Called again for as long as there is something to read.
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

    /// Whether it holds so much that it had better be replaced.
    var isLarge: Bool { frame.memory > Self.maximumMemory }

    /// Ends the process, which may be anywhere. It stays in the system's table until its exit has been taken.
    mutating func end() {
        kill(process, SIGKILL)
        close(channel)
        channel = -1
    }

    /// How the process ended; nil while it has not.
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
