import Marketplace
import RunnelKit

/// One entry of `messages:`.
struct ChatMessageField: FieldGroup {
    enum Role: String, FieldChoice { case system, user, assistant }

    @Field("Who speaks.") var role: Role = .user
    @Field("What is said.") var content: String

    var message: ChatMessage { ChatMessage(role: role.rawValue, content: content) }
}
