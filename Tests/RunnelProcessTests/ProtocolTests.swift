import RunnelKit
import Testing

@testable import MCP

@Suite("MCP protocol") struct ProtocolTests {
    private func ready(_ version: MCPRevision) -> MCPNegotiation.Move { .ready(version, announcesToolChanges: false) }

    private func unsupported(_ names: [Value]) -> Result<Value, MCPFault> {
        .failure(.answer(code: -32022, message: "Unsupported", data: ["supported": .list(names)]))
    }

    private let unknownMethod: Result<Value, MCPFault> = .failure(.answer(code: -32601, message: "x", data: nil))

    @Test("a new server is found with one question")
    func modern() {
        var negotiation = MCPNegotiation()
        #expect(negotiation.start(remembered: nil) == .discover(.july2026))
        let result: Value = [
            "supportedVersions": ["2027-01-01", "2026-07-28"], "capabilities": ["tools": ["listChanged": true]],
        ]
        #expect(negotiation.next(.success(result)) == .ready(.july2026, announcesToolChanges: true))
    }

    @Test("what does not answer as a new server would is begun with the handshake, and names its version")
    func legacy() {
        let refusals: [Result<Value, MCPFault>?] = [
            unknownMethod, nil, .failure(.refused("answered with HTTP status 400", isTransient: false)),
            .success([:]), .success(["supportedVersions": ["2025-11-25"]]), unsupported(["2025-06-18"]),
            unsupported([]),
        ]
        for refusal in refusals {
            for version in MCPRevision.allCases where !version.isStateless {
                var negotiation = MCPNegotiation()
                _ = negotiation.start(remembered: nil)
                #expect(negotiation.next(refusal) == .initialize(.november2025))
                #expect(negotiation.next(.success(["protocolVersion": .string(version.rawValue)])) == ready(version))
            }
        }
    }

    @Test("a server that is known to be old is not asked the new question")
    func remembered() {
        var negotiation = MCPNegotiation()
        #expect(negotiation.start(remembered: .march2025) == .initialize(.november2025))
    }

    @Test("a new server that was slow to answer is asked again when it refuses the handshake")
    func slow() {
        var negotiation = MCPNegotiation()
        _ = negotiation.start(remembered: nil)
        #expect(negotiation.next(nil) == .initialize(.november2025))
        #expect(negotiation.next(unsupported(["2026-07-28"])) == .discover(.july2026))
        #expect(negotiation.next(.success(["supportedVersions": ["2026-07-28"]])) == ready(.july2026))
    }

