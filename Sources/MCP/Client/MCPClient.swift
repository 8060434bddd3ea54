internal import Logging
internal import RunnelKit
internal import RunnelProcess
internal import RunnelSupport
internal import Synchronization

/// A connection to an MCP server: requests, answers and notifications.
final class MCPClient: Sendable {
    private struct Open {
        let slot: Promise<Value>
        let progress: (@Sendable (String) -> Void)?
    }

    private struct State {
        var session = MCPClientSession()
        var open: [Int64: Open] = [:]
        var closed: MCPEnd?
        var answers = 0
        var toolsChanged = false
        var unreadable: String?
    }

    /// The time limit for `server/discover` before the server is treated as an old one.
    static let discoverLimit = Duration.seconds(5)
    /// The time limit for telling the server that a call or the session has ended.
    private static let endingLimit = Duration.seconds(2)
    /// The maximum number of pages of a listing, against servers that always return another page.
    private static let pageLimit = 200
    /// The maximum number of tools.
    private static let toolLimit = 2000
    /// The maximum total size of the tools as JSON.
    private static let toolBytes = ByteCount.mebibytes(8)

    let plugin: String
    private let transport: any MCPTransport
    private let log: PluginLog
    private let clock: any Clock<Duration>
    private let state = Mutex(State())

    init(plugin: String, transport: any MCPTransport, log: PluginLog, clock: any Clock<Duration>) {
        self.plugin = plugin
        self.transport = transport
        self.log = log
        self.clock = clock
    }

    /// The reason why the connection has ended; nil while it is open.
    var closed: MCPEnd? { state.withLock { $0.closed } }
    /// Whether a request was answered since the connection was opened.
    var hasWorked: Bool { state.withLock { $0.answers > 0 } }
    /// A description of the last invalid line, as a predicate.
    var lastUnreadable: String? { state.withLock { $0.unreadable } }

    /// Whether the server reported changed tools since the last call.
    func takeToolsChanged() -> Bool {
        state.withLock { state in
            defer { state.toolsChanged = false }
            return state.toolsChanged
        }
    }

    // MARK: - Beginning and end

    /// Connects and negotiates the protocol version.
    /// - Throws: ``MCPFault``.
    func open(remembered: MCPRevision?) async throws -> MCPRevision {
        try await transport.open { [weak self] in self?.receive($0) ?? [] }
        var negotiation = MCPNegotiation()
        var move = negotiation.start(remembered: remembered)
        while true {
            switch move {
            case .discover(let version):
                agree(version)
                let (answer, isLate) = try await withCheckedDeadline(Self.discoverLimit, clock: clock) {
                    try await self.request("server/discover")
                }
                move = negotiation.next(try Self.outcome(answer, isLate: isLate))
            case .initialize(let version):
                // Before the handshake requests carry no version.
                state.withLock { $0.session.version = nil }
                let answer: Result<Value, any Error>
                do {
                    answer = .success(try await request("initialize", MCPNegotiation.parameters(version)))
                } catch {
                    answer = .failure(error)
                }
                move = negotiation.next(try Self.outcome(answer, isLate: false))
            case .ready(let version, let announcesToolChanges):
                agree(version)
                if !version.isStateless {
                    try await transport.send(MCPClientSession.notification("notifications/initialized"))
                } else if announcesToolChanges, transport is StdioTransport {
                    try await listen()
                }
                state.withLock { $0.answers = 0 }
                return version
            case .fail(let words, let isTransient, let retryAfter):
                throw MCPFault.refused(words, isTransient: isTransient, retryAfter: retryAfter)
            }
        }
    }

    private func agree(_ version: MCPRevision) {
        state.withLock { $0.session.version = version }
        transport.agreed(on: version)
    }

    /// The answer for the negotiation. A closed connection ends it.
    private static func outcome(
        _ answer: Result<Value, any Error>, isLate: Bool
    ) throws -> Result<Value, MCPFault>? {
        switch answer {
        case .success(let value): return .success(value)
        case .failure(let fault as MCPFault):
            if case .closed = fault { throw fault }
            return .failure(fault)
        case .failure(let error):
            if isLate { return nil }
            throw error
        }
    }

    /// Subscribes to change notifications. The request stays open as long as the connection.
    private func listen() async throws {
        let message = state.withLock { state in
            let (id, message) = state.session.request(
                "subscriptions/listen", ["notifications": ["toolsListChanged": true]])
            state.open[id] = Open(slot: Promise<Value>(), progress: nil)
            return message
        }
        try await transport.send(message)
    }

