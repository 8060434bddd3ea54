import RunnelSupport
import RunnelValue
import Testing

@testable import Marketplace

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

@Suite("Chunks")
struct ChunkTests {
    @Test("scanner, general decoder and a decoder from elsewhere agree on thousands of generated chunks")
    func agreement() throws {
        var generator = ChunkGenerator(seed: 20_261_123)
        var scanned = 0
        for _ in 0..<20_000 {
            let chunk = generator.chunk()
            let bytes = Array(chunk.utf8)
            let general = events(bytes)
            if let fast = scan(bytes) {
                scanned += 1
                #expect(.success(fast) == general, "\(chunk)")
            }
            if case .success(let events) = general,
                let reference = try? JSONDecoder().decode(Reference.self, from: Data(bytes))
            {
                #expect(text(of: events) == reference.text, "\(chunk)")
            }
        }
        // The fast way must be the usual one, or the comparison says nothing.
        #expect(scanned > 8000)
    }

    @Test("scanner and general decoder agree on chunks with a byte changed, left out or doubled")
    func agreementOnDamage() throws {
        var generator = ChunkGenerator(seed: 7)
        var bothWays = (accepted: 0, refused: 0)
        for _ in 0..<20_000 {
            var bytes = Array(generator.chunk().utf8)
            generator.damage(&bytes)
            let general = events(bytes)
            if let fast = scan(bytes) {
                bothWays.accepted += 1
                #expect(.success(fast) == general, "\(String(decoding: bytes, as: UTF8.self))")
            } else {
                bothWays.refused += 1
            }
        }
        #expect(bothWays.accepted > 1000)
        #expect(bothWays.refused > 1000)
    }

    @Test(
        "the two documented shapes take the fast way",
        arguments: [
            #"{"choices":[{"delta":{"content":"Hello"}}]}"#,
            #"{"createdAt":"2026-11-23T10:00:00Z","model":"AGENTIC STAR","choices":[{"index":0,"delta":{"content":"Hello"}}]}"#,
            #"{"id":"x","object":"chat.completion.chunk","created":1,"choices":[{"index":0,"delta":{"content":"Hello"},"finish_reason":null}],"usage":null}"#,
            #" { "choices" : [ { "delta" : { "content" : "\u0048el\u006Co" } } ] } "#,
        ])
    func fastShapes(_ chunk: String) {
        #expect(scan(Array(chunk.utf8)) == [.text("Hello")])
    }

