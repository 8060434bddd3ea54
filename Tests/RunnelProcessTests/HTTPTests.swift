import RunnelKit
import RunnelTesting
import Synchronization
import TestSupport
import Testing

@testable import MCP
@testable import RunnelProcess

/// An MCP server behind the seam where a real HTTP client would be.
private final class FakeHTTP: MCPHTTPClient {
    typealias Reply = (status: Int, headers: [String: String], chunks: [String])
    let requests = Mutex<[MCPHTTPRequest]>([])
    let answer: @Sendable (_ message: Value, _ request: MCPHTTPRequest, _ count: Int) -> Reply

    init(_ answer: @escaping @Sendable (Value, MCPHTTPRequest, Int) -> Reply) {
        self.answer = answer
    }

    func send(_ request: MCPHTTPRequest) async throws -> MCPHTTPResponse {
        let count = requests.withLock { requests in
            requests.append(request)
            return requests.count
        }
        let message = (try? Value.json(request.body)) ?? .null
        let (status, headers, chunks) = answer(message, request, count)
        let rest = Rest(chunks)
        return MCPHTTPResponse(status: status, headers: headers) { rest.next() }
    }

    private final class Rest: Sendable {
        let chunks: Mutex<[String]>
        init(_ chunks: [String]) { self.chunks = Mutex(chunks) }
        func next() -> [UInt8]? { chunks.withLock { $0.isEmpty ? nil : Array($0.removeFirst().utf8) } }
    }

    var sent: [(method: String, headers: [String: String])] {
        requests.withLock { $0 }.map { request in
            ((try? Value.json(request.body))?["method"]?.asString ?? request.method, request.headers)
        }
    }
}

/// A server that performs the handshake and then stops responding.
private final class SilentHTTP: MCPHTTPClient {
    private let server = legacy { _, _ in (200, json, []) }
    private let unanswered = Mutex<[String]>([])

    /// The methods of the requests that got no response.
    var methods: [String] { unanswered.withLock { $0 } }

    func send(_ request: MCPHTTPRequest) async throws -> MCPHTTPResponse {
        let method = (try? Value.json(request.body))?["method"]?.asString ?? request.method
        if ["server/discover", "initialize", "notifications/initialized"].contains(method) {
            return try await server.send(request)
        }
        unanswered.withLock { $0.append(method) }
        // Blocks until the task is cancelled: this clock never advances.
        try await ManualClock().sleep(for: .seconds(1))
        throw CancellationError()
    }
}

private let json = ["content-type": "application/json"]

private func result(_ message: Value, _ result: Value) -> String {
    Value.object(["jsonrpc": "2.0", "id": message["id"] ?? .null, "result": result]).json()
}

private func withHTTP<Result>(
    _ http: any MCPHTTPClient, clock: any Clock<Duration> = ContinuousClock(),
    _ body: (Stage, MCPPlugin) async throws -> Result
) async throws -> Result {
    let manifest = try PluginManifest(
        manifest: [
            "name": "tools", "protocol": "mcp", "transport": "http", "url": "https://example.com/mcp",
            "headers": ["Authorization": ["secret": "token"]], "timeout": "30s",
        ])
    return try await withTemporaryDirectory { directory in
        let cache = ToolCache(
            manifest: manifest, protocol: "", tools: [MCPTool(["name": "add", "inputSchema": [:]])].compactMap(\.self))
        try cache.write(directory + "/tools.json")
        let access: MCPHTTPAccess = { _ in http }
        let plugin = try #require(
            MCPPlugin.cached(
                manifest, folder: "/", cacheFile: directory + "/tools.json", host: host, http: access))
        return try await Stage.with(plugin, clock: clock) { try await body($0, plugin) }
    }
}

/// The error when the tools of a server are discovered.
private func discoveryError(
    _ http: any MCPHTTPClient, headers: Value = [:], host: ProcessHost = host
) async throws -> StepError? {
    let manifest = try PluginManifest(
        manifest: [
            "name": "tools", "protocol": "mcp", "transport": "http", "url": "https://example.com/mcp",
            "headers": headers,
        ])
    let access: MCPHTTPAccess = { _ in http }
    return try await withTemporaryDirectory { directory in
        await #expect(throws: StepError.self) {
            try await MCPPlugin.discover(
                manifest, folder: "/", cacheFile: directory + "/tools.json", host: host, http: access,
                refresh: true, context: Stage().context)
        }
    }
}

