import HTTPServing
import HTTPTypes
import Hummingbird
import NIOCore
import RunnelEngine
import RunnelKit

/// `/live`: one stream of server-sent events for all tabs of a browser.
///
/// It says `change` when what pages show, a served file or the health of a trigger has changed, at most once a second, and
/// `beat` when something else was written, such as a heartbeat of a worker, at most every two seconds. It sends the events
/// of the runs that are named in the address, `?run=ID:NUMBER`, from those numbers on. The browser keeps the numbers, so
/// that it can go on at the right event after the server was restarted. When the session ends, the last event is
/// `signed-out`.
struct LiveRoute: Sendable {
    let journal: any Journal
    let host: PipelineHost
    let changes: ContentChanges
    let answersEnd: Latch

    /// How many runs one stream can follow.
    static let maximumRuns = 32
    /// In bytes of one event. What is longer is in the run's page.
    private static let maximumText = 64 << 10
    private static let fast = Duration.milliseconds(100)
    private static let slow = Duration.milliseconds(500)
    private static let heartbeat = Duration.seconds(15)
    /// The maximum lifetime of a stream. Then the browser reconnects, and an authenticating proxy checks the user again.
    private static let lifetime = Duration.seconds(3600)
    private static let page = 500

    func add(to group: RouterGroup<ServerContext>) {
        group.get("/live") { request, context in
            let query = try Query(request, known: ["run"])
            var runs: [String: Int] = [:]
            for text in query.all("run").prefix(Self.maximumRuns) {
                let parts = text.split(separator: ":", maxSplits: 1)
                guard parts.count == 2, let number = Int(parts[1]), (0...Int(Int32.max)).contains(number) else {
                    throw Query.error(
                        "run: expected an id and the number of an event, found \(Value.string(text).quoted(limit: 100))"
                    )
                }
                runs[String(parts[0])] = number
            }
            return response(runs, context)
        }
    }

    private func response(_ runs: [String: Int], _ context: ServerContext) -> Response {
        Response(
            status: .ok, headers: [.contentType: "text/event-stream", .cacheControl: "no-store"],
            body: ResponseBody { writer in
                // Used only by the task below, which is awaited.
                nonisolated(unsafe) var copy = writer
                do {
                    try await context.cancelledOnDisconnect(orWhen: answersEnd) {
                        try await write(runs, while: context.isAdmitted, to: &copy)
                    }
                } catch EarlyEnd.shutdown {
                    try await copy.write(ByteBuffer(string: SSEWriter.event("shutdown", data: "{}")))
                }
                try await writer.finish(nil)
            })
    }

    private func write(
        _ first: [String: Int], while isAdmitted: @Sendable () async -> Bool, to writer: inout any ResponseBodyWriter
    ) async throws {
        var runs = first
        let clock = ContinuousClock()
        var version: Int64?
        var notices: ChangeNotices?
        let end = clock.now + Self.lifetime
        var lastWrite = clock.now
        // The first bytes say that the stream is there.
        try await writer.write(ByteBuffer(string: SSEWriter.event("open", retry: 1000, data: "{}")))
        while clock.now < end {
            guard await isAdmitted() else {
                return try await writer.write(ByteBuffer(string: SSEWriter.event("signed-out", data: "{}")))
            }
            let current = try await journal.version()
            if current != version {
                version = current
                for (run, next) in runs.sorted(by: { $0.key < $1.key }) {
                    let after = try await writeEvents(of: run, from: next, to: &writer)
                    if after != next { lastWrite = clock.now }
                    // A run that has ended says nothing more.
                    runs[run] = after
                }
            }
            let (content, hostChanges) = (try await changes.count(at: current, now: clock.now), host.changes)
            if let notice = notices?.next(version: current, content: content, host: hostChanges, now: clock.now) {
                try await writer.write(ByteBuffer(string: SSEWriter.event(notice.rawValue, data: "{}")))
                lastWrite = clock.now
            }
            notices = notices ?? ChangeNotices(version: current, content: content, host: hostChanges)
            if clock.now - lastWrite >= Self.heartbeat {
                try await writer.write(ByteBuffer(string: SSEWriter.comment("still here")))
                lastWrite = clock.now
            }
            try await clock.sleep(for: runs.isEmpty ? Self.slow : Self.fast)
        }
    }

    /// - Returns: The number of the next event; nil if the run has ended and all its events are written.
    private func writeEvents(
        of run: String, from first: Int, to writer: inout any ResponseBodyWriter
    ) async throws -> Int? {
        var next = first
        let record = try await journal.newEvents(of: run, from: &next, page: Self.page) { events in
            let text = events.map { number, event in
                var data: ValueObject = ["run": .string(run), "number": .int(Int64(number))]
                for key in ["event", "step", "attempt", "state"] { data[key] = event[key] }
                if event["event"] == "step-text" {
                    data["text"] = event["text"]?.asString.map { .string(String($0.prefix(Self.maximumText))) }
                }
                return SSEWriter.event("run", data: Value.object(data).json())
            }.joined()
            try await writer.write(ByteBuffer(string: text))
        }
        return record?.state.isFinal ?? true ? nil : next
    }
}
