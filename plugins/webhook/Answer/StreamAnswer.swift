internal import RunnelKit

/// Tells a caller what a run says while it says it, as server-sent events.
struct StreamAnswer: Sendable {
    /// Text that is held for a slow reader.
    static let bufferLimit = 256 << 10
    /// How often there is a sign of life; proxies close connections that are silent for a minute.
    static let heartbeat: Duration = .seconds(15)

    let context: TriggerContext
    let runID: String
    let request: IngressRequest
    /// Called when the caller is gone before the run has ended.
    let callerLeft: @Sendable () async -> Void

    var response: IngressResponse {
        IngressResponse(
            status: 200,
            headers: [
                "content-type": "text/event-stream", "cache-control": "no-store",
                // nginx would hold the events back otherwise.
                "x-accel-buffering": "no", RunAnswer.runHeader: runID,
            ],
            body: .stream { writer in
                do {
                    try await write(to: &writer)
                } catch  where Task.isCancelled && request.routeStatus == .shuttingDown {
                    // The run goes on once Runnel is started again.
                    try await writer.write(ServerSentEvent.bytes("end", RunAnswer.acceptance(runID)))
                } catch {
                    // Where the run cannot be followed any more, the caller is still there.
                    if !(error is CancellationError) || Task.isCancelled { await callerLeft() }
                    throw error
                }
            })
    }

    private func write(to writer: inout any IngressBodyWriter) async throws {
        try await writer.write(ServerSentEvent.bytes("run", ["run": .string(runID)]))
        let mailbox = StreamMailbox(limit: Self.bufferLimit)
        async let _: Void = beat(mailbox)
        async let end = follow(mailbox)
        for await _ in mailbox.signals { try await writer.write(bytes(mailbox.take())) }
        try Task.checkCancellation()
        try await writer.write(bytes(mailbox.take()) + ServerSentEvent.bytes("end", try await end))
    }

    /// Collects what the run says and returns what is said of its end.
    private func follow(_ mailbox: StreamMailbox) async throws -> ValueObject {
        defer { mailbox.close() }
        do {
            return RunAnswer.summary(runID, try await context.follow(runID) { mailbox.put($0) })
        } catch let error as StepError {
            return ["run": .string(runID), "status": "unknown", "error": ["code": .string(error.code)]]
        }
    }

    private func beat(_ mailbox: StreamMailbox) async throws {
        while true {
            try await context.clock.sleep(for: Self.heartbeat)
            mailbox.beat()
        }
    }

    private func bytes(_ items: [StreamMailbox.Item]) -> [UInt8] {
        items.flatMap { item in
            switch item {
            case .text(let step, let text):
                ServerSentEvent.bytes("delta", ["step": .string(step), "text": .string(text)])
            case .gap(let bytes): ServerSentEvent.bytes("gap", ["bytes": .int(Int64(bytes))])
            case .heartbeat: ServerSentEvent.heartbeat
            }
        }
    }
}
