internal import RunnelKit
internal import RunnelProcess
internal import Synchronization

/// The stdio transport: the server is a child process with one message per line on its standard input and output.
///
/// - SeeAlso: Model Context Protocol, "Transports", "stdio".
final class StdioTransport: MCPTransport {
    private struct State {
        var process: PluginProcess?
        var splitter: LineSplitter
        /// How and why Runnel stops the child; nil while it does not.
        var stop: (plan: StopPlan, reason: String)?
        /// Replies to messages that arrived before the process was assigned.
        var early: [Value] = []
    }

    private let program: PluginProgram
    private let log: PluginLog
    private let redactor: Redactor
    private let state: Mutex<State>

    /// - Parameter redactor: Redacts secrets where an invalid line is quoted.
    init(program: PluginProgram, log: PluginLog, redactor: Redactor) {
        self.program = program
        self.log = log
        self.redactor = redactor
        state = Mutex(State(splitter: LineSplitter(limit: program.manifest.maxLine.bytes)))
    }

    func open(_ receive: @escaping @Sendable (MCPIncoming) -> [Value]) async throws {
        let sinks = PluginProcess.Sinks(
            output: { [self] bytes in
                take(bytes, receive)
                return true
            },
            error: { [log] in log.append($0) },
            outputEnd: { [self] in
                takeLast(receive)
                stop(.prompt, "closed its output")
            },
            end: { [self] exit in
                takeLast(receive)
                log.finish()
                let words = state.withLock { $0.stop?.reason } ?? exit.words
                _ = receive(.closed(MCPEnd(words: words, trace: PluginLog.errorText(log.lastLines))))
            })
        let process = try await program.start(sinks: sinks)
        let (early, plan) = state.withLock { state in
            state.process = process
            defer { state.early = [] }
            return (state.early, state.stop?.plan)
        }
        if let plan { process.stop(plan) }
        for message in early { process.write(message.jsonBytes() + [0x0A]) }
    }

    func send(_ message: Value) async throws {
        guard let process = state.withLock({ $0.process }) else { throw MCPFault.closed(MCPEnd(words: "does not run")) }
        guard process.write(message.jsonBytes() + [0x0A]) else {
            if process.hasPendingInput {
                throw MCPFault.refused("does not read its input", isTransient: true)
            }
            // It closed its input or has ended. The exit, which follows, gives the reason.
            process.stop(.patient)
            return
        }
    }

    func agreed(on version: MCPRevision) {}

    func close(_ plan: StopPlan) async {
        guard let process = state.withLock({ $0.process }) else { return }
        process.stop(plan)
        _ = await process.waitForExit()
    }

    /// Called on the child's thread.
    private func take(_ bytes: UnsafeRawBufferPointer, _ receive: @Sendable (MCPIncoming) -> [Value]) {
        var lines: [[UInt8]] = []
        let isTooLong = state.withLock { state in
            // After a failure, further output is ignored.
            guard state.stop == nil else { return false }
            do {
                try state.splitter.append(bytes) { line, _ in lines.append(line) }
                return false
            } catch {
                return true
            }
        }
        for line in lines where line.contains(where: { $0 > 0x20 }) {
            for reply in receive(MCPIncoming(line, redactor: redactor)) { answer(reply) }
        }
        if isTooLong { stop(.immediate, "wrote a line longer than \(program.manifest.maxLine) (max_line)") }
    }

    /// Stops the child, also if it is still being started.
    private func stop(_ plan: StopPlan, _ reason: String) {
        let process = state.withLock { state in
            if state.stop == nil { state.stop = (plan, reason) }
            return state.process
        }
        process?.stop(plan)
    }

    /// Takes the last message if the output ends without a line feed.
    private func takeLast(_ receive: @Sendable (MCPIncoming) -> [Value]) {
        let last = state.withLock { state in state.stop == nil ? state.splitter.finish()?.line : nil }
        guard let last, case .message(let message) = MCPIncoming(last, redactor: redactor) else { return }
        _ = receive(.message(message))
    }

    private func answer(_ reply: Value) {
        let process = state.withLock { state in
            if state.process == nil, state.early.count < 16 { state.early.append(reply) }
            return state.process
        }
        process?.write(reply.jsonBytes() + [0x0A])
    }
}
