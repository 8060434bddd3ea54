internal import RunnelHTTP
internal import RunnelKit
internal import RunnelProcess
internal import RunnelSupport
internal import Synchronization

/// The streamable HTTP transport: each message is a POST; the answer is its response, a JSON document or a stream of
/// events.
///
/// - SeeAlso: Model Context Protocol, "Transports", "Streamable HTTP".
final class StreamableHTTPTransport: MCPTransport {
    private struct State {
        var session = MCPHTTPSession()
        var receive: (@Sendable (MCPIncoming) -> [Value])?
    }

    private let url: String
    private let headers: [String: String]
    private let client: any MCPHTTPClient
    private let eventLimit: Int
    private let redactor: Redactor
    private let state = Mutex(State())

    /// - Parameters:
    ///   - url: The URL of the server's endpoint.
    ///   - headers: Headers of each request, such as `authorization`. Names in lower case.
    ///   - eventLimit: The maximum size of a message in bytes.
    ///   - redactor: Redacts secrets where an invalid message is quoted.
    init(
        url: String, headers: [String: String], client: any MCPHTTPClient, eventLimit: Int, redactor: Redactor
    ) {
        self.url = url
        self.headers = headers
        self.client = client
        self.eventLimit = eventLimit
        self.redactor = redactor
    }

    func open(_ receive: @escaping @Sendable (MCPIncoming) -> [Value]) async throws {
        state.withLock { $0.receive = receive }
    }

    func agreed(on version: MCPRevision) {
        state.withLock { $0.session.version = version }
    }

    func send(_ message: Value) async throws {
        if message["method"]?.asString == "initialize" { state.withLock { $0.session.version = nil } }
        let (session, receive) = state.withLock { ($0.session, $0.receive) }
        guard let receive, session.sends(message) else { return }
        let response = try await exchange("POST", session.headers(for: message), message.jsonBytes())
        state.withLock { $0.session.received(headers: response.headers, to: message) }
        let isRequest = message["method"] != nil && message["id"] != nil
        let now = WallClock.nanoseconds()
        if let fault = session.fault(status: response.status, headers: response.headers, now: now) {
            // An error response may contain a protocol message with the reason.
            let body = try? await self.body(response)
            if case .sessionExpired = fault { throw fault }
            let answer = body.flatMap { try? Value.json($0) }
            // A busy server asks for a retry. The message in the body would hide it.
            if case .refused(let words, let isTransient, let retryAfter) = fault,
                retryAfter != nil || MCPHTTPSession.asksForRetry(response.status)
            {
                let reason = RPCError(answer?["error"]).map { " (\($0.message))" } ?? ""
                throw MCPFault.refused(words + reason, isTransient: isTransient, retryAfter: retryAfter)
            }
            if isRequest, let answer, answer["error"] != nil {
                var object = answer.asObject ?? [:]
                object["id"] = message["id"]
                _ = receive(.message(.object(object)))
                return
            }
            throw fault
        }
        guard isRequest else {
            // It was accepted, even if the rest of the answer is missing.
            _ = try? await body(response)
            return
        }
        let id = message["id"] ?? .null
        if Self.isEventStream(response) {
            try await read(response, until: id, receive)
        } else {
            let bytes = try await body(response)
            let answer = MCPIncoming(bytes, redactor: redactor)
            if case .unreadable(let words) = answer {
                throw MCPFault.refused("answered with what \(words)", isTransient: false)
            }
            guard Self.answers(answer, id) else { throw Self.noAnswer }
            await reply(receive(answer))
        }
    }

    func close(_ plan: StopPlan) async {
        let session = state.withLock { state in
            state.receive = nil
            return state.session
        }
        guard let headers = session.headersForEnd() else { return }
        // A server may reject this; the session then expires.
        if let response = try? await exchange("DELETE", headers, []) { _ = try? await body(response) }
    }

    // MARK: - Exchange

    private func exchange(_ method: String, _ extra: [String: String], _ body: [UInt8]) async throws -> MCPHTTPResponse
    {
        do {
            // Headers of the protocol override those of the manifest.
            return try await client.send(
                MCPHTTPRequest(method: method, url: url, headers: headers.merging(extra) { $1 }, body: body))
        } catch {
            throw Self.fault(error)
        }
    }

    private func body(_ response: MCPHTTPResponse) async throws -> [UInt8] {
        var bytes: [UInt8] = []
        do {
            while let more = try await response.next() {
                bytes += more
                guard bytes.count <= eventLimit else { throw tooLong }
            }
        } catch {
            throw Self.fault(error)
        }
        return bytes
    }

    /// Reads events until the answer to the request has come.
    private func read(
        _ response: MCPHTTPResponse, until id: Value, _ receive: @Sendable (MCPIncoming) -> [Value]
    ) async throws {
        var reader = EventStreamReader(limit: eventLimit)
        var isAnswered = false
        while !isAnswered {
            let bytes: [UInt8]?
            do {
                bytes = try await response.next()
            } catch {
                throw Self.fault(error)
            }
            let events: [[UInt8]]
            do {
                events = if let bytes { try reader.append(bytes) } else { try reader.finish().map { [$0] } ?? [] }
            } catch {
                throw tooLong
            }
            for event in events {
                let message = MCPIncoming(event, redactor: redactor)
                if Self.answers(message, id) { isAnswered = true }
                await reply(receive(message))
            }
            if bytes == nil, !isAnswered { throw Self.noAnswer }
        }
    }

    private func reply(_ replies: [Value]) async {
        for reply in replies {
            let headers = state.withLock { $0.session.headers(for: reply) }
            if let response = try? await exchange("POST", headers, reply.jsonBytes()) { _ = try? await body(response) }
        }
    }

    // MARK: - Rules

    private static func isEventStream(_ response: MCPHTTPResponse) -> Bool {
        ContentType.isEventStream(response.headers["content-type"])
    }

    /// Whether the message, or one in the batch, answers the request.
    private static func answers(_ incoming: MCPIncoming, _ id: Value) -> Bool {
        switch incoming {
        case .message(let message): (message.asList ?? [message]).contains { $0["method"] == nil && $0["id"] == id }
        case .unreadableAnswer(let answered, _): .int(answered) == id
        case .unreadable, .closed: false
        }
    }

    private static var noAnswer: MCPFault { .refused("ended its response without an answer", isTransient: true) }

    private var tooLong: MCPFault {
        .refused("answered with more than \(ByteCount(eventLimit)) (max_line)", isTransient: false)
    }

    private static func fault(_ error: any Error) -> any Error {
        if error is MCPFault || error is CancellationError { return error }
        if let error = error as? StepError {
            return MCPFault.refused("could not be reached: \(error.message)", isTransient: error.isTransient)
        }
        guard let problem = error as? TransportProblem else {
            return MCPFault.refused("could not be reached: \(error)", isTransient: true)
        }
        let (_, why, hint) = problem.failure
        let words =
            switch problem {
            case .corruptBody(let coding): "answered with a body that is not \(coding), as its header says"
            case .tooLarge: "answered with more than \(why) at once"
            default: "could not be reached: \(why)" + (hint.map { " (\($0))" } ?? "")
            }
        return MCPFault.refused(words, isTransient: problem.isTransient)
    }
}
