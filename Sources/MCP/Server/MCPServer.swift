public import RunnelKit
internal import RunnelProcess

/// What a server does for its clients.
public protocol ToolProvider: Sendable {
    /// The tools there are now.
    func tools() async -> [ServedTool]
    /// Does the work. A cancelled task ends it.
    ///
    /// - Parameter progress: Says what goes on, in a line.
    func call(
        _ tool: String, _ arguments: ValueObject, progress: @escaping @Sendable (String) async -> Void
    ) async -> ToolOutcome
}

/// Serves tools to one client over a pair of streams: a message a line.
public actor MCPServer {
    /// The longest message that is read.
    static let maximumLine = 8 << 20
    /// How often the tools are looked at.
    private static let interval = Duration.seconds(2)

    private let provider: any ToolProvider
    private let streams: StandardStreams
    private var session: MCPServerSession
    private var calls: [MCPServerSession.CallID: Task<Void, Never>] = [:]

    /// - Parameters:
    ///   - name: The server's, as clients show it.
    ///   - maximumCalls: How many calls go on at once; more are refused.
    public init(
        name: String, version: String, provider: any ToolProvider, streams: StandardStreams = StandardStreams(),
        maximumCalls: Int = 16
    ) {
        self.provider = provider
        self.streams = streams
        session = MCPServerSession(name: name, version: version, maximumCalls: maximumCalls)
    }

    /// Serves until the client closes its end or the task is cancelled. Calls that go on then are cancelled, and waited
    /// for.
    public func run() async {
        await withTaskCancellationHandler {
            await serve()
        } onCancel: {
            streams.end()
        }
    }

    private func serve() async {
        _ = session.setTools(await provider.tools())
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.watchTools() }
            var lines = LineSplitter(limit: Self.maximumLine)
            while let bytes = await streams.read() {
                for line in lines.split(bytes) { await receive(line) }
            }
            if !Task.isCancelled, let line = lines.last() { await receive(line) }
            group.cancelAll()
        }
        streams.end()
        for call in calls.values { call.cancel() }
        for call in calls.values { await call.value }
    }

    private func receive(_ line: LineSplitter.Line) async {
        switch line {
        case .line(let line): await perform(session.receive(line))
        case .tooLong:
            let words = "the line is longer than \(Self.maximumLine >> 20) MiB"
            await send(RPCError.parse(words).message(id: .null))
        }
    }

    private func watchTools() async {
        while !Task.isCancelled {
            try? await ContinuousClock().sleep(for: Self.interval)
            let tools = await provider.tools()
            await perform(session.setTools(tools))
        }
    }

    private func perform(_ actions: [MCPServerSession.Action]) async {
        for action in actions {
            switch action {
            case .send(let message): await send(message)
            case .cancel(let id): calls[id]?.cancel()
            case .call(let call):
                // Ended and waited for in `run()`, whatever happens.
                calls[call.id] = Task { await self.work(on: call) }
            }
        }
    }

    private func work(on call: MCPServerSession.Call) async {
        let outcome = await provider.call(call.tool, call.arguments) { message in
            await self.report(call.id, message)
        }
        calls[call.id] = nil
        await perform(session.finish(call.id, outcome))
    }

    private func report(_ id: MCPServerSession.CallID, _ message: String) async {
        await perform(session.progress(id, message))
    }

    /// A client that is slow to read holds everything back: nothing is kept for it.
    private func send(_ message: Value) async {
        let bytes = message.jsonBytes() + [0x0A]
        // In line before anything else runs on this actor, so that no message overtakes another.
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            streams.write(bytes) { continuation.resume() }
        }
    }
}

/// Something that a client can call.
public struct ServedTool: Sendable, Hashable {
    /// Letters, digits, `_` and `-`, at most 64: what all models accept.
    public let name: String
    /// Tells a model what the tool does.
    public let description: String
    /// The JSON schema of the arguments, an object's.
    public let inputSchema: Value

    /// A tool; see the properties.
    public init(name: String, description: String, inputSchema: Value) {
        self.name = name
        self.description = description
        self.inputSchema = inputSchema
    }

    var value: Value {
        ["name": .string(name), "description": .string(description), "inputSchema": inputSchema]
    }
}

/// How a call ended.
public enum ToolOutcome: Sendable, Hashable {
    case succeeded(output: Value, run: String?)
    /// In words that tell the caller what to do.
    case failed(message: String, run: String?)

    func result(_ revision: MCPRevision) -> ValueObject {
        var result: ValueObject
        switch self {
        case .succeeded(let output, let run):
            result = ["content": [["type": "text", "text": .string(Self.text(output))]], "isError": false]
            if revision.hasStructuredContent, case .object = output { result["structuredContent"] = output }
            result["_meta"] = run.map { ["runnel/run": .string($0)] }
        case .failed(let message, let run):
            result = ["content": [["type": "text", "text": .string(message)]], "isError": true]
            result["_meta"] = run.map { ["runnel/run": .string($0)] }
        }
        return result
    }

    private static func text(_ output: Value) -> String {
        switch output {
        case .string(let text): text
        case .null: ""
        default: output.json(pretty: true)
        }
    }
}