    func close(_ plan: StopPlan) async {
        await withinEndingLimit { [transport] in await transport.close(plan) }
        end(MCPEnd(words: "was ended"))
    }

    /// Cancels `body` after ``endingLimit``, so that a server that does not respond delays neither the end of a call nor a
    /// shutdown. A child process is an exception: closing waits until it has ended, and the stop plan kills it in time.
    private func withinEndingLimit(_ body: @escaping @Sendable () async throws -> Void) async {
        _ = await withDeadline(Self.endingLimit, clock: clock, body)
    }

    private func end(_ reason: MCPEnd) {
        let open = state.withLock { state -> [Open] in
            if state.closed == nil { state.closed = reason }
            defer { state.open = [:] }
            return Array(state.open.values)
        }
        for request in open { request.slot.fulfil(.failure(MCPFault.closed(reason))) }
    }

    // MARK: - Requests

    /// Sends a request and waits for its result. Cancellation is forwarded to the server.
    func request(
        _ method: String, _ params: ValueObject = [:], progress: (@Sendable (String) -> Void)? = nil
    ) async throws -> Value {
        let slot = Promise<Value>()
        let (id, message) = try state.withLock { state in
            if let reason = state.closed { throw MCPFault.closed(reason) }
            let (id, message) = state.session.request(method, params, wantsProgress: progress != nil)
            state.open[id] = Open(slot: slot, progress: progress)
            return (id, message)
        }
        do {
            try await transport.send(message)
            return try await slot.value()
        } catch {
            let cancel = state.withLock { state in
                state.open[id] = nil
                return state.session.abandon(id, reason: "the caller gave up")
            }
            // In an unstructured task, because the current one may be cancelled.
            if let cancel {
                await Task { await withinEndingLimit { [transport] in try await transport.send(cancel) } }.value
            }
            throw error
        }
    }

    /// All tools, fetched page by page.
    func tools() async throws -> [MCPTool] {
        var tools: [MCPTool] = []
        var bytes = 0
        var cursor: String?
        for _ in 0..<Self.pageLimit {
            let page = try await request("tools/list", cursor.map { ["cursor": .string($0)] } ?? [:])
            let list = page["tools"]?.asList ?? []
            bytes += Value.list(list).jsonBytes().count
            guard bytes <= Self.toolBytes.bytes else {
                throw MCPFault.refused("lists tools of more than \(Self.toolBytes)", isTransient: false)
            }
            tools += list.compactMap(MCPTool.init)
            guard tools.count <= Self.toolLimit else {
                throw MCPFault.refused("lists more than \(Self.toolLimit) tools", isTransient: false)
            }
            guard let next = page["nextCursor"]?.asString, !next.isEmpty else { return tools }
            cursor = next
        }
        throw MCPFault.refused("lists its tools on more than \(Self.pageLimit) pages", isTransient: false)
    }

    // MARK: - Incoming

    private func receive(_ incoming: MCPIncoming) -> [Value] {
        switch incoming {
        case .closed(let reason):
            end(reason)
            return []
        case .unreadable(let words):
            state.withLock { $0.unreadable = words }
            log.note("a line of its output \(words)")
            return []
        case .unreadableAnswer(let id, let words):
            let event = state.withLock { $0.session.refuse(id, words) }
            return [event ?? .ignored("a message: the plugin \(words)")].compactMap(handle)
        case .message(let message):
            let events = state.withLock { $0.session.receive(message) }
            return events.compactMap(handle)
        }
    }

    /// Gives what is to be sent in reply.
    private func handle(_ event: MCPClientSession.Event) -> Value? {
        switch event {
        case .answer(let id, let result):
            let open = state.withLock { state in
                state.answers += 1
                return state.open.removeValue(forKey: id)
            }
            open?.slot.fulfil(result.mapError { $0 as any Error })
        case .progress(let id, let text): state.withLock { $0.open[id]?.progress }?(text)
        case .log(let level, let text): log.note(text, level: Self.level(level))
        case .toolsChanged: state.withLock { $0.toolsChanged = true }
        case .reply(let message): return message
        case .ignored(let what): log.note("ignored \(what)")
        }
        return nil
    }

    private static func level(_ name: String) -> Logger.Level {
        switch name {
        case "debug": .debug
        case "info": .info
        case "notice": .notice
        case "warning": .warning
        case "error": .error
        default: .critical
        }
    }
}
