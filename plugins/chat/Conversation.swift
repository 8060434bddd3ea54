import Marketplace
import RunnelKit

/// `conversation:` of a chat: the id of a conversation, or a key under which the journal keeps one.
enum ConversationField: FieldValue, Hashable {
    case id(String)
    case key(String)

    private struct Reference: FieldGroup {
        static let rules: [FieldRule] = [.exactlyOne(["id", "key"])]

        @Field("The id that the server gave the conversation.") var id: String?
        @Field("A key of your own; the first chat with it begins a conversation.") var key: String?
    }

    /// In bytes.
    private static let maximumLength = 1024

    static var schema: Value { ["anyOf": [["type": "string"], Reference.schema]] }

    init(field value: Value) throws(FieldError) {
        let reference: Reference? = if let object = value.asObject { try Reference(fields: object) } else { nil }
        let text = if let reference { reference.key ?? reference.id ?? "" } else { try String(field: value) }
        guard !text.allSatisfy(\.isWhitespace) else {
            throw FieldError(
                "it is empty", hint: "every chat without an own conversation would be in the same one",
                code: ChatErrorCode.emptyConversation)
        }
        guard text.utf8.count <= Self.maximumLength else {
            throw FieldError("it is longer than \(Self.maximumLength) bytes")
        }
        self = reference?.key == nil ? .id(text) : .key(text)
    }
}

/// The conversation that a chat continues, and where it is kept.
struct Conversation {
    let field: ConversationField?
    let settings: MarketplaceSettings
    let journal: any StepJournal
    /// The conversation at the server; nil for a new one.
    private(set) var id: String?
    /// What was said before, where the server does not keep it.
    private(set) var history: [ChatMessage] = []

    /// Finds the conversation.
    init(_ field: ConversationField?, _ settings: MarketplaceSettings, _ context: StepContext) async throws {
        self.field = field
        self.settings = settings
        journal = context.journal
        switch (field, settings.keepsConversations) {
        case (nil, _): break
        case (.id(let id)?, .server): self.id = id
        case (.key(let key)?, .server): id = try await journal.value(for: key)?.asString
        case (.id(let key)?, .journal), (.key(let key)?, .journal):
            for turn in try await journal.entries(of: key) {
                for message in turn.asList ?? [] {
                    guard let role = message["role"]?.asString, let content = message["content"]?.asString else {
                        continue
                    }
                    history.append(ChatMessage(role: role, content: content))
                }
            }
        }
    }

    /// What is sent: the history stands behind the leading system messages, which are the step's.
    func whole(with asked: [ChatMessage]) -> [ChatMessage] {
        let rest = asked.drop { $0.role == "system" }
        return asked.dropLast(rest.count) + history + rest
    }

    /// Notes in which conversation the server has put the chat.
    mutating func found(_ id: String?) {
        guard let id, settings.keepsConversations == .server else { return }
        self.id = id
        if case .key(let key)? = field {
            journal.remember(.set(key, .string(id), keep: settings.conversations.keep))
        }
    }

    /// Keeps a turn where the server does not.
    /// - Parameter asked: The messages of the turn, without those before.
    func ended(_ asked: [ChatMessage], answer: String) {
        guard settings.keepsConversations == .journal, let field else { return }
        let key =
            switch field {
            case .id(let id): id
            case .key(let key): key
            }
        // The system message is the step's, and is sent anew with each turn.
        let said = asked.drop { $0.role == "system" } + [ChatMessage(role: "assistant", content: answer)]
        let turn = Value.list(said.map { ["role": .string($0.role), "content": .string($0.content)] })
        journal.remember(
            .append(key, turn, limit: settings.conversations.turns, keep: settings.conversations.keep))
    }

    /// What a person should know, once the chat is over; nil if all is well.
    var warning: String? {
        guard case .key(let key)? = field, settings.keepsConversations == .server, id == nil else { return nil }
        return "the server named no conversation, so the key \(Value.string(key).quoted()) continues nothing; "
            + "`marketplace.conversations: { kept_by: journal }` keeps the messages here"
    }

    /// How `steps.<id>.conversation_id` names it.
    var name: String? {
        if settings.keepsConversations == .server { return id }
        switch field {
        case .id(let id)?: return id
        case .key(let key)?: return key
        case nil: return nil
        }
    }
}
