internal import RunnelKit
internal import Synchronization

/// Tells a caller what a run says while it says it, as server-sent events.
struct StreamAnswer: Sendable {
    /// Text that is held for a slow reader.
    static let bufferLimit = 256 << 10
    /// How often there is a sign of life; proxies close connections that are silent for a minute.
    static let heartbeat: Duration = .seconds(15)

    let context: TriggerContext
    let runID: String
    let request: IngressRequest
    let callers: WaitingCallers
    /// Called if the last caller of the run disconnects before the run has ended.
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
                callers.enter(runID)
                do {
                    try await write(to: &writer)
                    _ = callers.leave(runID)
                } catch {
                    let isLast = callers.leave(runID)
                    if Task.isCancelled, request.routeStatus == .shuttingDown {
                        // The run continues after Runnel restarts.
                        return try await writer.write(Self.event("end", RunAnswer.acceptance(runID)))
                    }
                    // Where the run cannot be followed any more, the caller is still there.
                    if isLast, !(error is CancellationError) || Task.isCancelled { await callerLeft() }
                    throw error
                }
            })
    }

    private func write(to writer: inout any IngressBodyWriter) async throws {
        try await writer.write(Self.event("run", ["run": .string(runID)]))
        let mailbox = StreamMailbox(limit: Self.bufferLimit)
        async let _: Void = beat(mailbox)
        async let end = follow(mailbox)
        for await _ in mailbox.signals { try await writer.write(bytes(mailbox.take())) }
        try Task.checkCancellation()
        try await writer.write(bytes(mailbox.take()) + Self.event("end", try await end))
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
                Self.event("delta", ["step": .string(step), "text": .string(text)])
            case .gap(let bytes): Self.event("gap", ["bytes": .int(Int64(bytes))])
            case .heartbeat: Array(SSEWriter.comment("still running").utf8)
            }
        }
    }

    private static func event(_ name: String, _ data: ValueObject) -> [UInt8] {
        Array(SSEWriter.event(name, data: Value.object(data).json()).utf8)
    }
}

/// Holds what a run says until a caller has read it. A caller who is slow gets larger pieces, and one who is very slow
/// loses text and is told how much; the run never waits, and memory is bounded.
final class StreamMailbox: Sendable {
    enum Item: Sendable, Hashable {
        case text(step: String, String)
        /// So many bytes of text were left out here.
        case gap(bytes: Int)
        case heartbeat
    }

    private struct State {
        var items: [Item] = []
        /// Bytes that are held, about.
        var size = 0

        /// What a piece takes beside its text.
        static let overhead = 64

        mutating func add(_ step: String, _ text: String, limit: Int) {
            if items == [.heartbeat] { items = [] }
            let count = text.utf8.count
            if case .text(step, let earlier)? = items.last, size + count <= limit {
                size += count
                items[items.count - 1] = .text(step: step, earlier + text)
            } else if size + count + Self.overhead <= limit {
                size += count + Self.overhead
                items.append(.text(step: step, text))
            } else if case .gap(let bytes)? = items.last {
                items[items.count - 1] = .gap(bytes: bytes + count)
            } else {
                items.append(.gap(bytes: count))
            }
        }
    }

    private let limit: Int
    private let state = Mutex(State())
    /// Says that there is something to fetch; ends with the run.
    let signals: AsyncStream<Void>
    private let signal: AsyncStream<Void>.Continuation

    /// - Parameter limit: Bytes that are held at most, about.
    init(limit: Int) {
        self.limit = limit
        (signals, signal) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    func put(_ update: RunUpdate) {
        guard case .text(let step, let text) = update, !text.isEmpty else { return }
        state.withLock { $0.add(step, text, limit: limit) }
        signal.yield()
    }

    /// Puts a sign of life where nothing else waits.
    func beat() {
        state.withLock { if $0.items.isEmpty { $0.items = [.heartbeat] } }
        signal.yield()
    }

    /// Nothing more comes.
    func close() {
        signal.finish()
    }

    func take() -> [Item] {
        state.withLock { state in
            defer { state = State() }
            return state.items
        }
    }
}
