internal import JSONSchema
internal import RunnelKit

/// What a server says to one client, and what it does for it. Pure: messages go in, actions come out.
///
/// - SeeAlso: Model Context Protocol, revisions 2024-11-05 to 2026-07-28: "Lifecycle", "Tools", "Cancellation",
///   "Progress".
struct MCPServerSession: Sendable {
    enum Action: Sendable, Hashable {
        case send(Value)
        case call(Call)
        case cancel(CallID)
    }

    /// A request's id, as it is written.
    typealias CallID = Value

    struct Call: Sendable, Hashable {
        let id: CallID
        let tool: String
        let arguments: ValueObject
    }

    private struct Running {
        let revision: MCPRevision
        let progressToken: Value?
        var progress: Int64 = 0
        /// The list that the request came in.
        var batch: Int?
        var isCancelled = false
    }

    private let name: String
    private let version: String
    private let maximumCalls: Int
    private var tools: [ServedTool]
    /// Agreed on in a handshake; nil before.
    private var revision: MCPRevision?
    private var running: [CallID: Running] = [:]
    private var batches = BatchedAnswers()
    private var subscriptions = Subscriptions()

    static let pageSize = 100

    init(name: String, version: String, tools: [ServedTool] = [], maximumCalls: Int = 16) {
        self.name = name
        self.version = version
        self.tools = tools
        self.maximumCalls = maximumCalls
    }

    // MARK: - From the client

    mutating func receive(_ line: [UInt8]) -> [Action] {
        switch ClientLine(line) {
        case .one(let message): return receive(message)
        case .list where revision?.hasBatches != true:
            let words = "one message a line: lists are not part of this revision"
            return [.send(RPCError.invalidRequest(words).message(id: .null))]
        case .list(let messages): return receive(messages)
        }
    }

    private mutating func receive(_ messages: [ClientMessage]) -> [Action] {
        let awaited = messages.count { $0.isAnswered }
        guard awaited > 0 else { return messages.flatMap { receive($0) } }
        let number = batches.open(awaiting: awaited)
        var actions: [Action] = []
        for message in messages {
            for action in receive(message) {
                switch action {
                case .send(let answer): actions += batches.add(answer, to: number).map { [.send($0)] } ?? []
                case .call(let call):
                    running[call.id]?.batch = number
                    actions.append(action)
                case .cancel: actions.append(action)
                }
            }
        }
        return actions
    }

    private mutating func receive(_ message: ClientMessage) -> [Action] {
        switch message {
        case .response: return []
        case .invalid(let id, let error): return [.send(error.message(id: id))]
        case .notification("notifications/cancelled", let parameters):
            guard let id = parameters["requestId"] else { return [] }
            subscriptions.end(id)
            guard running[id] != nil else { return [] }
            running[id]?.isCancelled = true
            return [.cancel(id)]
        case .notification: return []
        case .request(let id, let method, let parameters):
            guard running[id] == nil, !subscriptions.contains(id) else {
                return [
                    .send(
                        RPCError.invalidRequest("the id \(id.json()) is in use by a request that goes on").message(
                            id: id))
                ]
            }
            do throws(RPCError) {
                return try answer(id, method, parameters)
            } catch {
                return [.send(error.message(id: id))]
            }
        }
    }

    private mutating func answer(
        _ id: Value, _ method: String, _ parameters: ValueObject
    ) throws(RPCError) -> [Action] {
        if method == "ping" { return [result(id, [:], .november2025)] }
        if method == "initialize" { return try begin(id, parameters) }
        let revision = try revision(of: parameters)
        switch method {
        case "server/discover" where revision.isStateless:
            return [
                result(
                    id,
                    [
                        "supportedVersions": .list(MCPRevision.stateless), "capabilities": capabilities,
                        "ttlMs": 0, "cacheScope": "private",
                    ], revision)
            ]
        case "subscriptions/listen" where revision.isStateless: return [.send(try subscriptions.begin(id, parameters))]
        case "tools/list": return [try list(id, parameters, revision)]
        case "tools/call": return try call(id, parameters, revision)
        default: throw .unknownMethod("there is no method \"\(method)\"")
        }
    }

    private mutating func begin(_ id: Value, _ parameters: ValueObject) throws(RPCError) -> [Action] {
        guard revision == nil else { throw .invalidRequest("the session has begun already") }
        guard let requested = parameters["protocolVersion"]?.asString else {
            throw .invalidParameters("\"protocolVersion\" is missing")
        }
        let agreed = MCPRevision.agreed(on: requested)
        revision = agreed
        return [
            result(
                id,
                [
                    "protocolVersion": .string(agreed.rawValue), "capabilities": capabilities,
                    "serverInfo": ["name": .string(name), "version": .string(version)],
                ], agreed)
        ]
    }