    @Test(
        "escapes, surrogate pairs and half of one are read alike",
        arguments: [
            (#"\"\\\/\b\f\n\r\t"#, "\"\\/\u{8}\u{C}\n\r\t"), (#"\u3053\u3093"#, "こん"), (#"\ud83d\ude42!"#, "🙂!"),
            (#"\ud83d."#, "\u{FFFD}."), (#"\ude42"#, "\u{FFFD}"), (#"\ud83d\u0041"#, "\u{FFFD}A"), (#"\u0000"#, "\0"),
        ])
    func escapes(_ escaped: String, _ expected: String) {
        let bytes = Array(#"{"choices":[{"delta":{"content":"\#(escaped)"}}]}"#.utf8)
        #expect(scan(bytes) == [.text(expected)])
        #expect(events(bytes) == .success([.text(expected)]))
    }

    @Test("the role chunk gives the role and the ids it carries")
    func role() {
        let chunk =
            #"{"choices":[{"index":0,"delta":{"role":"assistant","content":null,"messageInfo":{"messageId":"m-1","conversationId":"c-1","parentId":17,"note":"x"}}}]}"#
        let info = MessageInfo(
            messageID: "m-1", conversationID: "c-1",
            ids: ["messageId": "m-1", "conversationId": "c-1", "parentId": "17"])
        #expect(events(Array(chunk.utf8)) == .success([.role("assistant", info)]))
    }

    @Test("a chunk may carry text, tasks, the finish reason and the usage at once, and fields nobody knows")
    func everything() {
        let chunk =
            #"{"x":[1,{"y":2}],"choices":[{"index":0,"delta":{"content":"a","z":{},"tasks":[{"messageId":"m","conversationId":"c","actionType":"tool_result","callId":"u","title":"success","status":"completed","timestamp":1773499412706,"new":true}]},"finishReason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}}"#
        let task = AgentTask(
            messageID: "m", conversationID: "c", actionType: "tool_result", callID: "u", title: "success",
            status: "completed", timestamp: 1_773_499_412_706)
        #expect(
            events(Array(chunk.utf8))
                == .success([
                    .text("a"), .task(task), .finish(reason: "stop"),
                    .usage(TokenUsage(promptTokens: 3, completionTokens: 4, totalTokens: 7)),
                ]))
    }

    @Test("finish_reason and usage in camel case are read, too")
    func otherSpellings() {
        let chunk = #"{"choices":[{"delta":{},"finish_reason":"length"}],"usage":{"promptTokens":1,"totalTokens":2}}"#
        #expect(
            events(Array(chunk.utf8))
                == .success([
                    .finish(reason: "length"), .usage(TokenUsage(promptTokens: 1, totalTokens: 2)),
                ]))
    }

    @Test(
        "an invalid token count is unknown, and a usage without valid counts is ignored",
        arguments: [
            (#"{"prompt_tokens":"12","completion_tokens":-5}"#, TokenUsage(promptTokens: 12)),
            (#"{"prompt_tokens":0,"completion_tokens":9223372036854775807}"#, TokenUsage(promptTokens: 0)),
            (#"{"prompt_tokens":null,"total_tokens":1e300,"cost":"x"}"#, nil), ("{}", nil),
        ] as [(String, TokenUsage?)])
    func implausibleUsage(usage: String, read: TokenUsage?) {
        let chunk = #"{"choices":[],"usage":\#(usage)}"#
        #expect(events(Array(chunk.utf8)) == .success(read.map { [ChatEvent.usage($0)] } ?? []))
    }

    @Test(
        "tokens of the cache that a server does not count among those of the prompt are added to them",
        arguments: [
            (#"{"input_tokens":10,"cache_read_input_tokens":5000,"cache_creation_input_tokens":3000}"#, 8010, 5000),
            (#"{"input_tokens":10,"cache_read_input_tokens":0,"cache_creation_input_tokens":3}"#, 13, 0),
            (#"{"input_tokens":10,"cache_creation_input_tokens":3}"#, 13, nil),
            (#"{"prompt_tokens":10,"prompt_tokens_details":{"cached_tokens":5000}}"#, 5010, 5000),
            (#"{"prompt_tokens":8010,"cache_read_input_tokens":5000,"cache_creation_input_tokens":3000}"#, 8010, 5000),
            (#"{"input_tokens":10,"input_tokens_details":{"cached_tokens":8}}"#, 10, 8),
        ] as [(String, Int, Int?)])
    func cachedTokens(usage: String, prompt: Int, cached: Int?) {
        let chunk = #"{"choices":[],"usage":\#(usage)}"#
        #expect(
            events(Array(chunk.utf8))
                == .success([.usage(TokenUsage(promptTokens: prompt, cachedTokens: cached))]))
    }

    @Test("two reports of one call are joined, and what the total has beyond the prompt is output")
    func joinedUsage() {
        let grok = TokenUsage(promptTokens: 32, completionTokens: 9, totalTokens: 100_041)
        #expect(grok.joined(with: TokenUsage()).completionTokens == 100_009)
        let start = TokenUsage(promptTokens: 50, completionTokens: 0, totalTokens: 50)
        let end = TokenUsage(promptTokens: 0, completionTokens: 9, totalTokens: 59)
        #expect(
            end.joined(with: start) == TokenUsage(promptTokens: 50, completionTokens: 9, totalTokens: 59))
        #expect(TokenUsage(completionTokens: 9).joined(with: TokenUsage(promptTokens: 3)).totalTokens == nil)
    }

    @Test(
        "numbers that JSON does not have do not lose the text beside them",
        arguments: [
            #"{"choices":[{"delta":{"content":"b"},"logprobs":{"content":[{"logprob":-Infinity}]}}]}"#,
            #"{"choices":[{"delta":{"content":"b"}}],"usage":{"tps":NaN}}"#,
        ])
    func noNumbers(_ chunk: String) {
        #expect(events(Array(chunk.utf8)) == .success([.text("b")]))
    }

    @Test(
        "an error that says nothing is none, and an empty list is an empty delta",
        arguments: [
            #"{"choices":[{"delta":{"content":"b"}}],"error":{"message":"","code":0}}"#,
            #"{"choices":[{"delta":{"content":"b"}}],"error":{"message":null,"code":null}}"#,
            #"{"choices":[{"delta":{"content":"b"}}],"error":{"code":0.0,"details":[],"inner":{"code":0}}}"#,
            #"{"choices":[{"delta":{"content":"b"}}],"error":0}"#,
            #"{"choices":[{"delta":{"content":"b"},"error":{"message":""}}]}"#,
            #"{"choices":[{"delta":{"content":"b","error":{"code":0}}}]}"#,
            #"{"choices":[{"delta":[]},{"delta":{"content":"b"}}]}"#,
        ])
    func fillers(_ chunk: String) {
        #expect(events(Array(chunk.utf8)) == .success([.text("b")]))
    }

    @Test("other alternatives than the first are not mixed into the text")
    func alternatives() {
        let chunk = #"{"choices":[{"index":1,"delta":{"content":"b"}},{"index":0,"delta":{"content":"a"}}]}"#
        #expect(scan(Array(chunk.utf8)) == nil)
        #expect(events(Array(chunk.utf8)) == .success([.text("a")]))
    }

    @Test("nesting deeper than 64 levels is refused")
    func depth() {
        func nested(_ depth: Int) -> [UInt8] {
            Array((#"{"x":"# + String(repeating: "[", count: depth) + String(repeating: "]", count: depth) + "}").utf8)
        }
        #expect(events(nested(63)) == .success([]))
        #expect(
            events(nested(65)) == .failure("it is not JSON (line 1, column 70: nested deeper than 64 levels)"))
    }

    @Test("a document of too many values is refused, so that its memory stays in proportion")
    func values() {
        func list(_ count: Int) -> [UInt8] {
            Array((#"{"x":["# + String(repeating: "0,", count: count - 1) + "0]}").utf8)
        }
        #expect(events(list((1 << 20) - 2)) == .success([]))
        #expect(
            events(list(1 << 20))
                == .failure("it is not JSON (line 1, column 2097155: more than 1048576 values)"))
    }

    // MARK: Helpers

    private enum Outcome: Equatable {
        case success([ChatEvent])
        case failure(String)
        case error(ServerMessage)
    }

    private func scan(_ bytes: [UInt8]) -> [ChatEvent]? {
        bytes.withUnsafeBytes { raw in
            guard let match = ChunkScanner.scan(raw) else { return nil }
            let text = JSONCursor(raw).value(of: match.text, keepingHalves: true).string ?? ""
            return text.isEmpty ? [] : [.text(text)]
        }
    }

    private func events(_ bytes: [UInt8]) -> Outcome {
        bytes.withUnsafeBytes { raw in
            do throws(ChunkDecoder.Failure) {
                var events: [ChatEvent] = []
                for part in try ChunkDecoder.decode(raw) {
                    switch part {
                    case .event(let event): events.append(event)
                    case .piece(.answer, let piece): events.append(.text(piece.text))
                    case .piece(.reasoning, let piece): events.append(.reasoning(piece.text))
                    case .piece(.refusal, _), .toolCall, .question, .failure, .foreign: break
                    case .error(let message): return .error(message)
                    }
                }
                return .success(events)
            } catch {
                return .failure(error.what)
            }
        }
    }

    private func text(of events: [ChatEvent]) -> String {
        events.map { if case .text(let text) = $0 { text } else { "" } }.joined()
    }

    /// What the standard library's decoder makes of a chunk.
    private struct Reference: Decodable {
        struct Choice: Decodable {
            struct Delta: Decodable { var content: String? }
            var index: Int?
            var delta: Delta?
        }
        var choices: [Choice]

        var text: String { choices.filter { ($0.index ?? 0) == 0 }.compactMap(\.delta?.content).joined() }
    }
}
