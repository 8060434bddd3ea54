internal import RunnelSupport
internal import RunnelValue

/// Reads a chunk of any shape the API documents, from its JSON.
enum ChunkDecoder {
    enum Part: Equatable {
        /// Anything but text, of the answer or beside it.
        case event(ChatEvent)
        case piece(Voice, Piece)
        /// A call of a tool, with its name if that is in this piece of it.
        case toolCall(name: String?)
        case question(AgentQuestion)
        /// The generation failed.
        case failure(ServerMessage)
        /// The server reports an error in place of an answer.
        case error(ServerMessage)
        /// The event is of another API; with what it calls itself.
        case foreign(name: String?)
    }

    /// What a piece of text belongs to.
    enum Voice {
        case answer, reasoning, refusal
    }

    /// A piece of text, never empty.
    enum Piece: Equatable {
        case whole(String)
        /// With a part of a character at an end, see ``TextJoiner``.
        case unjoined([UInt8])

        /// Nil where the value is no text, or empty.
        init?(_ value: Value?) {
            switch value {
            case .string(let text) where !text.isEmpty: self = .whole(text)
            case .bytes(let bytes): self = .unjoined(bytes)
            default: return nil
            }
        }

        /// The piece by itself.
        var text: String {
            switch self {
            case .whole(let text): text
            case .unjoined(let bytes): TextJoiner.repaired(bytes)
            }
        }
    }

    /// The chunk cannot be what the API sends.
    struct Failure: Error, Equatable {
        var what: String
    }

    /// The parts of a chunk in order; the usage is the last of them.
    ///
    /// - Parameters:
    ///   - readsMessage: Whether a whole `message` is read as the delta if a choice has none. Some servers repeat the
    ///     whole answer as a `message` in their last chunk.
    ///   - isNamed: Whether the event has a type of its own. Such an event may tell of a tool's failure, for example, so
    ///     only what is surely an error of the answer is one.
    static func decode(
        _ bytes: UnsafeRawBufferPointer, readsMessage: Bool = true, isNamed: Bool = false
    ) throws(Failure) -> [Part] {
        let document: Value
        do { document = try Value.received(bytes) } catch {
            throw Failure(what: "it is not JSON (\(error))")
        }
        if document.isNothing { return [] }
        let sole = document.asList.flatMap { $0.count == 1 ? $0[0] : nil }
        let error = ServerMessage(reportedIn: sole ?? document, isNamed: isNamed)
        guard document.isObject || error != nil else { throw Failure(what: "it is not a JSON object") }
        var parts: [Part] = []
        if let error {
            let reason = document["choices"]?.asList?.first.flatMap(finishReason)
            parts.append(reason.map { FinishKind($0) } == .failure ? .failure(error) : .error(error))
        } else {
            try read(choices: document["choices"], in: document, readsMessage: readsMessage, into: &parts)
        }
        if parts.isEmpty, document["choices"] == nil, document["usage"] == nil {
            let name = document.first(of: "type", "object", "event")?.string
            if !isHeartbeat(name) { parts.append(.foreign(name: name)) }
        }
        // The Responses API and Anthropic's have it one level deeper.
        let count = document["usage"] ?? document["response"]?["usage"] ?? document["message"]?["usage"]
        if let usage = usage(count) { parts.append(.event(.usage(usage))) }
        return parts
    }

    /// Whether an event of this name tells nothing but that the server is alive.
    static func isHeartbeat(_ name: String?) -> Bool {
        ["ping", "heartbeat", "keepalive", "keep-alive"].contains(name?.lowercased())
    }

    private static func read(
        choices: Value?, in document: Value, readsMessage: Bool, into parts: inout [Part]
    ) throws(Failure) {
        switch choices {
        case nil, .null: break
        case .list(let choices):
            for choice in choices where choice != .null {
                try read(choice, in: document, readsMessage: readsMessage, into: &parts)
            }
        default: throw Failure(what: "its \"choices\" is not a list")
        }
    }