    /// What the request is to be understood by: what it says itself, or what was agreed on.
    private func revision(of parameters: ValueObject) throws(RPCError) -> MCPRevision {
        if let said = parameters["_meta"]?[MCPRevision.key]?.asString {
            guard let found = MCPRevision(rawValue: said), found.isStateless else { throw .unsupportedRevision(said) }
            return found
        }
        guard let revision else {
            throw .invalidRequest("the session has not begun; send \"initialize\" first")
        }
        return revision
    }

    // MARK: - Tools

    private func list(
        _ id: Value, _ parameters: ValueObject, _ revision: MCPRevision
    ) throws(RPCError) -> Action {
        var start = 0
        if let cursor = parameters["cursor"], !cursor.isNull {
            guard let text = cursor.asString, let index = tools.firstIndex(where: { "after " + $0.name == text }) else {
                throw .invalidParameters(
                    "the cursor \(cursor.quoted()) is not one of this server's, or the tools have changed")
            }
            start = index + 1
        }
        let page = tools[start...].prefix(Self.pageSize)
        var list: ValueObject = ["tools": .list(page.map(\.value))]
        if start + page.count < tools.count, let last = page.last { list["nextCursor"] = .string("after " + last.name) }
        if revision.isStateless {
            list["ttlMs"] = 0
            list["cacheScope"] = "private"
        }
        return result(id, list, revision)
    }

    private mutating func call(
        _ id: Value, _ parameters: ValueObject, _ revision: MCPRevision
    ) throws(RPCError) -> [Action] {
        guard let name = parameters["name"]?.asString else { throw .invalidParameters("\"name\" is missing") }
        guard let tool = tools.first(where: { $0.name == name }) else {
            let hint = Suggestion.hint(for: name, among: tools.map(\.name)).map { "; \($0)" } ?? ""
            throw .invalidParameters("there is no tool \"\(name)\"\(hint)")
        }
        let arguments: ValueObject
        switch parameters["arguments"] {
        case nil, .null?: arguments = [:]
        case .object(let object)?: arguments = object
        case let other?: throw .invalidParameters("\"arguments\" has to be an object, found \(other.kindName)")
        }
        // Said in a result and not as an error of the protocol, so that a model sees it and can mend its call.
        if let schema = try? JSONSchema(tool.inputSchema), let issue = schema.validate(.object(arguments)).first {
            let place = issue.path.isRoot ? "" : "`\(issue.path)`: "
            let hint = issue.hint.map { "; \($0)" } ?? ""
            return [
                result(
                    id, ToolOutcome.failed(message: place + issue.message + hint, run: nil).result(revision), revision)
            ]
        }
        guard running.count < maximumCalls else {
            throw .overloaded("\(maximumCalls) calls go on already; wait for one of them")
        }
        running[id] = Running(revision: revision, progressToken: parameters["_meta"]?["progressToken"])
        return [.call(Call(id: id, tool: name, arguments: arguments))]
    }

    // MARK: - News

    /// - Returns: The news, where there are clients that want them.
    mutating func setTools(_ tools: [ServedTool]) -> [Action] {
        guard tools != self.tools else { return [] }
        self.tools = tools
        let method = "notifications/tools/list_changed"
        let toSession: [Value] = revision == nil ? [] : [RPCMessage.notification(method).value]
        return (toSession + subscriptions.news(method)).map { .send($0) }
    }

    // MARK: - From the calls

    mutating func progress(_ id: CallID, _ message: String) -> [Action] {
        guard var call = running[id], !call.isCancelled, let token = call.progressToken else { return [] }
        call.progress += 1
        running[id] = call
        return [
            .send(
                RPCMessage.notification(
                    "notifications/progress",
                    ["progressToken": token, "progress": .int(call.progress), "message": .string(message)]
                ).value)
        ]
    }

    mutating func finish(_ id: CallID, _ outcome: ToolOutcome) -> [Action] {
        // Nobody waits for the answer to a cancelled call.
        guard let call = running.removeValue(forKey: id) else { return [] }
        let answer = call.isCancelled ? nil : answer(id, outcome.result(call.revision), call.revision)
        guard let batch = call.batch else { return answer.map { [.send($0)] } ?? [] }
        return batches.add(answer, to: batch).map { [.send($0)] } ?? []
    }

    // MARK: - Words

    private var capabilities: Value { ["tools": ["listChanged": true]] }

    private func result(_ id: Value, _ result: ValueObject, _ revision: MCPRevision) -> Action {
        .send(answer(id, result, revision))
    }

    private func answer(_ id: Value, _ result: ValueObject, _ revision: MCPRevision) -> Value {
        var result = result
        if revision.isStateless {
            result["resultType"] = "complete"
            var meta = result["_meta"]?.asObject ?? [:]
            meta["io.modelcontextprotocol/serverInfo"] = ["name": .string(name), "version": .string(version)]
            result["_meta"] = .object(meta)
        }
        return RPCMessage.result(id, result).value
    }
}
