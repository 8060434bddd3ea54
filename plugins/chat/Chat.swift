import Marketplace
import RunnelKit

/// The step `chat`.
struct Chat: Step {
    static let name = "chat"
    static let inputKeys = ["prompt", "messages"]
    static let summary = "Asks an agent through the Marketplace API and streams its answer."
    static let documentation = StepDocumentation(
        details: """
            The answer is shown as it comes. With `schema`, the agent is asked for JSON; JSON inside prose or a code \
            fence is found, and an answer that does not fit is sent back once with the reason. All chats share one \
            client: its access token, its limit of concurrent streams, its limit of requests in a minute.

            Failures before the first token are retried (429, 5xx, connection), as the server asks for it. A stream \
            that breaks off fails the step and keeps the text so far; it is never repeated silently.
            """,
        output: """
            An object: `text`; `json` (null without `schema`); `finish_reason`; `message_id`; `conversation_id`; \
            `tasks`, a list of what the agent did; `usage` when the server tells.
            """,
        examples: [
            .init(
                "Ask about what came through the pipe",
                """
                uses: chat
                with:
                  system: You write short digests.
                  prompt: "Summarise in three sentences: {{ input }}"
                """),
            .init(
                "Ask for JSON of a given shape",
                """
                uses: chat
                with:
                  messages:
                    - role: user
                      content: "Is this a bug, a feature or a question? {{ input }}"
                  schema:
                    type: object
                    required: [label]
                    properties: { label: { enum: [bug, feature, question] } }
                """),
        ])
    static let rules: [FieldRule] = [.atMostOne(["prompt", "messages"])]

    @Field("What is asked; the step's input when neither this nor `messages` is given.") var prompt: String?
    @Field("The whole conversation, in order.") var messages: [ChatMessageField]?
    @Field("What the agent is told beforehand.") var system: String?
    @Field("The agent that answers, when it is not the configured one.") var agentID: String?
    @Field("The model, when it is not the configured one.") var model: String?
    @Field("A JSON schema that the answer has to fit.") var schema: AnswerSchema?

    func run(_ context: StepContext) async throws -> Value {
        let conversation = try conversation(input: context.input)
        let client = try await context.services.get(MarketplaceService.self).client
        let answer = try await ask(conversation, client, key: context.idempotencyKey, context)
        guard let schema else { return answer.output(json: .null) }
        let (found, problem) = check(answer, schema)
        guard let problem else { return answer.output(json: found ?? .null) }

        await context.report(.note("the answer does not fit the schema (\(problem)); asking once more"))
        let correction = """
            Your answer does not fit: \(problem).
            Answer again with JSON alone, without any other text, that fits this JSON schema:
            \(schema.source.json())
            """
        // A server may refuse a message without content.
        let given = answer.text.isEmpty ? [] : [ChatMessage(role: "assistant", content: answer.text)]
        let again = conversation + given + [ChatMessage(role: "user", content: correction)]
        let second = try await ask(again, client, key: context.idempotencyKey + ".correction", context)
        let (value, rest) = check(second, schema)
        guard let rest else { return second.output(json: value ?? .null) }
        throw StepError(
            "schema-mismatch", "the answer does not fit the schema, also when asked again: \(rest)",
            hint: "loosen the schema, or say in the prompt what each key has to hold",
            partialOutput: .string(second.text))
    }

    private func conversation(input: Value) throws(StepError) -> [ChatMessage] {
        let asked =
            messages.map { $0.map(\.message) } ?? [ChatMessage(role: "user", content: prompt ?? input.promptText)]
        for (index, message) in asked.enumerated() where message.content.allSatisfy(\.isWhitespace) {
            throw StepError(
                "empty-prompt",
                messages == nil ? "the prompt is empty" : "`messages[\(index)]` has an empty content",
                hint: prompt == nil && messages == nil ? "give `prompt`, or let a step before produce a text" : nil)
        }
        guard !asked.isEmpty else { throw StepError("empty-prompt", "`messages` is empty") }
        return (system.map { [ChatMessage(role: "system", content: $0)] } ?? []) + asked
    }

    private func ask(
        _ conversation: [ChatMessage], _ client: MarketplaceClient, key: String, _ context: StepContext
    ) async throws -> ChatAnswer {
        let (notices, continuation) = AsyncStream.makeStream(
            of: RetryNotice.self, bufferingPolicy: .bufferingNewest(16))
        let request = ChatRequest(
            messages: conversation, agentID: agentID, model: model, responseSchema: schema?.source.json(),
            idempotencyKey: key, onRetry: { continuation.yield($0) })
        async let reporting: Void = report(notices, context)
        defer { continuation.finish() }
        var answer = ChatAnswer()
        do {
            for try await batch in client.chat(request).batches {
                try await take(batch, into: &answer, context)
            }
        } catch let error as MarketplaceError {
            try Task.checkCancellation()
            throw StepError(error)
        }
        continuation.finish()
        await reporting
        return answer
    }

    /// Shows a batch: its text in one piece, and each task as a note in its place.
    private func take(_ batch: [ChatEvent], into answer: inout ChatAnswer, _ context: StepContext) async throws {
        var text = ""
        for event in batch {
            answer.add(event)
            switch event {
            case .text(let piece): text += piece
            case .task(let task):
                if !text.isEmpty { await context.report(.text(text)) }
                text = ""
                await context.report(.note(task.note))
            case .role, .finish, .usage: break
            }
        }
        if !text.isEmpty { await context.report(.text(text)) }
        try Task.checkCancellation()
    }

    private func report(_ notices: AsyncStream<RetryNotice>, _ context: StepContext) async {
        for await notice in notices {
            let pause = DurationText.format(.milliseconds(Int(notice.delay / .milliseconds(1))))
            await context.report(
                .note(
                    "\(notice.error.message) Trying again in \(pause) (attempt \(notice.failedAttempt + 1) of \(notice.attempts))"
                ))
        }
    }

    /// The JSON in the answer, and what is wrong with it.
    private func check(_ answer: ChatAnswer, _ schema: AnswerSchema) -> (value: Value?, problem: String?) {
        guard let value = JSONFinder.find(in: answer.text) else {
            return (nil, answer.text.isEmpty ? "it is empty" : "there is no JSON in it")
        }
        return (value, schema.problems(with: value))
    }
}

extension Value {
    /// The value as a prompt; nothing at all where there is nothing.
    fileprivate var promptText: String { isNull ? "" : text }
}

extension StepError {
    /// What the client found, as the step's failure. The text of a broken stream is kept.
    init(_ error: MarketplaceError) {
        self.init(
            error.code.rawValue, error.message, hint: error.hint, isTransient: error.isTransient,
            partialOutput: error.partialText.map { .string($0) })
    }
}
