import RunnelKit
import Synchronization

/// What the chats of a run asked a real agent: their rendered settings, since the agent does not say what it got.
final class AskedChats: Sendable {
    /// By execution: a chat that is tried again asks the same.
    private let prompts = Mutex<[(key: String, prompt: SentPrompt)]>([])

    /// One for each execution of a chat, in the order in which they began.
    var sent: [SentPrompt] { prompts.withLock { $0.map(\.prompt) } }

    /// All that the plugins bring, with chats that are noted here.
    ///
    /// - Throws: What the registry has to say of the plugins.
    func registry(_ plugins: [any Plugin]) throws -> StepRegistry {
        try StepRegistry(
            plugins.map { plugin in
                guard plugin.steps.contains(where: { $0.name == "chat" }) else { return plugin }
                return WrappedPlugin(base: plugin) { step, with, context in
                    if step.name == "chat" { self.note(with, context) }
                    return try await step.run(with, context)
                }
            })
    }

    private func note(_ with: ValueObject, _ context: StepContext) {
        let place = context.identity
        let prompt = SentPrompt(step: place.stepID, items: place.items, messages: Self.messages(with, context.input))
        prompts.withLock { prompts in
            if let index = prompts.firstIndex(where: { $0.key == place.idempotencyKey }) {
                prompts[index].prompt = prompt
            } else {
                prompts.append((place.idempotencyKey, prompt))
            }
        }
    }

    private static func messages(_ with: ValueObject, _ input: Value) -> [SentPrompt.Message] {
        let system = with["system"]?.asString.map { [SentPrompt.Message(role: "system", content: $0)] } ?? []
        guard let messages = with["messages"]?.asList else {
            return system + [.init(role: "user", content: with["prompt"]?.asString ?? input.text)]
        }
        return system
            + messages.compactMap { message in
                guard let role = message["role"]?.asString, let content = message["content"]?.asString else {
                    return nil
                }
                return .init(role: role, content: content)
            }
    }
}
