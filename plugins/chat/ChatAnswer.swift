import Marketplace
import RunnelKit

/// An answer as it grows from the events of a stream.
///
/// A class, so that the async frames of a chat hold a reference.
final class ChatAnswer {
    var text = ""
    private(set) var reasoning = ""
    private(set) var finishReason: String?
    private var info: MessageInfo?
    /// The ids that reports of tasks name.
    private var taskIDs: MessageInfo?
    private var tasks: [AgentTask] = []
    private var taskBytes = 0
    private(set) var usage: TokenUsage?
    /// Whether the server has begun to answer, so that the chat may have to be paid for.
    private(set) var hasBegun = false

    /// How many reports of tasks are kept, and how many bytes of them; an agent may send them without end.
    private static let maximumTasks = (count: 1000, bytes: 16 << 20)

    var conversationID: String? { info?.conversationID ?? taskIDs?.conversationID }
    var messageID: String? { info?.messageID ?? taskIDs?.messageID }
    var ids: MessageInfo { MessageInfo(messageID: messageID, conversationID: conversationID) }
    /// The size of what the model has said and thought.
    var bytes: Int { text.utf8.count + reasoning.utf8.count }

    func add(_ event: ChatEvent) {
        hasBegun = true
        switch event {
        case .role(_, let info): self.info = info ?? self.info
        case .text(let piece): text += piece
        case .reasoning(let piece): reasoning += piece
        case .task(let task):
            taskIDs = task.completing(taskIDs)
            let bytes = task.size
            guard tasks.count < Self.maximumTasks.count, taskBytes + bytes <= Self.maximumTasks.bytes else { break }
            taskBytes += bytes
            tasks.append(task)
        case .finish(let reason): finishReason = reason
        case .usage(let usage): self.usage = usage.joined(with: self.usage ?? TokenUsage())
        @unknown default: break
        }
    }

    /// The step's output. Keys are always there; what the server did not say is null.
    ///
    /// - Parameter conversation: The name of the conversation where the server gives it none.
    func output(json: Value, conversation: String? = nil) -> Value {
        [
            "text": .string(text), "json": json, "reasoning": reasoning.isEmpty ? .null : .string(reasoning),
            "finish_reason": .optional(finishReason),
            "message_id": .optional(messageID),
            "conversation_id": .optional(conversationID ?? conversation),
            "tasks": .list(tasks.map(\.value)), "usage": usage?.value ?? .null,
        ]
    }
}

extension Value {
    static func optional(_ text: String?) -> Value { text.map { .string($0) } ?? .null }
    static func optional(_ number: Int?) -> Value { number.map { .int(Int64($0)) } ?? .null }
}

extension AgentTask {
    /// What the agent is doing, on one line.
    func note(_ redactor: Redactor) -> String {
        let words = [actionType, title, status].compactMap(\.self).filter { !$0.isEmpty }.map { word in
            // The result of a tool may stand there as a whole.
            word.utf8.count > 500 ? redactor.redact(word, limit: 201) : word
        }
        return words.isEmpty ? "the agent is at work" : words.joined(separator: " · ")
    }

    /// In bytes of text.
    fileprivate var size: Int {
        [messageID, conversationID, actionType, callID, title, status].reduce(0) { $0 + ($1?.utf8.count ?? 0) }
    }

    fileprivate var value: Value {
        [
            "action_type": .optional(actionType), "title": .optional(title), "status": .optional(status),
            "call_id": .optional(callID), "timestamp": timestamp.map { .int($0) } ?? .null,
        ]
    }
}

extension TokenUsage {
    fileprivate var value: Value {
        [
            "prompt_tokens": .optional(promptTokens), "completion_tokens": .optional(completionTokens),
            "total_tokens": .optional(totalTokens), "cached_tokens": .optional(cachedTokens),
        ]
    }
}
