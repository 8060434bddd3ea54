internal import RunnelSupport
internal import RunnelValue

/// The events of a stream, each ready to be sent with its empty line.
struct ChunkFormat: Sendable {
    static let connected = SSEWriter.comment("connected")
    static let heartbeat = SSEWriter.comment("heartbeat")
    static let done = event("[DONE]")
    /// Broken off in the middle of a value.
    static let malformed = event(#"{"choices":[{"delta":{"content":"#)
    static let error = event(
        #"{"error":{"code":"agent_failed","message":"Simulated: the agent failed while it was answering."}}"#)
    /// As older servers of the OpenAI style send it.
    static let flatError = event(
        #"{"object":"error","message":"Simulated: the context is too long.","type":"BadRequestError","code":400}"#)
    /// Nothing is said in any of them.
    static let emptyEvents = "data:\n\ndata: \n\ndata\n\nevent: ping\n" + event(#"{"type":"ping"}"#)
    /// The two halves of a surrogate pair.
    static let splitCharacter = [
        event(#"{"choices":[{"delta":{"content":"\ud83d"}}]}"#),
        event(#"{"choices":[{"delta":{"content":"\ude00 "}}]}"#),
    ]

    let shape: SimulatorConfiguration.Shape
    let model: String
    let conversationID: String
    let messageID: String
    /// Milliseconds since 1970.
    let now: Int64

    static func event(_ data: String) -> String { SSEWriter.event(data: data) }

    /// The role chunk, which alone carries `messageInfo`.
    func role() -> String {
        let info: Value = ["messageId": .string(messageID), "conversationId": .string(conversationID)]
        return chunk(["role": "assistant", "messageInfo": info])
    }

    /// What the agent is doing.
    func task(_ actionType: String, title: String, status: String) -> String {
        let task: Value = [
            "messageId": .string(messageID), "conversationId": .string(conversationID),
            "actionType": .string(actionType), "callId": .string(StableHash.uuid(messageID, "call")),
            "title": .string(title), "status": .string(status), "timestamp": .int(now),
        ]
        return chunk(["content": "", "tasks": [task]])
    }

    /// A piece of the text; the last one of the guide's shape carries the reason for the end.
    func text(_ content: String, isLast: Bool = false) -> String {
        chunk(["content": .string(content)], finishReason: isLast ? "stop" : nil)
    }

    /// A piece of the text as a list of parts.
    func parts(_ content: String) -> String {
        chunk(["content": [["type": "text", "text": .string(content)]]])
    }

    func thinking(_ text: String) -> String {
        chunk(["content": [["type": "thinking", "thinking": [["type": "text", "text": .string(text)]]]]])
    }

    func refusal(_ piece: String) -> String {
        chunk(["content": .null, "refusal": .string(piece)])
    }

    func toolCall(_ name: String) -> String {
        let function: Value = ["name": .string(name), "arguments": "{}"]
        return chunk(["tool_calls": [["index": 0, "id": "call-1", "type": "function", "function": function]]])
    }

    func permissionRequest(_ question: String) -> String {
        chunk(["permission_request": ["message": .string(question), "conversationId": .string(conversationID)]])
    }

    /// A reason for the end by itself, in either shape.
    func finish(_ reason: String, content: String = "") -> String {
        let choice: Value = ["index": 0, "delta": ["content": .string(content)], "finishReason": .string(reason)]
        let chunk: Value = ["choices": [choice]]
        return Self.event(chunk.json())
    }

    /// What the chat has used, without a choice.
    func usage(_ usage: SimulatedUsage) -> String {
        let chunk: Value = [
            "choices": [],
            "usage": [
                "prompt_tokens": .int(Int64(usage.inputTokens)), "completion_tokens": .int(Int64(usage.outputTokens)),
                "total_tokens": .int(Int64(usage.inputTokens + usage.outputTokens)),
                "prompt_tokens_details": ["cached_tokens": 0],
            ],
        ]
        return Self.event(chunk.json())
    }

    private func chunk(_ delta: Value, finishReason: String? = nil) -> String {
        switch shape {
        case .quickstart:
            let chunk: Value = ["choices": [["delta": delta]]]
            return Self.event(chunk.json())
        case .guide:
            var choice: ValueObject = ["index": 0, "delta": delta]
            choice["finishReason"] = finishReason.map { .string($0) }
            let chunk: Value = [
                "createdAt": .string(Timestamp.text(nanoseconds: now * 1_000_000)), "model": .string(model),
                "choices": [.object(choice)],
            ]
            return Self.event(chunk.json())
        }
    }
}
