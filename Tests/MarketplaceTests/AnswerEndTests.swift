import AsyncHTTPClient
import HTTPTestServer
import Testing

@testable import Marketplace

/// One way in which an answer can end: the body of a response, and what comes of it.
struct Ending: Sendable, CustomTestStringConvertible {
    typealias End = MarketplaceConfiguration.StreamEnd

    enum Outcome: Sendable, Equatable {
        case success(String)
        case failure(MarketplaceError.Code, String, isTransient: Bool = false, text: String? = nil)
    }

    var name: String
    var ends: [End] = End.allCases
    var acceptsTruncated = false
    var body: String
    var outcome: Outcome

    init(
        _ name: String, ends: [End] = End.allCases, acceptsTruncated: Bool = false, _ body: [String], _ outcome: Outcome
    ) {
        self.name = name
        self.ends = ends
        self.acceptsTruncated = acceptsTruncated
        self.body = body.joined()
        self.outcome = outcome
    }

    var testDescription: String { name }
}

private func event(_ data: String) -> String { "data: \(data)\n\n" }
private func content(_ text: String) -> String { event(#"{"choices":[{"index":0,"delta":{"content":"\#(text)"}}]}"#) }
private func delta(_ members: String) -> String { event(#"{"choices":[{"index":0,"delta":{\#(members)}}]}"#) }
private func finish(_ reason: String) -> String {
    event(#"{"choices":[{"index":0,"delta":{},"finish_reason":"\#(reason)"}]}"#)
}
private let hello =
    delta(#""role":"assistant","content":"""#) + content("Hel") + content("lo")
private let stop = finish("stop")
private let usage = event(#"{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}"#)
private let done = event("[DONE]")

private let cutOff = "the stream ended before [DONE]"
private let noReason = "the stream ended before a finish reason"
private let neither = "the stream ended before [DONE] or a finish reason"
private let empty = "the answer is empty: the stream ended without any text"
private func foreign(_ event: String) -> String {
    "the server sent events that are no chat completion, such as \(event)"
}
private func reported(_ said: String) -> String { "the server reported an error in its answer: \(said)" }

/// Every way an answer can end.
private let endings: [Ending] = [
    // What ends a stream.
    Ending("[DONE] behind a finish reason", [hello, stop, done], .success("Hello")),
    Ending("[DONE] alone", ends: [.done, .either], [hello, done], .success("Hello")),
    Ending(
        "[DONE] alone where a finish reason has to come", ends: [.finish], [hello, done],
        .failure(.streamCutOff, noReason, isTransient: true, text: "Hello")),
    Ending("[DONE] with one line feed behind it", [hello, stop, "data: [DONE]\n"], .success("Hello")),
    Ending("[DONE] at the very end", [hello, stop, "data: [DONE]"], .success("Hello")),
    Ending("[DONE] without a space, with CRLF", [hello, stop, "data:[DONE]\r\n"], .success("Hello")),
    Ending("[DONE] with spaces around it", [hello, stop, "data:   [DONE]  \t"], .success("Hello")),
    Ending("[DONE] in quotes", [hello, stop, event(#""[DONE]""#)], .success("Hello")),
    Ending("what follows [DONE] is ignored", [hello, stop, done, content("!"), event("<")], .success("Hello")),
    Ending("a finish reason and the end of the body", ends: [.finish, .either], [hello, stop], .success("Hello")),
    Ending(
        "a finish reason, the usage and the end", ends: [.finish, .either], [hello, stop, usage], .success("Hello")),
    Ending(
        "a finish reason that no blank line ends", ends: [.finish, .either], [hello, String(stop.dropLast(2))],
        .success("Hello")),
    Ending(
        "a finish reason where [DONE] has to come", ends: [.done], [hello, stop],
        .failure(.streamCutOff, cutOff, isTransient: true, text: "Hello")),
    Ending("neither", ends: [.done], [hello], .failure(.streamCutOff, cutOff, isTransient: true, text: "Hello")),
    Ending("neither", ends: [.either], [hello], .failure(.streamCutOff, neither, isTransient: true, text: "Hello")),
    Ending("neither", ends: [.finish], [hello], .failure(.streamCutOff, noReason, isTransient: true, text: "Hello")),
    Ending(
        "half an event", ends: [.either], [hello, String(stop.prefix(40))],
        .failure(.streamCutOff, neither, isTransient: true, text: "Hello")),
    Ending(
        "finish reasons that are none", ends: [.either],
        [hello, finish(""), finish("null"), event(#"{"choices":[{"delta":{},"finish_reason":null}]}"#)],
        .failure(.streamCutOff, neither, isTransient: true, text: "Hello")),
    Ending("an empty body", ends: [.either], [""], .failure(.streamCutOff, neither, isTransient: true)),
    Ending("comments alone", ends: [.either], [": hi\n\n"], .failure(.streamCutOff, neither, isTransient: true)),

    // Events of another API.
    Ending(
        "the Responses API",
        [
            "event: response.output_text.delta\n", event(#"{"type":"response.output_text.delta","delta":"hi"}"#),
            "event: response.completed\n", event(#"{"type":"response.completed","response":{"status":"completed"}}"#),
        ], .failure(.notAnEventStream, foreign(#""response.output_text.delta""#))),
    Ending(
        "the Responses API without names, and [DONE]",
        [event(#"{"type":"response.output_text.delta","delta":"hi"}"#), done],
        .failure(.notAnEventStream, foreign(#""response.output_text.delta""#))),
    Ending(
        "Anthropic's API",
        [
            "event: ping\n", event(#"{"type":"ping"}"#), "event: message_start\n",
            event(#"{"type":"message_start","message":{"usage":{"input_tokens":3}}}"#), "event: message_delta\n",
            event(#"{"type":"message_delta","usage":{"output_tokens":4}}"#),
        ], .failure(.notAnEventStream, foreign(#""message_start""#))),
    Ending(
        "events without a name", [event(#"{"candidates":[{"content":{}}]}"#)],
        .failure(.notAnEventStream, foreign(#""{"candidates":[{"content":{}}]}""#))),
    Ending("events of text", ["event: token\ndata: Hello\n\n"], .failure(.notAnEventStream, foreign(#""token""#))),
    Ending(
        "heartbeats and then nothing", ends: [.either], ["event: ping\ndata: now\n\n", event(#"{"type":"ping"}"#)],
        .failure(.streamCutOff, neither, isTransient: true)),
    Ending(
        "an event of another API before an answer that is cut off", ends: [.either],
        [event(#"{"type":"status"}"#), delta(#""role":"assistant""#)],
        .failure(.streamCutOff, neither, isTransient: true)),

    // Events that say nothing.
    Ending(
        "events that say nothing",
        [
            "data:\n\ndata: \n\ndata\n\ndata:\ndata:\n\n: x\n\nid: 7\nretry: 10\n\nevent: ping\ndata: {\"type\":\"ping\"}\n\n",
            "event: ping\ndata: now\n\nevent: x\n\nunknown: x\n\n", hello, event(#"{"type":"ping"}"#),
            event(#"{"choices":null}"#), event("{}"), event(#"{"choices":[]}"#), event(#"{"choices":[null]}"#),
            event(#"{"choices":[{"index":0}]}"#), event(#"{"choices":[{"index":0,"delta":null}]}"#),
            event(#"{"choices":[{"index":0,"delta":{"content":null}}]}"#), event(#"{"code":0,"message":"success"}"#),
            event(#"{"type":"status","message":"thinking"}"#), event(#"{"object":"x","error":null}"#),
            event(#"{"error":"","error_code":0}"#), event("null"), event("[]"), event(#""""#),
            "event: tool\n", event(#"{"status":"failed","code":404,"message":"the tool failed"}"#), stop, done,
        ], .success("Hello")),
    Ending("an unknown finish reason", [hello, finish("tired"), done], .success("Hello")),

    // Finish reasons that are no success.
    Ending(
        "error with an object in the choice",
        [
            hello,
            event(
                #"{"choices":[{"index":0,"delta":{"content":""},"finish_reason":"error","error":{"code":502,"message":"Provider gone"}}]}"#
            ), done,
        ], .failure(.errorInStream, reported(#""Provider gone" (502)"#), isTransient: true, text: "Hello")),
    Ending(
        "error whose message is the content",
        [hello, event(#"{"choices":[{"delta":{"content":"Agent \u0022x\u0022 crashed"},"finishReason":"error"}]}"#)],
        .failure(.errorInStream, reported(#""Agent "x" crashed""#), isTransient: true, text: "Hello")),
    Ending(
        "error without a word", [hello, finish("error"), done],
        .failure(
            .errorInStream, #"the agent failed while it was answering; its last words were "Hello""#,
            isTransient: true, text: "Hello")),
    Ending(
        "error without a word behind a long text, of which a cut word is not quoted",
        [hello, content(String(repeating: "x", count: 300) + " and more"), finish("error"), done],
        .failure(
            .errorInStream, #"the agent failed while it was answering; its last words were "and more""#,
            isTransient: true, text: "Hello" + String(repeating: "x", count: 300) + " and more")),
    Ending(
        "error without a word behind a long word",
        [content(String(repeating: "x", count: 300)), finish("error"), done],
        .failure(
            .errorInStream, "the agent failed while it was answering", isTransient: true,
            text: String(repeating: "x", count: 300))),
    Ending(
        "error that blames the request",
        [event(#"{"choices":[{"delta":{},"finish_reason":"error","error":{"code":400,"message":"too long"}}]}"#)],
        .failure(.errorInStream, reported(#""too long" (400)"#))),
    Ending(
        "an error in the choice without a finish reason", [hello, event(#"{"choices":[{"error":"broken"}]}"#), done],
        .failure(.errorInStream, reported(#""broken""#), isTransient: true, text: "Hello")),
    Ending(
        "an error beside a choice that failed",
        [
            hello,
            event(
                #"{"error":{"message":"Provider disconnected"},"choices":[{"delta":{"content":""},"finish_reason":"error"}]}"#
            ),
        ], .failure(.errorInStream, reported(#""Provider disconnected""#), isTransient: true, text: "Hello")),
    Ending(
        "content_filter", [hello, finish("content_filter"), done],
        .failure(
            .contentFilter, #"the server's content filter stopped the answer (finish reason "content_filter")"#,
            text: "Hello")),
    Ending(
        "content_filter without [DONE]", [hello, finish("content_filter")],
        .failure(
            .contentFilter, #"the server's content filter stopped the answer (finish reason "content_filter")"#,
            text: "Hello")),
    Ending(
        "a refusal without [DONE]", [delta(#""refusal":"No.""#), stop],
        .failure(.refusal, #"the model refused to answer: "No.""#)),
    Ending(
        "length", [hello, finish("length"), done],
        .failure(
            .answerTruncated, #"the answer was cut off at the model's limit of tokens (finish reason "length")"#,
            text: "Hello")),
    Ending(
        "MAX_TOKENS", [hello, finish("MAX_TOKENS"), done],
        .failure(
            .answerTruncated, #"the answer was cut off at the model's limit of tokens (finish reason "MAX_TOKENS")"#,
            text: "Hello")),
    Ending(
        "length and then stop", [hello, finish("length"), stop, done],
        .failure(
            .answerTruncated, #"the answer was cut off at the model's limit of tokens (finish reason "length")"#,
            text: "Hello")),
    Ending(
        "content_filter and then an unknown reason", [hello, finish("content_filter"), finish("tired"), done],
        .failure(
            .contentFilter, #"the server's content filter stopped the answer (finish reason "content_filter")"#,
            text: "Hello")),
    Ending(
        "length, accepted, and then content_filter", acceptsTruncated: true,
        [hello, finish("length"), finish("content_filter"), done],
        .failure(
            .contentFilter, #"the server's content filter stopped the answer (finish reason "content_filter")"#,
            text: "Hello")),
    Ending(
        "length, and stop behind more text", [content("Hel"), finish("length"), content("lo"), stop, done],
        .success("Hello")),
    Ending("length, accepted", acceptsTruncated: true, [hello, finish("length"), done], .success("Hello")),
    Ending(
        "a refusal in pieces",
        [delta(#""role":"assistant","content":null,"refusal":"I can""#), delta(#""refusal":"not help.""#), stop, done],
        .failure(.refusal, #"the model refused to answer: "I cannot help.""#)),
    Ending(
        "a refusal whose character lies over two pieces",
        [delta(#""refusal":"No \ud83d""#), delta(#""refusal":"\ude00""#), stop, done],
        .failure(.refusal, #"the model refused to answer: "No 😀""#)),
    Ending(
        "a refusal as a part of the content", [delta(#""content":[{"type":"refusal","refusal":"No."}]"#), stop, done],
        .failure(.refusal, #"the model refused to answer: "No.""#)),
    Ending(
        "a call of a tool",
        [
            delta(#""tool_calls":[{"index":0,"id":"c","function":{"name":"rm","arguments":"{"}}]"#),
            delta(#""tool_calls":[{"index":0,"function":{"arguments":"}"}}]"#), finish("tool_calls"), done,
        ],
        .failure(
            .unexpectedToolCall, #"the model wants the tool "rm" to be called, and none was offered to it"#)),
    Ending(
        "a call of a tool behind a text", [content("Hm. "), delta(#""function_call":{"name":"rm"}"#), stop, done],
        .failure(
            .unexpectedToolCall, #"the model wants the tool "rm" to be called, and none was offered to it"#,
            text: "Hm. ")),
    Ending(
        "a call of a tool that the server made itself",
        [delta(#""tool_calls":[{"function":{"name":"rm"}}]"#), hello, stop, done], .success("Hello")),
    Ending(
        "a question of the agent",
        [
            delta(#""role":"assistant","messageInfo":{"messageId":"m","conversationId":"c-1"}"#), content("So "),
            delta(#""permission_request":{"message":"May I delete it?"}"#), stop, done,
        ],
        .failure(
            .interactionRequired,
            #"the agent asks and waits for a person: "May I delete it?" (conversation "c-1")"#, text: "So ")),
    Ending(
        "a question of the agent in camel case, with the conversation beside it",
        [
            event(
                #"{"conversationId":"c-2","choices":[{"delta":{"userInteractionRequired":{"question":{"text":"Which?"}}}}]}"#
            )
        ],
        .failure(
            .interactionRequired, #"the agent asks and waits for a person: "Which?" (conversation "c-2")"#)),
    Ending(
        "a question of the agent as a task",
        [
            delta(
                #""tasks":[{"conversationId":"c","actionType":"permission_request","title":"Read?","status":"waiting"}]"#
            )
        ], .failure(.interactionRequired, #"the agent asks and waits for a person: "Read?" (conversation "c")"#)),
    Ending(
        "a question that was answered",
        [
            delta(#""tasks":[{"actionType":"permission_request","title":"Read?","status":"completed"}]"#), hello, stop,
            done,
        ], .success("Hello")),
    Ending(
        "a question of the agent without words", [hello, delta(#""user_interaction_required":true"#)],
        .failure(
            .interactionRequired, "the agent asks and waits for a person: user_interaction_required, without words",
            text: "Hello")),

    // Errors in a 200.
    Ending(
        "a flat error object",
        [
            event(
                #"{"object": "error", "message": "max context length exceeded", "type": "BadRequestError", "param": null, "code": 400}"#
            ), done,
        ], .failure(.errorInStream, reported(#""max context length exceeded" (400)"#))),
    Ending(
        "an error object", [hello, event(#"{"error":{"message":"overloaded","code":503}}"#)],
        .failure(.errorInStream, reported(#""overloaded" (503)"#), isTransient: true, text: "Hello")),
    Ending("an error text", [event(#"{"error":"broke"}"#), done], .failure(.errorInStream, reported(#""broke""#))),
    Ending(
        "an error object alone in a list", [event(#"[{"error":{"code":503,"message":"busy"}}]"#)],
        .failure(.errorInStream, reported(#""busy" (503)"#), isTransient: true)),
    Ending(
        "a list of errors", [event(#"{"error":[{"message":"broke"}]}"#), done],
        .failure(.errorInStream, reported(#""broke""#))),
    Ending("a detail", [event(#"{"detail":"Not here"}"#), done], .failure(.errorInStream, reported(#""Not here""#))),
    Ending(
        "details", [event(#"{"detail":[{"loc":["body"],"msg":"field required"}]}"#), done],
        .failure(.errorInStream, reported(#""field required""#))),
    Ending(
        "no success", [event(#"{"success":false,"message":"no credit"}"#), done],
        .failure(.errorInStream, reported(#""no credit""#))),
    Ending(
        "code and message", [event(#"{"code":"quota_exceeded","message":"no credit"}"#), done],
        .failure(.errorInStream, reported(#""no credit" (quota_exceeded)"#))),
    Ending(
        "a number and a message", [event(#"{"code":1301,"msg":"sensitive"}"#), done],
        .failure(.errorInStream, reported(#""sensitive" (1301)"#))),
    Ending(
        "an HTTP status and a message", [event(#"{"status":503,"message":"later"}"#), done],
        .failure(.errorInStream, reported(#""later" (503)"#), isTransient: true)),
    Ending(
        "the type error", [event(#"{"type":"error","message":"bad"}"#), done],
        .failure(.errorInStream, reported(#""bad""#))),
    Ending(
        "an error code beside a text", [event(#"{"text":"NETWORK ERROR","error_code":50001}"#), done],
        .failure(.errorInStream, reported(#""NETWORK ERROR" (50001)"#))),
    Ending(
        "an event named error", [hello, "event: error\ndata: it broke\n\n"],
        .failure(.errorInStream, reported(#""it broke""#), text: "Hello")),
    Ending(
        "an error that no blank line ends", [hello, #"data: {"error":"broke"}"#],
        .failure(.errorInStream, reported(#""broke""#), text: "Hello")),

    // Nothing, and what cannot be read.
    Ending("nothing at all", [stop, done], .failure(.emptyAnswer, empty, isTransient: true)),
    Ending(
        "reasoning alone", [delta(#""reasoning_content":"hm""#), stop, done],
        .failure(.emptyAnswer, empty, isTransient: true)),
    Ending(
        "tasks alone", [delta(#""content":"","tasks":[{"title":"sent","status":"completed"}]"#), stop, done],
        .success("")),
    Ending(
        "an event that is no JSON", [hello, event("<html>"), stop, done],
        .failure(
            .malformedEvent,
            #"the server sent an event that cannot be read: it is not JSON (line 1, column 1: expected a JSON value, found '<'): "<html>""#,
            text: "Hello")),
    Ending(
        "a named event that begins like a chunk", [hello, "event: chunk\n", event(#"{"choices":[{"#), done],
        .failure(
            .malformedEvent,
            #"the server sent an event that cannot be read: it is not JSON (line 1, column 14: expected a key in quotes, found the end): "{"choices":[{""#,
            text: "Hello")),

    // Shapes of the text.
    Ending(
        "content as a list of parts",
        [
            delta(
                #""role":"assistant","content":[{"type":"thinking","thinking":[{"type":"text","text":"hmm"}]},{"type":"text","text":"Hel"}]"#
            ), delta(#""content":["l",{"type":"image"},{"text":"o"}]"#), stop, done,
        ], .success("Hello")),
    Ending(
        "reasoning is no text",
        [delta(#""reasoning_content":"first ""#), delta(#""content":"Hello","reasoning":"then""#), stop, done],
        .success("Hello")),
    Ending(
        "the whole message in one event",
        [
            event(
                #"{"choices":[{"index":0,"message":{"role":"assistant","content":"Hello"},"finish_reason":"stop"}]}"#),
            done,
        ], .success("Hello")),
    Ending(
        "the whole message again behind its pieces",
        [
            hello, event(#"{"choices":[{"message":{"role":"assistant","content":"Hello"},"finish_reason":"stop"}]}"#),
            done,
        ], .success("Hello")),
    Ending(
        "a surrogate pair over two deltas", [content(#"A\ud83d"#), content(#"\ude00B"#), stop, done], .success("A😀B")),
    Ending(
        "the same in chunks of another shape",
        [
            delta(#""role":"assistant","content":"A\ud83d""#), ": x\n\n", delta(#""content":"""#),
            delta(#""content":[{"type":"text","text":"\ude00B"}]"#), stop, done,
        ], .success("A😀B")),
    Ending(
        "halves that stay alone",
        [content(#"A\ud83d"#), content("B"), content(#"\ude00"#), content(#"C\ud83d"#), stop, done],
        .success("A\u{FFFD}B\u{FFFD}C\u{FFFD}")),
    Ending(
        "two high halves", [content(#"\ud83d"#), content(#"\ud83d"#), content(#"\ude00"#), stop, done],
        .success("\u{FFFD}😀")),
]

@Suite("How an answer ends")
struct AnswerEndTests {
    private func decode(_ ending: Ending, _ end: Ending.End, pieces size: Int) -> Ending.Outcome {
        var decoder = ChatDecoder(rules: AnswerRules(streamEnd: end, acceptsTruncated: ending.acceptsTruncated))
        var events: [ChatEvent] = []
        let bytes = Array(ending.body.utf8)
        let redactor = ResponseRedactor(secrets: [])
        do throws(MarketplaceError) {
            for start in stride(from: 0, to: bytes.count, by: size) {
                let piece = Array(bytes[start..<min(start + size, bytes.count)])
                let result: Result<Void, MarketplaceError> = piece.withUnsafeBytes { raw in
                    Result { () throws(MarketplaceError) in
                        try decoder.feed(raw, redactor: redactor, into: &events)
                    }
                }
                try result.get()
            }
            try decoder.finish(redactor: redactor, into: &events)
            return .success(Self.joined(events))
        } catch {
            return .failure(error.code, error.message, isTransient: error.isTransient, text: error.partialText)
        }
    }

    private static func joined(_ events: [ChatEvent]) -> String {
        events.map { if case .text(let text) = $0 { text } else { "" } }.joined()
    }

    @Test("is read alike in pieces of any size", arguments: endings)
    func pure(_ ending: Ending) {
        for end in ending.ends {
            for size in [1, 2, 3, 7, 64, 1 << 20] {
                #expect(decode(ending, end, pieces: size) == ending.outcome, "\(end), in pieces of \(size)")
            }
        }
    }

    @Test("is the same through the whole client, with one request", arguments: endings)
    func client(_ ending: Ending) async throws {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nConnection: close\r\n\r\n"
        try await TestServer.run { _ in
            .raw(head + ending.body)
        } body: { server async throws in
            for end in ending.ends {
                let before = server.requests.count
                let outcome = try await ask(server, end, acceptsTruncated: ending.acceptsTruncated)
                #expect(outcome == ending.outcome, "\(end)")
                #expect(server.requests.count == before + 1)
            }
        }
    }

    private func ask(
        _ server: TestServer, _ end: Ending.End?, acceptsTruncated: Bool = false,
        limits: MarketplaceConfiguration.Limits = .init()
    ) async throws -> Ending.Outcome {
        let configuration = try MarketplaceConfiguration(
            baseURL: server.url, authentication: .none, streamEnd: end, limits: limits, retry: RetryPolicy(attempts: 1))
        let http = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration.httpClientConfiguration)
        let client = MarketplaceClient(configuration: configuration, httpClient: http)
        let request = ChatRequest(
            messages: [ChatMessage(role: "user", content: "x")], acceptsTruncated: acceptsTruncated)
        let outcome: Ending.Outcome
        do {
            outcome = .success(Self.joined(try await client.chat(request).collect()))
        } catch let error as MarketplaceError {
            outcome = .failure(error.code, error.message, isTransient: error.isTransient, text: error.partialText)
        }
        try await http.shutdown()
        return outcome
    }

    @Test("a body that breaks off is cut off, also behind a finish reason")
    func unclean() async throws {
        let body = hello + stop
        let broken = [
            "Transfer-Encoding: chunked\r\n\r\n\(String(body.utf8.count, radix: 16))\r\n\(body)\r\n",
            "Content-Length: \(body.utf8.count + 1)\r\n\r\n\(body)",
        ]
        for rest in broken {
            let answer = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n" + rest
            try await TestServer.run { _ in
                .raw(answer)
            } body: { server async throws in
                for end in [Ending.End.done, .either] {
                    #expect(
                        try await ask(server, end)
                            == .failure(
                                .streamCutOff, "the stream ended before [DONE]: the connection was closed",
                                isTransient: true, text: "Hello"))
                }
                // Here the reason alone counts.
                #expect(
                    try await ask(server, .finish) == .success("Hello"))
            }
        }
    }

    @Test("what ends a stream is `done` with client credentials and `either` otherwise")
    func standard() throws {
        func end(_ authentication: MarketplaceConfiguration.Authentication) throws -> Ending.End {
            try MarketplaceConfiguration(baseURL: "http://h", authentication: authentication).streamEnd
        }
        #expect(try end(.clientCredentials(clientID: "a", clientSecret: "b")) == .done)
        #expect(try end(.bearer("k")) == .either)
        #expect(try end(.none) == .either)
        #expect(
            try MarketplaceConfiguration(baseURL: "http://h", authentication: .none, streamEnd: .done).streamEnd
                == .done)
    }

    @Test("with `finish` a server that keeps the connection open is not waited for, and the usage is still read")
    func finishMode() async throws {
        let server = try await ScriptedServer()
        let configuration = try MarketplaceConfiguration(
            baseURL: server.url, authentication: .none, streamEnd: .finish)
        let http = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration.httpClientConfiguration)
        let client = MarketplaceClient(configuration: configuration, httpClient: http)
        async let events = client.chat(ChatRequest(messages: [ChatMessage(role: "user", content: "x")])).collect()
        let exchange = try await server.next()
        exchange.beginStream()
        exchange.send(hello + stop)
        exchange.send(usage)
        #expect(
            try await events.suffix(2) == [
                .finish(reason: "stop"),
                .usage(TokenUsage(promptTokens: 1, completionTokens: 2, totalTokens: 3)),
            ])
        try await exchange.untilClosed()
        try await http.shutdown()
        try await server.stop()
    }

    @Test("[DONE] ends a stream before its blank line, also where the connection stays open")
    func doneLine() async throws {
        try await withBench(authentication: .none, answer: { _ in false }) { bench in
            async let events = bench.ask().collect()
            let exchange = try await bench.server.next()
            exchange.beginStream()
            exchange.send(content("a") + "data: [DONE]\n")
            #expect(
                try await events == [.text("a")])
        }
    }

    @Test("a missing [DONE] behind a finish reason says which setting to change")
    func hints() async throws {
        try await withBench(retry: RetryPolicy(attempts: 1)) { bench in
            async let failure = bench.ask().failure()
            let exchange = try await bench.server.next()
            exchange.beginStream()
            exchange.send(hello + stop)
            exchange.end()
            let error = try await failure.error
            #expect(error.message == cutOff)
            #expect(
                error.hint
                    == "the text so far is kept, and a finish reason had come: if this server never sends [DONE], set `marketplace.stream_end: either`"
            )
        }
    }

    @Test(
        "the usage that comes with a failure is told before the answer fails",
        arguments: [
            #"{"choices":[{"delta":{"content":"bad thing"},"finish_reason":"error"}],"usage":{"total_tokens":12}}"#,
            #"{"error":{"message":"broke"},"usage":{"total_tokens":12}}"#,
            #"{"choices":[{"delta":{"permissionRequest":{"message":"may I?"}}}],"usage":{"total_tokens":12}}"#,
        ])
    func usageOfFailure(_ chunk: String) {
        for name in ["message", "error", "input_required"] {
            var decoder = ChatDecoder()
            var events: [ChatEvent] = []
            let body = Array("event: \(name)\ndata: \(chunk)\n\n".utf8)
            #expect(throws: MarketplaceError.self) {
                try body.withUnsafeBytes {
                    try decoder.feed($0, redactor: ResponseRedactor(secrets: []), into: &events)
                }
            }
            #expect(events == [.usage(TokenUsage(totalTokens: 12))], "\(name)")
        }
    }

    // MARK: Bodies that are no stream

    private func outcome(type: String?, _ body: String) async throws -> Ending.Outcome {
        let type = type.map { "Content-Type: \($0)\r\n" } ?? ""
        return try await TestServer.run { _ in
            .raw("HTTP/1.1 200 OK\r\n\(type)Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
        } body: { server async throws in
            let outcome = try await ask(server, nil)
            guard case .failure(let code, let message, let isTransient, let text) = outcome else { return outcome }
            return .failure(
                code, message.replacing(server.url, with: "SERVER"), isTransient: isTransient, text: text)
        }
    }

    @Test("a whole completion in JSON is an answer, whatever its Content-Type says")
    func document() async throws {
        let body = """
            {
              "id": "x", "object": "chat.completion",
              "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}],
              "usage": {"total_tokens": 3}
            }
            """
        for type in ["application/json; charset=utf-8", "text/event-stream"] {
            #expect(
                try await outcome(type: type, body) == .success("Hello"))
            #expect(
                try await outcome(type: type, body.replacing(#""stop""#, with: #""length""#))
                    == .failure(
                        .answerTruncated,
                        #"the answer was cut off at the model's limit of tokens (finish reason "length")"#,
                        text: "Hello"))
            #expect(
                try await outcome(type: type, #"{"error":{"message":"overloaded","code":503}}"#)
                    == .failure(.errorInStream, reported(#""overloaded" (503)"#), isTransient: true))
        }
        #expect(
            try await outcome(type: "application/json", #"{"object":"list","data":[]}"#)
                == .failure(
                    .notAnEventStream,
                    #"SERVER/v1/chat/completions answered 200 with "application/json" instead of an event stream: "{"object":"list","data":[]}""#
                ))
    }

    @Test("a web page is an error with its title, whatever its Content-Type says")
    func page() async throws {
        let page = "<!doctype html><html><head><title>Sign in</title></head></html>"
        #expect(
            try await outcome(type: "text/html", page)
                == .failure(
                    .notAnEventStream,
                    #"SERVER/v1/chat/completions answered 200 with "text/html" instead of an event stream: "Sign in""#)
        )
        #expect(
            try await outcome(type: "text/event-stream", page)
                == .failure(
                    .notAnEventStream,
                    #"SERVER/v1/chat/completions answered 200 with a body that is no event stream: "Sign in""#))
    }

    @Test("a text is an error with its first line, also where it is said to be an event stream")
    func plainText() async throws {
        let text = "upstream connect error or disconnect/reset before headers"
        #expect(
            try await outcome(type: "text/event-stream", text)
                == .failure(
                    .notAnEventStream,
                    #"SERVER/v1/chat/completions answered 200 with a body that is no event stream: "\#(text)""#))
        for stream in [": x", "da", "id\n", "event: x\n", "id", "retry: 1\n\n", "\n: x"] {
            #expect(
                try await outcome(type: "text/event-stream", stream)
                    == .failure(.streamCutOff, neither, isTransient: true), "\(stream)")
        }
    }

    @Test("a JSON body that breaks off is cut off and not half an answer")
    func brokenDocument() async throws {
        try await TestServer.run { _ in
            .raw("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{\"choices\":[]}")
        } body: { server async throws in
            #expect(
                try await ask(server, nil)
                    == .failure(
                        .streamCutOff, "the stream ended before [DONE]: the connection was closed", isTransient: true))
        }
    }

    // MARK: Limits

    @Test("a line of 1.5 MB is read; the limit of lines and events is one setting, which the hint names")
    func longLines() async throws {
        let title = String(repeating: "t", count: 1_500_000)
        let body =
            delta(#""content":"Hello","tasks":[{"actionType":"tool_result","title":"\#(title)"}]"#) + done
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
        try await TestServer.run { _ in
            .raw(head + body)
        } body: { server async throws in
            #expect(
                try await ask(server, nil) == .success("Hello"))
            #expect(
                try await ask(server, nil, limits: .init(maxEvent: 1 << 20))
                    == .failure(.lineTooLong, "the server sent a line longer than 1MiB"))
            #expect(
                try await ask(server, nil, limits: .init(maxAnswer: 1 << 10)) == .success("Hello"))
        }
    }

    @Test("the text of a whole answer is bounded, reasoning included")
    func longAnswer() throws {
        let rules = AnswerRules(streamEnd: .either, maxAnswer: 1024)
        let piece = String(repeating: "x", count: 600)
        for chunk in [content(piece), delta(#""reasoning_content":"\#(piece)""#), delta(#""refusal":"\#(piece)""#)] {
            var decoder = ChatDecoder(rules: rules)
            var events: [ChatEvent] = []
            func feed(_ text: String) throws {
                try Array(text.utf8).withUnsafeBytes {
                    try decoder.feed($0, redactor: ResponseRedactor(secrets: []), into: &events)
                }
            }
            try feed(chunk)
            let error = #expect(throws: MarketplaceError.self) { try feed(chunk) }
            #expect(error?.code == .answerTooLarge)
            #expect(error?.message == "the answer is longer than 1KiB")
        }
    }

    @Test("a character of the reasoning may lie over two deltas, with pieces of the answer between them")
    func splitReasoning() throws {
        var decoder = ChatDecoder()
        var events: [ChatEvent] = []
        let body =
            delta(#""reasoning_content":"a\ud83d""#) + delta(#""content":"b\ud83d","reasoning_content":"\ude00c""#)
            + delta(#""content":"\ude00","reasoning_content":"\ud83d""#) + done
        try Array(body.utf8).withUnsafeBytes {
            try decoder.feed($0, redactor: ResponseRedactor(secrets: []), into: &events)
        }
        #expect(
            events == [
                .reasoning("a"), .reasoning("😀c"), .text("b"), .text("😀"), .reasoning("\u{FFFD}"),
            ])
    }

    @Test("bytes of a character that lie over two deltas are put together")
    func splitBytes() throws {
        let character = Array("😀".utf8)
        for cut in 1..<4 {
            var decoder = ChatDecoder(rules: AnswerRules(streamEnd: .either))
            var events: [ChatEvent] = []
            let start = Array(#"data: {"choices":[{"delta":{"content":""#.utf8)
            let end = Array("\"}}]}\n\n".utf8)
            let bytes =
                start + Array("A".utf8) + character[..<cut] + end + start + character[cut...] + Array("B".utf8) + end
                + Array(done.utf8)
            try bytes.withUnsafeBytes { try decoder.feed($0, redactor: ResponseRedactor(secrets: []), into: &events) }
            #expect(events == [.text("A"), .text("😀B")], "cut at \(cut)")
        }
    }
}