/// A server of 2025-11-25 with a session, whose calls are answered as `call` says.
private func legacy(
    _ call: @escaping @Sendable (Value, MCPHTTPRequest) -> FakeHTTP.Reply
) -> FakeHTTP {
    FakeHTTP { message, request, count in
        switch message["method"]?.asString {
        case "server/discover": (400, json, ["{}"])
        case "initialize":
            (
                200, json.merging(["mcp-session-id": "session-\(count)"]) { $1 },
                [result(message, ["protocolVersion": "2025-11-25", "capabilities": [:]])]
            )
        case "tools/call": call(message, request)
        default: (202, [:], [])
        }
    }
}

@Suite("MCP servers on HTTP") struct HTTPTests {
    @Test("an old server gets its handshake, session and version, and the session is ended")
    func session() async throws {
        let http = legacy { message, _ in
            (200, json, [result(message, ["content": [["type": "text", "text": "3"]]])])
        }
        try await withHTTP(http) { stage, plugin async throws in
            #expect(try await stage.run(plugin, "add") == "3")
        }
        let sent = http.sent
        #expect(
            sent.map(\.method) == [
                "server/discover", "initialize", "notifications/initialized", "tools/call", "DELETE",
            ])
        #expect(sent.allSatisfy { $0.headers["authorization"] == "s3cr3t-token" })
        #expect(sent.map { $0.headers["mcp-session-id"] } == [nil, nil, "session-2", "session-2", "session-2"])
        #expect(
            sent.map { $0.headers["mcp-protocol-version"] } == [
                "2026-07-28", nil, "2025-11-25", "2025-11-25", "2025-11-25",
            ])
        #expect(sent[3].headers["accept"] == "application/json, text/event-stream")
    }

    @Test("a new server gets no session, and the method and the tool's name in headers")
    func stateless() async throws {
        let http = FakeHTTP { message, _, _ in
            message["method"] == "server/discover"
                ? (200, json, [result(message, ["supportedVersions": ["2026-07-28"], "capabilities": [:]])])
                : (200, json, [result(message, ["resultType": "complete", "structuredContent": ["n": 1]])])
        }
        try await withHTTP(http) { stage, plugin async throws in
            #expect(try await stage.run(plugin, "add") == ["n": 1])
        }
        #expect(http.sent.map(\.method) == ["server/discover", "tools/call"])
        #expect(http.sent[1].headers["mcp-method"] == "tools/call")
        #expect(http.sent[1].headers["mcp-name"] == "add")
    }

    @Test("an answer may come as a stream of events, with progress and a ping before it")
    func events() async throws {
        let http = legacy { message, _ in
            let token = message["params"]?["_meta"]?["progressToken"] ?? .null
            let progress: Value = [
                "jsonrpc": "2.0", "method": "notifications/progress",
                "params": ["progressToken": token, "progress": 1, "message": "on it"],
            ]
            return (
                200, ["content-type": "text/event-stream; charset=utf-8"],
                [
                    "id: 1\ndata:\n\n: remark\ndata: \(progress.json())\r\n\r",
                    "\ndata: {\"id\":\"p\",\"method\":\"ping\"}\n\n",
                    "event: message\ndata: " + result(message, ["content": []]), "\n\n",
                ]
            )
        }
        try await withHTTP(http) { stage, plugin async throws in
            #expect(try await stage.run(plugin, "add") == .null)
            #expect(stage.harness.progress == [.note("on it (1)")])
        }
        let bodies = http.requests.withLock { $0.map { String(decoding: $0.body, as: UTF8.self) } }
        #expect(bodies.contains(#"{"jsonrpc":"2.0","id":"p","result":{}}"#))
    }

    @Test("an answer counts whose event no blank line or line end ends, behind an event that says nothing")
    func lastEvent() async throws {
        for end in ["", "\n", "\r\n"] {
            let http = legacy { message, _ in
                let answer = result(message, ["content": [["type": "text", "text": "3"]]])
                return (200, ["content-type": "text/event-stream"], ["data: \n\n", "data: \(answer)\(end)"])
            }
            try await withHTTP(http) { stage, plugin async throws in
                #expect(try await stage.run(plugin, "add") == "3")
            }
        }
    }

    @Test("a session that the server has forgotten is begun anew, and the call sent again")
    func expired() async throws {
        let http = legacy { message, request in
            request.headers["mcp-session-id"] == "session-2"
                ? (404, [:], []) : (200, json, [result(message, ["content": [["type": "text", "text": "3"]]])])
        }
        try await withHTTP(http) { stage, plugin async throws in
            #expect(try await stage.run(plugin, "add") == "3")
        }
        #expect(http.sent.map(\.method).filter { $0 == "initialize" }.count == 2)
    }

    @Test("Runnel waits at most 2s for the response to a cancellation, and to the end of the session")
    func silent() async throws {
        let clock = ManualClock()
        let http = SilentHTTP()
        func waits(for method: String, _ limit: Duration) async -> Bool {
            await eventually { http.methods.last == method && clock.timeUntilNextDeadline == limit }
        }
        try await withHTTP(http, clock: clock) { stage, plugin async throws in
            async let failure = stage.failure(plugin, "add")
            #expect(await waits(for: "tools/call", .seconds(30)))
            clock.advance(by: .seconds(30))
            #expect(await waits(for: "notifications/cancelled", .seconds(2)))
            clock.advance(by: .seconds(2))
            #expect(await waits(for: "DELETE", .seconds(2)))
            clock.advance(by: .seconds(2))
            let error = try #require(await failure)
            #expect(error.message == #"the plugin "tools" did not answer "add" within 30s (timeout)"#)
        }
    }

    @Test(
        "what goes wrong is said in exact words",
        arguments: [
            (
                401, "",
                #"the plugin "tools" answered with HTTP status 401: it wants other credentials while it worked on "add""#,
                false
            ),
            (503, "", #"the plugin "tools" answered with HTTP status 503 while it worked on "add""#, true),
            (
                503, #"{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"starting"}}"#,
                #"the plugin "tools" answered with HTTP status 503 (starting) while it worked on "add""#, true
            ),
            (
                429, #"{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"slow down"}}"#,
                #"the plugin "tools" answered with HTTP status 429 (slow down) while it worked on "add""#, true
            ),
            (
                500, #"{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"no such file"}}"#,
                #"the plugin "tools" answered with the error -32000 while it worked on "add": no such file"#, false
            ),
            (
                200, "<html>",
                #"the plugin "tools" answered with what is not JSON: "<html>" while it worked on "add""#, false
            ),
            (
                200, #"{"jsonrpc":"2.0","id":3,"result":NaN}"#,
                #"the plugin "tools" gave an answer that cannot be read (column 34: expected a JSON value, found 'N') while"#
                    + #" it worked on "add""#,
                false
            ),
            (
                200, #"{"jsonrpc":"2.0","id":77,"result":{}}"#,
                #"the plugin "tools" ended its response without an answer while it worked on "add""#, true
            ),
            (
                400, #"{"jsonrpc":"2.0","id":null,"error":{"code":-32602,"message":"no such tool"}}"#,
                #"the plugin "tools" answered with the error -32602 while it worked on "add": no such tool"#, false
            ),
            (
                400, #"{"error":"no such tool"}"#,
                #"the plugin "tools" answered with the error 0 while it worked on "add": no such tool"#, false
            ),
        ])
    func failures(status: Int, body: String, message: String, isTransient: Bool) async throws {
        let http = legacy { _, _ in (status, json, [body]) }
        try await withHTTP(http) { stage, plugin async throws in
            let error = try #require(await stage.failure(plugin, "add"))
            #expect(error.message == message)
            #expect(error.isTransient == isTransient)
        }
    }

    @Test(
        "a busy server (503) at the start of a connection is a transient error", arguments: [(503, true), (404, false)])
    func busyAtStart(status: Int, isTransient: Bool) async throws {
        let http = FakeHTTP { _, _, _ in (status, [:], []) }
        try await withHTTP(http) { stage, plugin async throws in
            let error = try #require(await stage.failure(plugin, "add"))
            #expect(error.code == "plugin-start-failed")
            #expect(error.message == #"the plugin "tools" cannot be used: it answered with HTTP status \#(status)"#)
            #expect(error.isTransient == isTransient)
        }
    }

    @Test("the Retry-After of a busy server is passed on to `retry`, in a call and at the start of a connection")
    func retryAfter() async throws {
        let headers = json.merging(["retry-after": "7"]) { $1 }
        let slow = #"{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"slow down"}}"#
        for (status, body, reason) in [(429, "", ""), (503, "", ""), (429, slow, " (slow down)")] {
            try await withHTTP(legacy { _, _ in (status, headers, [body]) }) { stage, plugin async throws in
                let error = try #require(await stage.failure(plugin, "add"))
                #expect(
                    error.message
                        == #"the plugin "tools" answered with HTTP status \#(status)\#(reason) while it worked on "add""#
                )
                #expect(error.isTransient)
                #expect(error.retryAfter == .seconds(7))
            }
        }
        let dated = [
            "date": "Sun, 06 Nov 1994 08:49:37 GMT", "retry-after": "Sun, 06 Nov 1994 08:50:37 GMT",
        ]
        try await withHTTP(FakeHTTP { _, _, _ in (503, dated, []) }) { stage, plugin async throws in
            #expect(await stage.failure(plugin, "add")?.retryAfter == .seconds(60))
        }
    }

    @Test("the error for a header value with a line break does not show the value")
    func brokenHeader() async throws {
        let error = try await discoveryError(
            legacy { _, _ in (200, json, []) }, headers: ["Authorization": ["env": "TOKEN"]],
            host: ProcessHost(variables: ["TOKEN": "Bearer s3cr3t\n"], project: "/"))
        #expect(error?.code == "plugin-environment")
        #expect(
            error?.message
                == "the plugin \"tools\" cannot be reached: `headers.Authorization`: it holds a line break or another"
                + " control character")
        #expect(error?.hint == "check how the value was copied; a line break at its end is the usual cause")
    }

    @Test(
        "a server with an endless list of tools is refused",
        arguments: [(300, 10, "lists more than 2000 tools"), (1, 1 << 20, "lists tools of more than 8MiB")])
    func endless(count: Int, size: Int, words: String) async throws {
        let details = Value.string(String(repeating: "x", count: size))
        let tools = Value.list((0..<count).map { .object(["name": .string("t\($0)"), "description": details]) })
        let http = FakeHTTP { message, _, _ in
            switch message["method"]?.asString {
            case "server/discover": (400, json, ["{}"])
            case "initialize":
                (200, json, [result(message, ["protocolVersion": "2025-11-25", "capabilities": [:]])])
            case "tools/list": (200, json, [result(message, ["tools": tools, "nextCursor": "more"])])
            default: (202, [:], [])
            }
        }
        let error = try await discoveryError(http)
        #expect(error?.message == #"the plugin "tools" \#(words) while it listed its tools"#)
    }

    @Test("events are the same however the bytes arrive")
    func eventStream() throws {
        let text = "\u{FEFF}data: one\n\nevent: x\r\ndata:two\rdata: more\r\r\nid: 1\n\ndata\n\n: x\n\ndata: last"
        for size in [1, 2, 3, 7, 1000] {
            var reader = EventStreamReader(limit: 100)
            var found: [String] = []
            let bytes = Array(text.utf8)
            for start in stride(from: 0, to: bytes.count, by: size) {
                found += try reader.append(Array(bytes[start..<min(start + size, bytes.count)])).map {
                    String(decoding: $0, as: UTF8.self)
                }
            }
            #expect(found == ["one", "two\nmore"])
            // Some servers close the body right behind their answer.
            #expect(try reader.finish().map { String(decoding: $0, as: UTF8.self) } == "last")
            #expect(try reader.finish() == nil)
        }
        var reader = EventStreamReader(limit: 10)
        #expect(throws: EventStreamReader.TooLong.self) { try reader.append(Array("data: 1234567890".utf8)) }
    }
}