    @Test("servers without a common version are refused, and none is asked for ever")
    func refused() {
        var negotiation = MCPNegotiation()
        _ = negotiation.start(remembered: nil)
        #expect(
            negotiation.next(unsupported(["2030-01-01"]))
                == .fail(
                    """
                    speaks 2030-01-01 of the Model Context Protocol; Runnel speaks 2026-07-28, 2025-11-25, 2025-06-18, \
                    2025-03-26, 2024-11-05
                    """))
        negotiation = MCPNegotiation()
        _ = negotiation.start(remembered: nil)
        let moves = (0..<10).map { _ in negotiation.next(unsupported(["2026-07-28"])) }
        #expect(moves.contains { if case .fail = $0 { true } else { false } })
    }

    private func describe(_ events: [MCPClientSession.Event]) -> [String] {
        events.map { event in
            switch event {
            case .answer(let id, .success(let value)): "\(id): \(value.json())"
            case .answer(let id, .failure): "\(id) failed"
            case .progress(let id, let text): "progress of \(id): \(text)"
            case .log(let level, let text): "\(level): \(text)"
            case .toolsChanged: "tools changed"
            case .reply(let value): "reply \(value.json())"
            case .ignored(let what): what
            }
        }
    }

    @Test(
        "a tool that failed is quoted with its text, or with its structured content",
        arguments: [
            (["content": "no such city", "structuredContent": ["code": 4]], "no such city"),
            (["content": [], "structuredContent": ["error": "no such city"]], #"{"error":"no such city"}"#),
            (["content": [], "structuredContent": .null], "it did not say why"), ([:], "it did not say why"),
        ] as [(ValueObject, String)])
    func toolFailure(result: ValueObject, reason: String) {
        var result = result
        result["isError"] = true
        let error = #expect(throws: StepError.self) {
            try MCPToolResult.output(.object(result), plugin: "tools", tool: "find")
        }
        #expect(error?.message == #"the tool "find" of the plugin "tools" failed: \#(reason)"#)
    }

    @Test("each message means what JSON-RPC says, and what nobody asked for is ignored")
    func messages() {
        var session = MCPClientSession()
        _ = session.request("tools/call", wantsProgress: true)
        let cases: [(Value, [String])] = [
            (
                ["method": "notifications/progress", "params": ["progressToken": 1, "progress": 3, "total": 4]],
                ["progress of 1: 3 of 4"]
            ),
            (
                ["method": "notifications/progress", "params": ["progressToken": 9, "progress": 3]],
                ["progress of a request that is not open"]
            ),
            (["method": "notifications/tools/list_changed"], ["tools changed"]),
            (["method": "notifications/unheard-of"], []),
            (["id": 5, "method": "ping"], [#"reply {"jsonrpc":"2.0","id":5,"result":{}}"#]),
            (7, ["a message that is a whole number"]),
            (
                ["id": .null, "error": ["code": -32700, "message": "Parse error"]],
                ["an answer to no request: Parse error"]
            ),
            (["id": 2, "result": [:]], ["an answer to request 2, which was never made"]),
            (["id": "1", "result": [:]], [#"an answer to request "1", which was never made"#]),
            (["id": 1, "result": ["a": 1]], [#"1: {"a":1}"#]),
            (["id": 1, "result": ["a": 2]], ["a late or second answer to request 1"]),
            (
                [["method": "notifications/tools/list_changed"], 1],
                ["tools changed", "a message that is a whole number"]
            ),
        ]
        for (message, expected) in cases { #expect(describe(session.receive(message)) == expected) }
    }

    @Test("what is sent is the same, byte for byte")
    func lines() {
        var session = MCPClientSession()
        #expect(
            session.request("initialize", MCPNegotiation.parameters(.november2025)).message.json()
                == #"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","#
                + #""capabilities":{},"clientInfo":{"name":"runnel","version":"1"}}}"#)
        #expect(
            MCPClientSession.notification("notifications/initialized").json()
                == #"{"jsonrpc":"2.0","method":"notifications/initialized"}"#)
        #expect(
            session.request("tools/call", ["name": "a", "arguments": ["b": 1]], wantsProgress: true).message.json()
                == #"{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"a","arguments":{"b":1},"#
                + #""_meta":{"progressToken":2}}}"#)
        session.version = .july2026
        #expect(
            session.request("tools/list").message.json()
                == #"{"jsonrpc":"2.0","id":3,"method":"tools/list","params":{"_meta":{"#
                + #""io.modelcontextprotocol/protocolVersion":"2026-07-28","#
                + #""io.modelcontextprotocol/clientInfo":{"name":"runnel","version":"1"},"#
                + #""io.modelcontextprotocol/clientCapabilities":{}}}}"#)
    }

    @Test("a request that was given up is cancelled once, the handshake never")
    func abandoning() {
        var session = MCPClientSession()
        let (call, _) = session.request("tools/call")
        #expect(session.abandon(call, reason: "why")?["params"] == ["requestId": 1, "reason": "why"])
        #expect(session.abandon(call, reason: "why") == nil)
        for method in ["initialize", "server/discover"] {
            let (id, _) = session.request(method)
            #expect(session.abandon(id, reason: "why") == nil)
        }
    }
}
