import RunnelKit
import Testing

@testable import MCP
@testable import RunnelProcess

private let weather = ServedTool(
    name: "weather", description: "Tells the weather.",
    inputSchema: [
        "type": "object", "properties": ["city": ["type": "string"]], "required": ["city"],
        "additionalProperties": false,
    ])

/// A session, and what it sends.
private struct Client {
    var session = MCPServerSession(name: "test", version: "1", tools: [weather], maximumCalls: 2)

    /// The messages and actions that follow a line, as JSON.
    mutating func say(_ line: String) -> [String] { shown(session.receive(Array(line.utf8))) }

    mutating func begin(_ revision: String = "2025-11-25") -> [String] {
        say(#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"\#(revision)"}}"#)
    }

    mutating func call(_ id: Int, _ arguments: String = #"{"city":"Oslo"}"#, meta: String = "{}") -> [String] {
        say(
            #"{"jsonrpc":"2.0","id":\#(id),"method":"tools/call","#
                + #""params":{"name":"weather","arguments":\#(arguments),"_meta":\#(meta)}}"#)
    }

    func shown(_ actions: [MCPServerSession.Action]) -> [String] {
        actions.map { action in
            switch action {
            case .send(let message): message.json()
            case .call(let call): "call \(call.id.json()) \(call.tool) \(Value.object(call.arguments).json())"
            case .cancel(let id): "cancel \(id.json())"
            }
        }
    }
}

@Suite("A session of the Model Context Protocol") struct MCPSessionTests {
    @Test(
        "the revision that the client wants is taken when it is spoken, and the newest with a handshake otherwise",
        arguments: [
            ("2025-11-25", "2025-11-25"), ("2025-06-18", "2025-06-18"), ("2025-03-26", "2025-03-26"),
            ("2024-11-05", "2024-11-05"), ("2026-07-28", "2025-11-25"), ("1999-01-01", "2025-11-25"),
        ])
    func negotiation(wanted: String, agreed: String) {
        var client = Client()
        #expect(
            client.begin(wanted) == [
                #"{"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"\#(agreed)","#
                    + #""capabilities":{"tools":{"listChanged":true}},"serverInfo":{"name":"test","version":"1"}}}"#
            ])
    }

    @Test("without a handshake, each request says its revision and is answered in it")
    func stateless() {
        var client = Client()
        let meta = #"{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}"#
        #expect(
            client.say(#"{"jsonrpc":"2.0","id":"a","method":"server/discover","params":{"_meta":\#(meta)}}"#) == [
                #"{"jsonrpc":"2.0","id":"a","result":{"supportedVersions":["2026-07-28"],"#
                    + #""capabilities":{"tools":{"listChanged":true}},"ttlMs":0,"cacheScope":"private","#
                    + #""resultType":"complete","#
                    + #""_meta":{"io.modelcontextprotocol/serverInfo":{"name":"test","version":"1"}}}}"#
            ])
        #expect(client.call(1, meta: meta) == [#"call 1 weather {"city":"Oslo"}"#])
        let old = meta.replacing("2026-07-28", with: "2030-01-01")
        #expect(
            client.call(2, meta: old) == [
                #"{"jsonrpc":"2.0","id":2,"error":{"code":-32022,"#
                    + #""message":"the revision \"2030-01-01\" of the protocol is not spoken here","#
                    + #""data":{"supported":["2026-07-28"],"requested":"2030-01-01"}}}"#
            ])
    }

    @Test(
        "what is not a request is refused in words that say why",
        arguments: [
            ("{", "null", -32700, "the line is not JSON: "),
            ("[]", "null", -32600, "the list of messages is empty"),
            ("7", "null", -32600, "a message is an object, found "),
            (#"{"id":1,"method":"ping"}"#, "1", -32600, #"\"jsonrpc\" has to be \"2.0\""#),
            (#"{"jsonrpc":"2.0","id":1}"#, "1", -32600, #"there is no \"method\""#),
            (#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, "null", -32600, #"\"id\" has to be a string"#),
            (
                #"{"jsonrpc":"2.0","id":1,"method":"ping","params":[1]}"#, "1", -32602,
                #"\"params\" has to be an object"#
            ),
            (
                #"{"jsonrpc":"2.0","id":1,"method":"resources/list"}"#, "1", -32601,
                #"there is no method \"resources/list\""#
            ),
            (
                #"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"wether"}}"#, "1", -32602,
                #"there is no tool \"wether\"; did you mean \"weather\"?"#
            ),
            (
                #"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"cursor":"x"}}"#, "1", -32602,
                #"the cursor \"x\" is not one of this server's"#
            ),
            (
                #"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}"#, "1", -32600,
                "the session has begun already"
            ),
            (
                #"[{"jsonrpc":"2.0","id":1,"method":"ping"},{"jsonrpc":"2.0","id":2,"method":"ping"}]"#, "null", -32600,
                "one message a line: lists are not part of this revision"
            ),
        ])
    func refused(line: String, id: String, code: Int, words: String) throws {
        var client = Client()
        _ = client.begin()
        let answer = try #require(client.say(line).first)
        #expect(
            answer.hasPrefix(#"{"jsonrpc":"2.0","id":\#(id),"error":{"code":\#(code),"message":"\#(words)"#),
            "\(answer)")
    }

    @Test("before the handshake nothing is answered but ping")
    func early() {
        var client = Client()
        #expect(client.say(#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#) == [#"{"jsonrpc":"2.0","id":1,"result":{}}"#])
        #expect(
            client.say(#"{"jsonrpc":"2.0","id":2,"method":"tools/list"}"#) == [
                #"{"jsonrpc":"2.0","id":2,"error":{"code":-32600,"#
                    + #""message":"the session has not begun; send \"initialize\" first"}}"#
            ])
    }

    @Test("notifications and answers are never answered, whatever they are")
    func silent() {
        var client = Client()
        _ = client.begin()
        for line in [
            #"{"jsonrpc":"2.0","method":"notifications/initialized"}"#, #"{"jsonrpc":"2.0","method":"what/ever"}"#,
            #"{"jsonrpc":"2.0","id":9,"result":{}}"#,
            #"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":77}}"#,
            #"{"jsonrpc":"2.0","method":"notifications/cancelled","params":[77]}"#,
        ] { #expect(client.say(line) == []) }
    }

    @Test("arguments that do not fit are a result that a model can read, and no call")
    func arguments() {
        var client = Client()
        _ = client.begin()
        #expect(
            client.call(1, #"{"town":"Oslo"}"#) == [
                #"{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","#
                    + #""text":"the required key \"city\" is missing"}],"isError":true}}"#
            ])
    }

    @Test("a call ends with its output; objects also as structured content, where the revision has that")
    func outcome() {
        let output: Value = ["sky": "clear"]
        let text = #"{"type":"text","text":"{\n  \"sky\": \"clear\"\n}"}"#
        for (revision, structure) in [("2025-06-18", #","structuredContent":{"sky":"clear"}"#), ("2025-03-26", "")] {
            var client = Client()
            _ = client.begin(revision)
            _ = client.call(1)
            #expect(
                client.shown(client.session.finish(1, .succeeded(output: output, run: "r"))) == [
                    #"{"jsonrpc":"2.0","id":1,"result":{"content":[\#(text)],"isError":false\#(structure),"#
                        + #""_meta":{"runnel/run":"r"}}}"#
                ])
        }
    }

    @Test("progress is told to those who asked for it, and rises")
    func progress() {
        var client = Client()
        _ = client.begin()
        _ = client.call(1, meta: #"{"progressToken":"t"}"#)
        _ = client.call(2)
        #expect(client.shown(client.session.progress(2, "unasked")) == [])
        _ = client.session.progress(1, "one")
        #expect(
            client.shown(client.session.progress(1, "two")) == [
                #"{"jsonrpc":"2.0","method":"notifications/progress","#
                    + #""params":{"progressToken":"t","progress":2,"message":"two"}}"#
            ])
    }

    @Test("a cancelled call is ended and never answered")
    func cancellation() {
        var client = Client()
        _ = client.begin()
        _ = client.call(1, meta: #"{"progressToken":1}"#)
        let cancel = #"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#
        #expect(client.say(cancel) == ["cancel 1"])
        #expect(client.shown(client.session.progress(1, "late")) == [])
        #expect(client.shown(client.session.finish(1, .failed(message: "cancelled", run: nil))) == [])
        #expect(client.call(1) == [#"call 1 weather {"city":"Oslo"}"#])
    }

    @Test("an id in use and a call too many are refused")
    func limits() {
        var client = Client()
        _ = client.begin()
        _ = client.call(1)
        #expect(client.call(1).first?.contains("the id 1 is in use by a request that goes on") == true)
        _ = client.call(2)
        #expect(client.call(3).first?.contains("2 calls go on already; wait for one of them") == true)
    }

    @Test("many tools come in pages, and new ones are announced once the session has begun")
    func pages() throws {
        var client = Client()
        let many = (0..<150).map { ServedTool(name: "t\($0)", description: "", inputSchema: [:]) }
        #expect(client.session.setTools(many) == [])
        _ = client.begin()
        #expect(client.session.setTools(many) == [])
        let first = try Value.json(client.say(#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#)[0])
        #expect(first["result"]?["tools"]?.asList?.count == 100)
        let cursor = try #require(first["result"]?["nextCursor"]?.asString)
        let line = #"{"jsonrpc":"2.0","id":2,"method":"tools/list","params":{"cursor":"\#(cursor)"}}"#
        let second = try Value.json(client.say(line)[0])
        #expect(second["result"]?["tools"]?.asList?.first?["name"] == "t100")
        #expect(second["result"]?["nextCursor"] == nil)
        #expect(
            client.shown(client.session.setTools([])) == [
                #"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#
            ])
    }

    private static let pings =
        #"{"jsonrpc":"2.0","id":1,"method":"ping"},{"jsonrpc":"2.0","method":"notifications/initialized"}"#

    @Test("a list is answered with a list once all of its calls are over, in the revision that has lists")
    func batch() {
        var client = Client()
        _ = client.begin("2025-03-26")
        let call =
            #"{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":"weather","arguments":{"city":"Oslo"}}}"#
        let pong = #"{"jsonrpc":"2.0","id":1,"result":{}}"#
        #expect(client.say("[\(Self.pings)]") == ["[\(pong)]"])
        #expect(client.say("[\(call),\(Self.pings)]") == [#"call 5 weather {"city":"Oslo"}"#])
        let answer =
            #"{"jsonrpc":"2.0","id":5,"result":{"content":[{"type":"text","text":"dry"}],"isError":false}}"#
        #expect(
            client.shown(client.session.finish(5, .succeeded(output: "dry", run: nil))) == ["[\(pong),\(answer)]"])
        #expect(client.say(#"[{"jsonrpc":"2.0","method":"notifications/initialized"}]"#) == [])
    }

    @Test("a list whose only call was cancelled is not answered")
    func cancelledBatch() {
        var client = Client()
        _ = client.begin("2025-03-26")
        let call =
            #"{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":"weather","arguments":{"city":"Oslo"}}}"#
        _ = client.say("[\(call)]")
        _ = client.say(#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":5}}"#)
        #expect(client.shown(client.session.finish(5, .failed(message: "cancelled", run: nil))) == [])
    }

    @Test("a list of too many messages is refused as one, and lists are in revisions without them, also of one message")
    func refusedLists() {
        var client = Client()
        #expect(
            client.say("[" + Array(repeating: "0", count: 65).joined(separator: ",") + "]") == [
                #"{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"#
                    + #""message":"the list has 65 messages; at most 64 are taken at once"}}"#
            ])
        _ = client.begin("2025-06-18")
        #expect(
            client.say(#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#) == [
                #"{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"#
                    + #""message":"one message a line: lists are not part of this revision"}}"#
            ])
    }

    @Test(
        "without a session, those who ask for news of the tools get them under the id of their request, until they end it"
    )
    func subscriptions() {
        var client = Client()
        func listen(_ id: String, _ wanted: String) -> String {
            #"{"jsonrpc":"2.0","id":"\#(id)","method":"subscriptions/listen","params":{"notifications":\#(wanted),"#
                + #""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}"#
        }
        func acknowledged(_ id: String, _ honored: String) -> String {
            #"{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{"notifications":\#(honored),"#
                + #""_meta":{"io.modelcontextprotocol/subscriptionId":"\#(id)"}}}"#
        }
        #expect(
            client.say(listen("a", #"{"toolsListChanged":true,"promptsListChanged":true}"#)) == [
                acknowledged("a", #"{"toolsListChanged":true}"#)
            ])
        #expect(client.say(listen("b", "{}")) == [acknowledged("b", "{}")])
        #expect(client.say(listen("a", "{}")).first?.contains("is in use by a request that goes on") == true)
        #expect(
            client.shown(client.session.setTools([])) == [
                #"{"jsonrpc":"2.0","method":"notifications/tools/list_changed","#
                    + #""params":{"_meta":{"io.modelcontextprotocol/subscriptionId":"a"}}}"#
            ])
        #expect(client.say(#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"a"}}"#) == [])
        #expect(client.shown(client.session.setTools([weather])) == [])
        for number in 1..<16 { _ = client.say(listen("\(number)", "{}")) }
        #expect(
            client.say(listen("z", "{}")).first?.contains("16 subscriptions go on already; cancel one of them") == true)
    }

    @Test("lines are put together however they come; one that is too long is dropped, and the next is read")
    func lines() {
        var reader = LineSplitter(limit: 5)
        #expect(reader.split(Array("ab".utf8)) == [])
        #expect(reader.split(Array("c\r\n\nde\nf".utf8)) == [.line(Array("abc".utf8)), .line(Array("de".utf8))])
        #expect(reader.split(Array("ghijklm".utf8)) == [])
        #expect(reader.split(Array("nop\nq\n".utf8)) == [.tooLong, .line(Array("q".utf8))])
        #expect(reader.last() == nil)
        #expect(reader.split(Array("r".utf8)) == [])
        #expect(reader.last() == .line(Array("r".utf8)))
    }
}
