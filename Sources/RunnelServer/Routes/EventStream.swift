import HTTPServing
import HTTPTypes
import Hummingbird
import NIOCore
import RunnelEngine
import RunnelKit

/// Streams all past and future events of a run as server-sent events; the event number is the id.
struct EventStream: Sendable {
    let journal: any Journal
    let runID: String
    /// Opens when the server is shutting down and no longer works on the run.
    let answersEnd: Latch

    private static let interval = Duration.milliseconds(100)
    /// The heartbeat in intervals: 15 s. Proxies close connections that are idle for a minute.
    private static let heartbeat = 150
    private static let page = 500

    /// The first event number for a reconnecting client (`Last-Event-ID`, WHATWG HTML, section 9.2.4).
    static func firstNumber(_ request: Request) throws(APIError) -> Int {
        guard let text = HTTPFieldNames.lastEventID.flatMap({ request.headers[$0] }), !text.isEmpty else { return 0 }
        // Digits alone: `Int` also reads a sign.
        guard text.utf8.count <= 9, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int(text) else {
            throw APIError(
                400, .badHeader,
                "Last-Event-ID: expected the number of an event, found \(Value.string(text).quoted())")
        }
        return number + 1
    }

    func response(from first: Int, _ context: ServerContext) -> Response {
        Response(
            status: .ok, headers: [.contentType: "text/event-stream", .cacheControl: "no-store"],
            body: ResponseBody { writer in
                // Used only by the task below, which is awaited.
                nonisolated(unsafe) var copy = writer
                nonisolated(unsafe) var next = first
                do {
                    try await context.cancelledOnDisconnect(orWhen: answersEnd) {
                        try await write(from: &next, while: context.isAdmitted, to: &copy)
                    }
                } catch EarlyEnd.shutdown {
                    // Writes the remaining events before this process stops. A reconnecting client continues after
                    // them.
                    if try await !writeNew(from: &next, to: &copy).isOver {
                        try await copy.write(ByteBuffer(string: Self.shutdown))
                    }
                }
                try await writer.finish(nil)
            })
    }

    private func write(
        from next: inout Int, while isAdmitted: @Sendable () async -> Bool, to writer: inout any ResponseBodyWriter
    ) async throws {
        var version: Int64?
        var silence = 0
        while true {
            guard await isAdmitted() else { return try await writer.write(ByteBuffer(string: Self.unauthorized)) }
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
                try await writer.write(ByteBuffer(string: SSEWriter.comment("still going on")))
            }
        }
    }

    /// Writes new events, and returns whether the run has ended.
    private func writeNew(
        from next: inout Int, to writer: inout any ResponseBodyWriter
    ) async throws -> (hasWritten: Bool, isOver: Bool) {
        let first = next
        let run = try await journal.newEvents(of: runID, from: &next, page: Self.page) { events in
            try await writer.write(ByteBuffer(string: events.map(Self.text).joined()))
        }
        return (next != first, run?.state.isFinal ?? true)
    }

    /// The last event of a stream whose run continues elsewhere. It has no id, so that clients keep theirs.
    private static let shutdown = SSEWriter.event("shutdown", data: #"{"message":"Runnel is shutting down"}"#)

    /// The last event of a stream whose token is no longer valid.
    private static let unauthorized = SSEWriter.event(
        "unauthorized", data: #"{"message":"the token is no longer valid"}"#)

    private static func text(_ number: Int, _ event: Value) -> String {
        SSEWriter.event(event["event"]?.asString ?? "event", id: number, data: event.json())
    }
}
