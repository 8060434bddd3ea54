import RunnelValue
import Testing

@testable import MarketplaceSimulator

@Suite("Stream script")
struct StreamScriptTests {
    private func request(_ prompt: String) throws -> ParsedChatRequest {
        try ParsedChatRequest(Value.json(Caller.chatBody(prompt)))
    }

    private func body(_ steps: [StreamStep]) -> String {
        steps.map { if case .send(let text) = $0 { text } else { "" } }.joined()
    }

    private static let head =
        #"data: {"createdAt":"2026-11-23T16:30:00.123Z","model":"AGENTIC STAR","choices":[{"index":0,"delta":"#

    @Test("the guide's shape has every documented kind of line, in order")
    func guide() throws {
        let request = try request("?")
        let message = StableHash.uuid("message", StableHash.hexadecimal(StableHash("user", "?").value))
        let ids = #""messageId":"\#(message)","conversationId":"\#(StableHash.uuid("conversation", "?"))""#
        let call = #""callId":"\#(StableHash.uuid(message, "call"))""#
        var expected = ": connected\n\n"
        expected += Self.head + #"{"role":"assistant","messageInfo":{\#(ids)}}}]}"# + "\n\n"
        expected += Self.head + #"{"content":"","tasks":[{\#(ids),"actionType":"tool_call",\#(call),"#
        expected += #""title":"read_message","status":"running","timestamp":1795451400123}]}}]}"# + "\n\n"
        expected += Self.head + #"{"content":"","tasks":[{\#(ids),"actionType":"tool_result",\#(call),"#
        expected += #""title":"success","status":"completed","timestamp":1795451400123}]}}]}"# + "\n\n"
        for word in [
            "Simulated ", "answer: ", "no ", "model ", "has ", "read ", "this. ", "The ", "message ", "has ", "0 ",
        ] {
            expected += Self.head + #"{"content":"\#(word)"}}]}"# + "\n\n"
        }
        expected += Self.head + #"{"content":"words."},"finishReason":"stop"}]}"# + "\n\ndata: [DONE]\n\n"
        #expect(body(StreamScript.steps(for: request, fault: nil, configuration: .quick())) == expected)
    }

    @Test("the quickstart's shape has text and [DONE] only, by setting or by fault")
    func quickstart() throws {
        let request = try request("?")
        let bySetting = StreamScript.steps(
            for: request, fault: nil, configuration: .quick { $0.shape = .quickstart })
        #expect(body(bySetting).hasPrefix(#"data: {"choices":[{"delta":{"content":"Simulated "}}]}"# + "\n\n"))
        #expect(
            body(bySetting).hasSuffix(#"data: {"choices":[{"delta":{"content":"words."}}]}"# + "\n\ndata: [DONE]\n\n"))
        #expect(body(bySetting).split(separator: "\n\n").count == 13)
        #expect(StreamScript.steps(for: request, fault: .quickstartShape, configuration: .quick()) == bySetting)
    }

    @Test("a pause longer than the heartbeat's interval has heartbeats in it")
    func heartbeats() throws {
        let configuration = SimulatorConfiguration.quick {
            $0.heartbeat = .seconds(2)
            $0.slowStart = .seconds(5)
        }
        let steps = StreamScript.steps(for: try request("?"), fault: .slowStart, configuration: configuration)
        #expect(
            steps.prefix(6) == [
                .pause(.seconds(2)), .send(": heartbeat\n\n"), .pause(.seconds(2)), .send(": heartbeat\n\n"),
                .pause(.seconds(1)), .send(": connected\n\n"),
            ])
    }

    @Test("the pace is a pause before each piece of text")
    func pace() throws {
        let steps = StreamScript.steps(
            for: try request("?"), fault: .quickstartShape, configuration: .quick { $0.pace = .milliseconds(3) })
        #expect(steps.count { $0 == .pause(.milliseconds(3)) } == 12)
        #expect(steps.first == .pause(.milliseconds(3)))
    }

