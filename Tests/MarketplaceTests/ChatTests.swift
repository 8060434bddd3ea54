import NIOHTTP1
import Testing

@testable import Marketplace

@Suite("A chat")
struct ChatTests {
    @Test("sends the documented request and gives the quickstart's stream")
    func quickstart() async throws {
        try await withBench { bench in
            async let events = bench.ask().collect()
            let exchange = try await bench.server.next()
            exchange.beginStream()
            exchange.text("Hel")
            exchange.text("lo")
            exchange.done()

            #expect(try await events == [.text("Hel"), .text("lo")])
            #expect(exchange.head.method == .POST)
            #expect(exchange.head.uri == chatPath)
            #expect(exchange.head.headers["Authorization"] == ["Bearer jwt-1"])
            #expect(exchange.head.headers["Content-Type"] == ["application/json"])
            #expect(
                exchange.body
                    == #"{"model":"AGENTIC STAR","stream":true,"stream_options":{"include_usage":true},"agentId":"agent-ai-bot","messages":[{"role":"user","content":"こんにちは"}]}"#
            )
            let token = bench.server.log.requests(to: tokenPath)
            #expect(token.map(\.body) == [#"{"client_id":"mp-service-001","client_secret":"s3cr3t/+ value?"}"#])
        }
    }

    @Test("gives the streaming guide's stream: comments, role, tasks, heartbeats, finish reason")
    func guide() async throws {
        try await withBench { bench in
            async let events = bench.ask().collect()
            let exchange = try await bench.server.next()
            exchange.beginStream()
            exchange.send(": connected\n\n")
            let head = #""createdAt":"2026-11-23T10:00:00Z","model":"AGENTIC STAR""#
            exchange.event(
                #"{\#(head),"choices":[{"index":0,"delta":{"role":"assistant","messageInfo":{"messageId":"m","conversationId":"c"}}}]}"#
            )
            exchange.event(#"{\#(head),"choices":[{"index":0,"delta":{"content":"sales"}}]}"#)
            exchange.send(": heartbeat\n\n")
            exchange.event(
                #"{\#(head),"choices":[{"index":0,"delta":{"content":"","tasks":[{"title":"success","status":"completed"}]}}]}"#
            )
            exchange.event(#"{\#(head),"choices":[{"index":0,"delta":{"content":"!"},"finishReason":"stop"}]}"#)
            exchange.done()

            let info = MessageInfo(messageID: "m", conversationID: "c", ids: ["messageId": "m", "conversationId": "c"])
            #expect(
                try await events == [
                    .role("assistant", info), .text("sales"), .task(AgentTask(title: "success", status: "completed")),
                    .text("!"), .finish(reason: "stop"),
                ])
        }
    }

    @Test("joins a character whose bytes come in different chunks")
    func splitCharacter() async throws {
        try await withBench { bench in
            async let events = bench.ask().collect()
            let exchange = try await bench.server.next()
            exchange.beginStream()
            for byte in #"data: {"choices":[{"delta":{"content":"こ🙂"}}]}"#.utf8 { exchange.send([byte]) }
            exchange.send("\r\n\r\n")
            exchange.done()
            #expect(try await events == [.text("こ🙂")])
        }
    }

    @Test(
        "an OpenAI-compatible server: bearer token, /v1, null content, role in every chunk, usage chunk without choices"
    )
    func openAI() async throws {
        try await withBench(authentication: .bearer("sk-local"), answer: { _ in false }) { bench in
            async let events = bench.ask().collect()
            let exchange = try await bench.server.next()
            exchange.beginStream()
            exchange.event(
                #"{"choices":[{"index":0,"delta":{"role":"assistant","content":null},"finish_reason":null}]}"#)
            exchange.event(
                #"{"choices":[{"index":0,"delta":{"role":"assistant","content":"Hi"},"finish_reason":null}]}"#)
            exchange.event(#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"timings":{"ms":1.5}}"#)
            exchange.event(#"{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}"#)
            exchange.done()
            #expect(
                try await events == [
                    .role("assistant", nil), .text("Hi"), .finish(reason: "stop"),
                    .usage(TokenUsage(promptTokens: 1, completionTokens: 2, totalTokens: 3)),
                ])
            #expect(exchange.head.uri == "/v1/chat/completions")
            #expect(exchange.head.headers["Authorization"] == ["Bearer sk-local"])
        }
    }

    @Test("a request may name agent, model, schema and idempotency key")
    func options() async throws {
        try await withBench { bench in
            let request = ChatRequest(
                messages: [
                    ChatMessage(role: "system", content: "Be \"brief\"\n"), ChatMessage(role: "user", content: "x"),
                ],
                agentID: "other", model: "m", responseSchema: #"{"type":"object"}"#, idempotencyKey: "run-1")
            async let events = bench.client.chat(request).batches.collect()
            let exchange = try await bench.server.next()
            exchange.beginStream()
            exchange.text("a")
            exchange.done()
            #expect(try await events.flatMap { $0 } == [.text("a")])
            #expect(exchange.head.headers["Idempotency-Key"] == ["run-1"])
            #expect(
                exchange.body
                    == #"{"model":"m","stream":true,"stream_options":{"include_usage":true},"agentId":"other","messages":[{"role":"system","content":"Be \"brief\"\n"},{"role":"user","content":"x"}],"response_format":{"type":"json_schema","json_schema":{"name":"response","schema":{"type":"object"}}}}"#
            )
        }
    }

    @Test("what cannot be sent is refused before anything is sent")
    func invalidRequests() async throws {
        try await withBench { bench in
            let message = ChatMessage(role: "user", content: "x")
            let none = try await bench.client.chat(ChatRequest(messages: [])).failure().error
            expect(
                none, .invalidRequest, "the request holds no message",
                hint: "give at least one message with a role and a content")
            let schema = try await bench.client.chat(ChatRequest(messages: [message], responseSchema: "{type}"))
                .failure().error
            expect(
                schema, .invalidRequest,
                #"the response schema "{type}" is not JSON: line 1, column 2: expected a key in quotes, found 't'"#,
                hint: #"give the schema as JSON text, for example {"type":"object"}"#)
            let list = try await bench.client.chat(ChatRequest(messages: [message], responseSchema: "[]")).failure()
                .error
            #expect(list.message == #"the response schema "[]" is not a JSON object"#)
            let key = try await bench.client.chat(ChatRequest(messages: [message], idempotencyKey: "a\nb")).failure()
                .error
            #expect(key.message == #"the idempotency key "a b" cannot be sent in a header"#)
            #expect(bench.server.log.requests(to: chatPath).isEmpty)
        }
    }

    @Test("the connection is used again behind [DONE]")
    func reuse() async throws {
        try await withBench(authentication: .none, answer: { _ in false }) { bench in
            for _ in 0..<3 {
                async let events = bench.ask().collect()
                let exchange = try await bench.server.next()
                exchange.beginStream()
                exchange.text("a")
                exchange.done()
                #expect(try await events == [.text("a")])
            }
        }
    }
}
