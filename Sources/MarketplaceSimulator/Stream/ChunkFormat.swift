/// The events of a stream, each ready to be sent with its empty line.
struct ChunkFormat: Sendable {
    static let connected = ": connected\n\n"
    static let heartbeat = ": heartbeat\n\n"
    static let done = event("[DONE]")
    /// Broken off in the middle of a value.
    static let malformed = event(#"{"choices":[{"delta":{"content":"#)
    static let error = event(
        #"{"error":{"code":"agent_failed","message":"Simulated: the agent failed while it was answering."}}"#)

    let shape: SimulatorConfiguration.Shape
    let model: String
    let conversationID: String
    let messageID: String
    /// Milliseconds since 1970.
    let now: Int64

    static func event(_ data: String) -> String { "data: \(data)\n\n" }

    /// The role chunk, which alone carries `messageInfo`.
    func role() -> String {
        let info: JSONValue = ["messageId": .string(messageID), "conversationId": .string(conversationID)]
        return chunk(["role": "assistant", "messageInfo": info])
    }

    /// What the agent is doing.
    func task(_ actionType: String, title: String, status: String) -> String {
        let task: JSONValue = [
            "messageId": .string(messageID), "conversationId": .string(conversationID),
            "actionType": .string(actionType), "callId": .string(StableHash.uuid(messageID, "call")),
            "title": .string(title), "status": .string(status), "timestamp": .number(String(now)),
        ]
        return chunk(["content": "", "tasks": [task]])
    }

    /// A piece of the text; the last one of the guide's shape carries the reason for the end.
    func text(_ content: String, isLast: Bool = false) -> String {
        chunk(["content": .string(content)], finishReason: isLast ? "stop" : nil)
    }

    private func chunk(_ delta: JSONValue, finishReason: String? = nil) -> String {
        switch shape {
        case .quickstart:
            let chunk: JSONValue = ["choices": [["delta": delta]]]
            return Self.event(chunk.text)
        case .guide:
            var choice: [JSONValue.Member] = [.init(key: "index", value: 0), .init(key: "delta", value: delta)]
            if let finishReason { choice.append(.init(key: "finishReason", value: .string(finishReason))) }
            let chunk: JSONValue = [
                "createdAt": .string(WallClock.timestamp(milliseconds: now)), "model": .string(model),
                "choices": [.object(choice)],
            ]
            return Self.event(chunk.text)
        }
    }
}