    @Test(
        "faults of the stream end it in their way after half of the text",
        arguments: [
            (.stall, .stall(heartbeat: nil)), (.stallWithHeartbeats, .stall(heartbeat: .seconds(30))),
            (.resetMidStream, .reset), (.errorMidStream, .send(ChunkFormat.error)),
            (.cutOff, .send("data: {\"choices\":[{\"delta\":{\"content\":\"read \"}}]}\n\n")),
        ] as [(Fault, StreamStep)])
    func ends(fault: Fault, last: StreamStep) throws {
        let configuration = SimulatorConfiguration.quick { $0.shape = .quickstart }
        let steps = StreamScript.steps(for: try request("?"), fault: fault, configuration: configuration)
        #expect(steps.last == last)
        #expect(body(Array(steps.prefix(6))).contains("read "))
        #expect(!body(steps).contains("[DONE]"))
    }

    @Test("an empty answer still ends in the documented way; broken JSON and a huge line stand in the middle")
    func whole() throws {
        let empty = StreamScript.steps(for: try request("?"), fault: .emptyAnswer, configuration: .quick())
        #expect(try Caller.text(of: body(empty)) == "")
        #expect(body(empty).contains(#""finishReason":"stop""#))
        #expect(empty.last == .send("data: [DONE]\n\n"))
        let malformed = StreamScript.steps(for: try request("?"), fault: .malformedJSON, configuration: .quick())
        #expect(malformed.contains(.send("data: {\"choices\":[{\"delta\":{\"content\":\n\n")))
        #expect(malformed.last == .send("data: [DONE]\n\n"))
        let huge = StreamScript.steps(for: try request("?"), fault: .hugeLine, configuration: .quick())
        #expect(body(huge).utf8.split(separator: 0x0A).contains { $0.count > 16 * 1_048_576 })
    }

    @Test(
        "ends that are no success, and ends of other servers, stand at the end of the stream",
        arguments: [
            (.missingDone, #"{"index":0,"delta":{"content":""},"finishReason":"stop"}]}"# + "\n\n"),
            (.doneWithoutBlankLine, "data: [DONE]"),
            (
                .finishError,
                #"{"index":0,"delta":{"content":"Simulated: the agent failed while it was answering."},"finishReason":"error"}]}"#
                    + "\n\ndata: [DONE]\n\n"
            ),
            (.finishLength, #""finishReason":"length"}]}"# + "\n\ndata: [DONE]\n\n"),
            (.contentFilter, #""finishReason":"content_filter"}]}"# + "\n\ndata: [DONE]\n\n"),
            (.toolCall, #""finishReason":"tool_calls"}]}"# + "\n\ndata: [DONE]\n\n"),
            (.interactionRequired, #""finishReason":"stop"}]}"# + "\n\ndata: [DONE]\n\n"),
            (.flatError, #""code":400}"# + "\n\ndata: [DONE]\n\n"),
        ] as [(Fault, String)])
    func otherEnds(fault: Fault, end: String) throws {
        for shape in SimulatorConfiguration.Shape.allCases {
            // The guide's shape has its reason in the last piece of the text.
            if fault == .missingDone, shape == .guide { continue }
            let steps = StreamScript.steps(
                for: try request("?"), fault: fault, configuration: .quick { $0.shape = shape })
            #expect(body(steps).hasSuffix(end), "\(body(steps))")
        }
    }

    @Test("a refusal has no text, and the shapes of other servers have the whole")
    func otherShapes() throws {
        let configuration = SimulatorConfiguration.quick { $0.shape = .quickstart }
        func body(_ fault: Fault) throws -> String {
            self.body(StreamScript.steps(for: try request("?"), fault: fault, configuration: configuration))
        }
        #expect(
            try body(.refusal).hasPrefix(
                #"data: {"choices":[{"delta":{"content":null,"refusal":"Simulated: I cannot "}}]}"# + "\n\n"))
        #expect(try !body(.refusal).contains("model has read"))
        #expect(try body(.contentParts).contains(#"{"content":[{"type":"text","text":"model "}]}"#))
        #expect(try body(.emptyEvents).contains("data:\n\ndata: \n\ndata\n\nevent: ping\n"))
        #expect(try body(.splitCharacter).contains(#"{"content":"\ud83d"}"#))
    }
}