    private static func read(
        _ choice: Value, in document: Value, readsMessage: Bool, into parts: inout [Part]
    ) throws(Failure) {
        guard choice.isObject else { throw Failure(what: "an entry of its \"choices\" is not an object") }
        // Further alternatives are never asked for; were they sent, mixing them into one text would be wrong.
        if let index = choice["index"]?.integer, index != 0 { return }
        let reason = finishReason(choice)
        var error = choice["error"] ?? .null
        if let delta = choice.first(of: readsMessage ? ["delta", "message"] : ["delta"]) {
            // An empty list is how PHP writes an empty object.
            guard delta.isObject || delta == [] else { throw Failure(what: "its \"delta\" is not an object") }
            let info = messageInfo(delta["messageInfo"])
            if let role = delta["role"]?.string {
                parts.append(.event(.role(role, info)))
            } else if let info {
                parts.append(.event(.role("assistant", info)))
            }
            add(delta.first(of: "reasoning_content", "reasoning", "thinking"), .reasoning, to: &parts)
            if error.isNoError { error = delta["error"] ?? .null }
            let isFailure = !error.isNoError || reason.map { FinishKind($0) } == .failure
            let start = parts.count
            try content(delta["content"], into: &parts)
            if isFailure {
                // The Marketplace sends an agent's failure as the content of the chunk that ends with `error`.
                let said = text(of: parts[start...])
                parts.removeSubrange(start...)
                if error.isNoError { error = .string(said) }
            }
            add(delta["refusal"], .refusal, to: &parts)
            for call in delta.first(of: "tool_calls", "toolCalls")?.asList ?? [] where !call.isNothing {
                parts.append(.toolCall(name: call["function"]?["name"]?.string ?? call["name"]?.string))
            }
            if let call = delta.first(of: "function_call", "functionCall"), call.isObject {
                parts.append(.toolCall(name: call["name"]?.string))
            }
            for task in delta["tasks"]?.asList ?? [] where task.isObject { read(task: task, into: &parts) }
            interactions(delta, document, into: &parts)
        }
        if !error.isNoError || reason.map({ FinishKind($0) }) == .failure {
            let message = ServerMessage(
                document: error.isObject ? .object(["error": error]) : error)
            parts.append(.failure(message.text == "" ? ServerMessage(text: nil, code: nil) : message))
        }
        if let reason { parts.append(.event(.finish(reason: reason))) }
    }

    /// Some servers send an empty reason, or the word "null", with every chunk.
    private static func finishReason(_ choice: Value) -> String? {
        choice.first(of: "finishReason", "finish_reason")?.scalarText.flatMap { $0.isEmpty || $0 == "null" ? nil : $0 }
    }

    /// A text, or a list of parts of which those of text are joined.
    private static func content(_ value: Value?, into parts: inout [Part]) throws(Failure) {
        switch value {
        case nil, .null: break
        case .string, .bytes: add(value, .answer, to: &parts)
        case .list(let elements):
            for element in elements {
                if element.isObject { try part(element, into: &parts) } else { try content(element, into: &parts) }
            }
        case .object: if let value { try part(value, into: &parts) }
        default: throw Failure(what: "its \"content\" is neither a text nor a list of parts")
        }
    }

    private static func part(_ part: Value, into parts: inout [Part]) throws(Failure) {
        switch part["type"]?.string {
        case nil, "text", "output_text", "text_delta":
            // Some put the text one level deeper.
            let text = part["text"]
            try content(text?["value"] ?? text, into: &parts)
        case "refusal": add(part.first(of: "refusal", "text"), .refusal, to: &parts)
        case "thinking", "reasoning":
            let thought = part.first(of: "thinking", "reasoning", "text")
            for piece in thought?.asList ?? [thought ?? .null] {
                add(piece["text"] ?? piece, .reasoning, to: &parts)
            }
        default: break
        }
    }

    private static func add(_ value: Value?, _ voice: Voice, to parts: inout [Part]) {
        if let piece = Piece(value) { parts.append(.piece(voice, piece)) }
    }

    private static func text(of parts: ArraySlice<Part>) -> String {
        parts.map { if case .piece(.answer, let piece) = $0 { piece.text } else { "" } }.joined()
    }

    // MARK: What the agent does and asks

