internal import JSONSchema
internal import RunnelKit

/// What a server says to one client, and what it does for it. Pure: messages go in, actions come out.
///
/// - SeeAlso: Model Context Protocol, revisions 2024-11-05 to 2026-07-28: "Lifecycle", "Tools", "Cancellation",
///   "Progress".
struct MCPSession: Sendable {
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
        var isCancelled = false
    }

    private let name: String
    private let version: String
    private let maximumCalls: Int
    private var tools: [ServedTool]
    /// Agreed on in a handshake; nil before.
    private var revision: MCPRevision?
    private var running: [CallID: Running] = [:]

    static let pageSize = 100

    init(name: String, version: String, tools: [ServedTool] = [], maximumCalls: Int = 16) {
        self.name = name
        self.version = version
        self.tools = tools
        self.maximumCalls = maximumCalls
    }

    // MARK: - From the client

    mutating func receive(_ line: [UInt8]) -> [Action] {
        let messages = RPCMessage.read(line)
        if messages.count > 1, revision?.hasBatches != true {
            return [
                .send(
                    RPCError.invalidRequest("one message a line: lists are not part of this revision").message(
                        id: .null))
            ]
        }
        return messages.flatMap { receive($0) }
    }

    private mutating func receive(_ message: RPCMessage) -> [Action] {
        switch message {
        case .response: return []
        case .invalid(let id, let error): return [.send(error.message(id: id))]
        case .notification("notifications/cancelled", let parameters):
            guard let id = parameters["requestId"], running[id] != nil else { return [] }
            running[id]?.isCancelled = true
            return [.cancel(id)]
        case .notification: return []
        case .request(let id, let method, let parameters):
            guard running[id] == nil else {
                return [
                    .send(
                        RPCError.invalidRequest("the id \(id.json()) is in use by a call that goes on").message(id: id))
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
        case "tools/list": return [try list(id, parameters, revision)]
        case "tools/call": return try call(id, parameters, revision)
        default: throw .unknownMethod(method)
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
            let closest = Suggestion.closest(to: name, among: tools.map(\.name))
            throw .invalidParameters(
                "there is no tool \"\(name)\"" + (closest.map { "; did you mean \"\($0)\"?" } ?? ""))
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
            let hint = issue.suggestion.map { "; did you mean \"\($0)\"?" } ?? ""
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

    /// - Returns: The news, where there is a client that wants it.
    mutating func setTools(_ tools: [ServedTool]) -> [Action] {
        guard tools != self.tools else { return [] }
        self.tools = tools
        guard revision != nil else { return [] }
        return [.send(["jsonrpc": "2.0", "method": "notifications/tools/list_changed"])]
    }

    // MARK: - From the calls

    mutating func progress(_ id: CallID, _ message: String) -> [Action] {
        guard var call = running[id], !call.isCancelled, let token = call.progressToken else { return [] }
        call.progress += 1
        running[id] = call
        return [
            .send([
                "jsonrpc": "2.0", "method": "notifications/progress",
                "params": ["progressToken": token, "progress": .int(call.progress), "message": .string(message)],
            ])
        ]
    }

    mutating func finish(_ id: CallID, _ outcome: ToolOutcome) -> [Action] {
        // Nobody waits for the answer to a cancelled call.
        guard let call = running.removeValue(forKey: id), !call.isCancelled else { return [] }
        return [result(id, outcome.result(call.revision), call.revision)]
    }

    // MARK: - Words

    private var capabilities: Value { ["tools": ["listChanged": true]] }

    private func result(_ id: Value, _ result: ValueObject, _ revision: MCPRevision) -> Action {
        var result = result
        if revision.isStateless {
            result["resultType"] = "complete"
            var meta = result["_meta"]?.asObject ?? [:]
            meta["io.modelcontextprotocol/serverInfo"] = ["name": .string(name), "version": .string(version)]
            result["_meta"] = .object(meta)
        }
        return .send(["jsonrpc": "2.0", "id": id, "result": .object(result)])
    }
}
