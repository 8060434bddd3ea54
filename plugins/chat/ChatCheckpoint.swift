import Marketplace
import RunnelKit

/// Where a chat is, kept for a later life of its run.
struct ChatCheckpoint {
    /// The idempotency key of the request whose answer comes.
    var key: String?
    /// Name that answer.
    var ids = MessageInfo()
    /// The answer before, which was sent back.
    var rejected: RejectedAnswer?

    init(key: String? = nil, ids: MessageInfo = MessageInfo(), rejected: RejectedAnswer? = nil) {
        self.key = key
        self.ids = ids
        self.rejected = rejected
    }

    init(_ value: Value) {
        key = value["key"]?.asString
        ids = MessageInfo(
            messageID: value["message_id"]?.asString, conversationID: value["conversation_id"]?.asString)
        rejected = value["rejected"].flatMap { RejectedAnswer($0) }
    }

    var value: Value {
        [
            "key": .optional(key), "conversation_id": .optional(ids.conversationID),
            "message_id": .optional(ids.messageID), "rejected": rejected?.value ?? .null,
        ]
    }

    /// What is kept where the whole is too large; nil where nothing is left.
    var withoutText: ChatCheckpoint? {
        guard rejected != nil, key != nil else { return nil }
        return ChatCheckpoint(key: key, ids: ids)
    }
}

/// An answer that does not fit the schema and is sent back.
struct RejectedAnswer {
    let text: String
    /// Why it does not fit.
    let problem: String
    /// The conversation that the server has put it into.
    let conversationID: String?
    /// What it has used. The journal gets that only when the attempt ends.
    let usage: UsageRecord

    init(text: String, problem: String, conversationID: String?, usage: UsageRecord) {
        self.text = text
        self.problem = problem
        self.conversationID = conversationID
        self.usage = usage
    }

    init?(_ value: Value) {
        guard let text = value["text"]?.asString, let problem = value["problem"]?.asString else { return nil }
        func number(_ key: String) -> Int? { value[key]?.asInt.flatMap { Int(exactly: $0) } }
        self.init(
            text: text, problem: problem, conversationID: value["conversation_id"]?.asString,
            usage: UsageRecord(
                agent: value["agent"]?.asString, model: value["model"]?.asString, inputTokens: number("input_tokens"),
                outputTokens: number("output_tokens"), cachedTokens: number("cached_tokens"),
                estimatedInput: number("estimated_input") ?? 0, estimatedOutput: number("estimated_output") ?? 0))
    }

    var value: Value {
        [
            "text": .string(text), "problem": .string(problem), "conversation_id": .optional(conversationID),
            "agent": .optional(usage.agent), "model": .optional(usage.model),
            "input_tokens": .optional(usage.inputTokens), "output_tokens": .optional(usage.outputTokens),
            "cached_tokens": .optional(usage.cachedTokens), "estimated_input": .optional(usage.estimatedInput),
            "estimated_output": .optional(usage.estimatedOutput),
        ]
    }
}