    private static func read(task value: Value, into parts: inout [Part]) {
        let task = agentTask(value)
        parts.append(.event(.task(task)))
        guard let action = task.actionType, FinishKind.isInteraction(action) else { return }
        // An agent also reports that it was answered.
        let isOver = ["completed", "success", "approved", "granted", "answered", "resolved", "done"]
            .contains(task.status?.lowercased())
        if !isOver {
            parts.append(
                .question(
                    AgentQuestion(
                        kind: action, text: question(in: value) ?? task.title, conversationID: task.conversationID)))
        }
    }

    private static func interactions(_ delta: Value, _ document: Value, into parts: inout [Part]) {
        guard case .object(let members) = delta else { return }
        for member in members where !member.value.isNothing && FinishKind.isInteraction(member.key) {
            let conversation = [member.value, delta, document].lazy
                .compactMap { $0.first(of: "conversationId", "conversation_id")?.scalarText }.first
            parts.append(
                .question(
                    AgentQuestion(
                        kind: member.key, text: question(in: member.value), conversationID: conversation)))
        }
    }

    /// The words of a request to a person.
    static func question(in value: Value) -> String? {
        switch value {
        case .string, .bytes: return value.string
        case .list(let elements): return elements.lazy.compactMap { question(in: $0) }.first
        default: break
        }
        let names = ["question", "message", "prompt", "text", "description", "title", "detail", "reason"]
        return names.lazy.compactMap { value[$0].flatMap(question) }.first { !$0.isEmpty }
    }

    private static func messageInfo(_ value: Value?) -> MessageInfo? {
        guard case .object(let members)? = value else { return nil }
        var info = MessageInfo()
        for member in members where ["id", "Id", "ID"].contains(where: member.key.hasSuffix) {
            if let text = member.value.scalarText { info.ids[member.key] = text }
        }
        info.messageID = info.ids["messageId"] ?? info.ids["message_id"] ?? info.ids["id"]
        info.conversationID = info.ids["conversationId"] ?? info.ids["conversation_id"]
        return info
    }

    private static func agentTask(_ value: Value) -> AgentTask {
        AgentTask(
            messageID: value.first(of: "messageId", "message_id")?.scalarText,
            conversationID: value.first(of: "conversationId", "conversation_id")?.scalarText,
            actionType: value.first(of: "actionType", "action_type")?.scalarText,
            callID: value.first(of: "callId", "call_id")?.scalarText,
            title: value["title"]?.scalarText,
            status: value["status"]?.scalarText,
            timestamp: value["timestamp"]?.integer)
    }

    /// The token counts that are plausible; nil if there are none.
    ///
    /// Some servers do not count the cached tokens among those of the prompt: Anthropic's `input_tokens`, and wherever
    /// there are more cached tokens than the prompt has.
    private static func usage(_ value: Value?) -> TokenUsage? {
        guard let value, value.isObject else { return nil }
        func count(_ value: Value?, _ names: String...) -> Int? {
            value?.first(of: names)?.integer.flatMap { (0...1_000_000_000).contains($0) ? Int($0) : nil }
        }
        let details = value.first(
            of: "prompt_tokens_details", "promptTokensDetails", "input_tokens_details", "inputTokensDetails")
        let written = count(value, "cache_creation_input_tokens")
        let read = count(value, "cache_read_input_tokens")
        let prompt = count(value, "prompt_tokens", "promptTokens")
        var usage = TokenUsage(
            promptTokens: prompt ?? count(value, "input_tokens", "inputTokens"),
            completionTokens: count(value, "completion_tokens", "completionTokens", "output_tokens", "outputTokens"),
            totalTokens: count(value, "total_tokens", "totalTokens"),
            cachedTokens: count(details, "cached_tokens", "cachedTokens")
                ?? count(value, "cached_tokens", "cachedTokens") ?? read)
        let cache = (usage.cachedTokens ?? 0) + (written ?? 0)
        if let counted = usage.promptTokens, cache > counted || prompt == nil && (read ?? written) != nil {
            usage.promptTokens = counted + cache
        }
        return usage == TokenUsage() ? nil : usage
    }
}
