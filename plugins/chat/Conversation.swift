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

    /// The id or the key.
    var text: String {
        switch self {
        case .id(let text), .key(let text): text
        }
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
///
/// A class, so that the async frames of a chat hold a reference.
final class Conversation {
    let field: ConversationField?
    private let service: MarketplaceService.Service
    let journal: any StepJournal
    /// Under which key the journal keeps it. Conversations of a stand-in have keys of their own: their ids mean nothing
    /// to a server.
    private let place: String?
    /// The conversation at the server; nil for a new one.
    private(set) var id: String?
    /// What was said before, where the server does not keep it.
    private(set) var history: [ChatMessage] = []

    private var settings: MarketplaceSettings { service.settings }

    /// - Parameter field: nil for a chat without a conversation.
    init(_ field: ConversationField?, _ service: MarketplaceService.Service, _ journal: any StepJournal) {
        self.field = field
        self.service = service
        self.journal = journal
        place = field.map { (service.isSimulated ? "simulated:" : "") + $0.text }
    }

    /// Finds the conversation. Not inlined, so that its variables do not stay in the async frame of a chat.
    @inline(never) func find() async throws {
        guard let field, let place else { return }
        switch (field, settings.keepsConversations) {
        case (.id(let id), .server): self.id = id
        case (.key, .server): id = try await journal.value(for: place)?.asString
        case (_, .journal):
            for turn in try await journal.entries(of: place) {
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
    func found(_ id: String?) {
        guard let id, settings.keepsConversations == .server else { return }
        self.id = id
        if case .key? = field, let place {
            journal.remember(.set(place, .string(id), keep: settings.conversations.keep))
        }
    }

    /// Notes that the server no longer has the conversation: a key begins a new one.
    /// - Returns: What a person does about it; nil where the step has named no such conversation.
    func lost(_ id: String) -> String? {
        guard id == self.id, let field, let place else { return nil }
        switch field {
        case .key(let key):
            journal.remember(.remove(place))
            return "the key \(Value.string(key).quoted()) named it and is forgotten; "
                + "the next run begins a new conversation"
        case .id:
            return "the server does not know this id: check it, or leave `conversation` out to begin a new one"
        }
    }

    /// Keeps a turn where the server does not.
    /// - Parameter asked: The messages of the turn, without those before.
    func ended(_ asked: [ChatMessage], answer: String) {
        guard settings.keepsConversations == .journal, let place else { return }
        // The system message is the step's, and is sent anew with each turn.
        let said = asked.drop { $0.role == "system" } + [ChatMessage(role: "assistant", content: answer)]
        let turn = Value.list(said.map { ["role": .string($0.role), "content": .string($0.content)] })
        journal.remember(
            .append(place, turn, limit: settings.conversations.turns, keep: settings.conversations.keep))
    }

    /// What a person should know of files that were sent in this turn; nil if all is well.
    var fileWarning: String? {
        guard settings.keepsConversations == .journal, let field else { return nil }
        return "the files of this turn are not kept: later chats of the conversation "
            + "\(Value.string(field.text).quoted()) do not have them"
    }

    /// What a person should know, once the chat is over; nil if all is well.
    var warning: String? {
        guard case .key(let key)? = field, settings.keepsConversations == .server, id == nil else { return nil }
        return "the server named no conversation, so the key \(Value.string(key).quoted()) continues nothing; "
            + "`marketplace.conversations: { kept_by: journal }` keeps the messages here"
    }

    /// How `steps.<id>.conversation_id` names it.
    var name: String? {
        settings.keepsConversations == .server ? id : field?.text
    }
}
