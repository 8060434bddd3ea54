import HTTPServing
import HTTPTypes
import Hummingbird
import NIOCore
import RunnelEngine
import RunnelKit

/// All events of a run as server-sent events, those that come included; their numbers are the ids.
struct EventStream: Sendable {
    let journal: any Journal
    let runID: String
    /// Opens when the server shuts down and the run is not worked on here any more.
    let answersEnd: Latch

    private static let interval = Duration.milliseconds(100)
    /// In intervals: 15 s. Proxies close connections that are silent for a minute.
    private static let heartbeat = 150
    private static let page = 500

    /// Where a reader goes on that was interrupted (WHATWG HTML, section 9.2.4).
    static func firstNumber(_ request: Request) throws(APIError) -> Int {
        guard let text = HTTPFieldNames.lastEventID.flatMap({ request.headers[$0] }), !text.isEmpty else { return 0 }
        guard let number = Int(text), (0..<Int(Int32.max)).contains(number) else {
            throw APIError(
                400, "bad-header",
                "Last-Event-ID: expected the number of an event, found \(Value.string(text).quoted())")
        }
        return number + 1
    }

    func response(from first: Int, _ context: ServerContext) -> Response {
        Response(
            status: .ok, headers: [.contentType: "text/event-stream", .cacheControl: "no-cache"],
            body: ResponseBody { writer in
                // Only the task below uses these until it has ended.
                nonisolated(unsafe) var copy = writer
                nonisolated(unsafe) var next = first
                do {
                    try await context.cancelledWhenCallerLeaves(orWhen: answersEnd) {
                        try await write(from: &next, to: &copy)
                    }
                } catch EarlyEnd.shutdown {
                    // What the run came to before this process stopped. A reader that reconnects goes on behind it.
                    if try await !writeNew(from: &next, to: &copy).isOver {
                        try await copy.write(ByteBuffer(string: Self.shutdown))
                    }
                }
                try await writer.finish(nil)
            })
    }

    private func write(from next: inout Int, to writer: inout any ResponseBodyWriter) async throws {
        var version: Int64?
        var silence = 0
        while true {
            let current = try await journal.version()
            if current != version {
                version = current
                let (hasWritten, isOver) = try await writeNew(from: &next, to: &writer)
                if hasWritten { silence = 0 }
                if isOver { return }
            }
            try await ContinuousClock().sleep(for: Self.interval)
            silence += 1
            if silence.isMultiple(of: Self.heartbeat) {
                try await writer.write(ByteBuffer(string: ": still going on\n\n"))
            }
        }
    }

    /// Writes the events that have come since, and says whether the run has ended.
    private func writeNew(
        from next: inout Int, to writer: inout any ResponseBodyWriter
    ) async throws -> (hasWritten: Bool, isOver: Bool) {
        // Asked first: whatever happened before the end is there when the end is.
        let isOver = try await journal.run(runID)?.state.isFinal ?? true
        var hasWritten = false
        while case let events = try await journal.events(of: runID, from: next, limit: Self.page),
            let last = events.last
        {
            next = last.number + 1
            hasWritten = true
            try await writer.write(ByteBuffer(string: events.map(Self.text).joined()))
        }
        return (hasWritten, isOver)
    }

    /// The last event of a stream whose run goes on without it. It has no id, so that readers keep theirs.
    private static let shutdown = "event: shutdown\ndata: {\"message\":\"Runnel is shutting down\"}\n\n"

    private static func text(_ number: Int, _ event: Value) -> String {
        "id: \(number)\nevent: \(event["event"]?.asString ?? "event")\ndata: \(event.json())\n\n"
    }
}
