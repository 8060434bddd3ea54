/// Reads a chunk of any shape the API documents, from its JSON.
enum ChunkDecoder {
    /// What a chunk holds: events, or the error that the server reports in it.
    enum Content: Equatable {
        case events([ChatEvent])
        case error(ServerMessage)
    }

    /// The chunk cannot be what the API sends.
    struct Failure: Error, Equatable {
        var what: String
    }

    static func decode(_ bytes: UnsafeRawBufferPointer) throws(Failure) -> Content {
        let document: JSONValue
        do { document = try JSONReader.read(bytes) } catch {
            throw Failure(what: "it is not JSON (\(error.what), byte \(error.offset))")
        }
        guard document.isObject else { throw Failure(what: "it is not a JSON object") }
        if let error = ServerMessage(reportedIn: document) { return .error(error) }

        var events: [ChatEvent] = []
        switch document["choices"] {
        case nil, .null: break
        case .array(let choices):
            for choice in choices { try read(choice, into: &events) }
        default: throw Failure(what: "its \"choices\" is not a list")
        }
        if let usage = usage(document["usage"]) { events.append(.usage(usage)) }
        return .events(events)
    }

    private static func read(_ choice: JSONValue, into events: inout [ChatEvent]) throws(Failure) {
        guard choice.isObject else { throw Failure(what: "an entry of its \"choices\" is not an object") }
        // Further alternatives are never asked for; were they sent, mixing them into one text would be wrong.
        if let index = choice["index"]?.integer, index != 0 { return }
        if let delta = choice["delta"], delta != .null {
            guard delta.isObject else { throw Failure(what: "its \"delta\" is not an object") }
            let info = messageInfo(delta["messageInfo"])
            if let role = delta["role"]?.string {
                events.append(.role(role, info))
            } else if let info {
                events.append(.role("assistant", info))
            }
            switch delta["content"] {
            case nil, .null, .string(""): break
            case .string(let text): events.append(.text(text))
            default: throw Failure(what: "its \"content\" is not a string")
            }
            for task in delta["tasks"]?.elements ?? [] where task.isObject { events.append(.task(agentTask(task))) }
        }
        if let reason = choice.first(of: "finishReason", "finish_reason")?.text {
            events.append(.finish(reason: reason))
        }
    }

    private static func messageInfo(_ value: JSONValue?) -> MessageInfo? {
        guard case .object(let members)? = value else { return nil }
        var info = MessageInfo()
        for member in members where ["id", "Id", "ID"].contains(where: member.name.hasSuffix) {
            if let text = member.value.text { info.ids[member.name] = text }
        }
        info.messageID = info.ids["messageId"] ?? info.ids["message_id"] ?? info.ids["id"]
        info.conversationID = info.ids["conversationId"] ?? info.ids["conversation_id"]
        return info
    }

    private static func agentTask(_ value: JSONValue) -> AgentTask {
        AgentTask(
            messageID: value.first(of: "messageId", "message_id")?.text,
            conversationID: value.first(of: "conversationId", "conversation_id")?.text,
            actionType: value.first(of: "actionType", "action_type")?.text,
            callID: value.first(of: "callId", "call_id")?.text,
            title: value["title"]?.text,
            status: value["status"]?.text,
            timestamp: value["timestamp"]?.integer)
    }

    private static func usage(_ value: JSONValue?) -> TokenUsage? {
        guard let value, value.isObject else { return nil }
        func count(_ snake: String, _ camel: String) -> Int? {
            value.first(of: snake, camel)?.integer.flatMap { Int(exactly: $0) }
        }
        return TokenUsage(
            promptTokens: count("prompt_tokens", "promptTokens"),
            completionTokens: count("completion_tokens", "completionTokens"),
            totalTokens: count("total_tokens", "totalTokens"))
    }
}
