import MarketplaceSimulator
import RunnelKit
import Synchronization

/// A chat request that the run sent.
struct SentPrompt: Sendable {
    let step: String
    /// Inside of `for_each`: which item, from 0; one number for each around the step.
    let items: [Int]
    let messages: [Message]

    struct Message: Sendable {
        let role: String
        let content: String
    }

    var prompt: String { messages.last { $0.role == "user" }?.content ?? "" }
    var system: String? { messages.first { $0.role == "system" }?.content }
}

/// The agent of a test: has the simulator give the answers of the test, and writes down what was asked.
final class CannedAgent: Sendable {
    private struct State {
        /// By step; those for any step under nil.
        var answers: [String?: [CannedChat]]
        /// How many of each have been given.
        var given: [String?: Int] = [:]
        var sent: [SentPrompt] = []
        var missing: [MissingAnswer] = []
    }

    private let state: Mutex<State>
    private let runID: String

    init(_ chats: CannedChats, runID: String) {
        var answers: [String?: [CannedChat]] = [nil: chats.inOrder]
        for (step, list) in chats.byStep { answers[step] = list }
        state = Mutex(State(answers: answers))
        self.runID = runID
    }

    var sent: [SentPrompt] { state.withLock { $0.sent } }
    /// The requests that no answer was for.
    var missing: [MissingAnswer] { state.withLock { $0.missing } }
    /// The answers that were not asked for.
    var unused: [CannedChat] {
        state.withLock { state in
            state.answers.flatMap { step, list in list.dropFirst(state.given[step] ?? 0) }
        }
    }

    func answer(_ request: CannedRequest) -> CannedAnswer {
        let (step, items) = place(in: request.idempotencyKey ?? "")
        return state.withLock { state in
            let messages = request.messages.map { SentPrompt.Message(role: $0.role, content: $0.content) }
            state.sent.append(SentPrompt(step: step, items: items, messages: messages))
            let key = state.answers[step] == nil ? nil : step
            let answers = state.answers[key] ?? []
            let index = state.given[key] ?? 0
            if index < answers.count {
                state.given[key] = index + 1
                return answers[index].answer
            }
            if let last = answers.last, last.isRepeated { return last.answer }
            let missing = MissingAnswer(request, step: step, isUsed: !answers.isEmpty)
            state.missing.append(missing)
            return .refusal(
                status: 400, code: TestErrorCode.noCannedAnswer.rawValue, message: missing.message, retryAfter: nil)
        }
    }

    /// The step and its items in an idempotency key: `<run>_<step>:<item>`, and behind it what the step adds.
    private func place(in key: String) -> (step: String, items: [Int]) {
        guard key.hasPrefix(runID + "_") else { return ("", []) }
        let parts = key.dropFirst(runID.count + 1).prefix { $0 != "." }.split(separator: ":")
        return (parts.first.map(String.init) ?? "", parts.dropFirst().compactMap { Int($0) })
    }
}

/// What the steps of a run asked a real agent: their rendered settings, since the agent does not say what it got.
final class AskedChats: Sendable {
    /// By execution: a chat that is tried again asks the same.
    private let prompts = Mutex<[(key: String, prompt: SentPrompt)]>([])

    /// One for each execution of such a step, in the order in which they began.
    var sent: [SentPrompt] { prompts.withLock { $0.map(\.prompt) } }

    /// All that the plugins bring, with steps that are noted here if they ask an agent.
    ///
    /// - Throws: What the registry has to say of the plugins.
    func registry(_ plugins: [any Plugin]) throws -> StepRegistry {
        try StepRegistry(
            plugins.map { plugin in
                guard let agentSteps = (plugin as? any AgentPlugin)?.agentSteps else { return plugin }
                return WrappedPlugin(base: plugin) { step, with, context in
                    if agentSteps.contains(step.name) { self.note(with, context) }
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
