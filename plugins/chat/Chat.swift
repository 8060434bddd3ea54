import Logging
import Marketplace
import RunnelHTTP
import RunnelKit

/// The step `chat`.
struct Chat: Step {
    static let name = "chat"
    static let inputKeys = ["prompt", "messages"]
    static let summary = "Asks an agent through the Marketplace API and streams its answer."
    static let documentation = StepDocumentation(
        details: """
            The answer is shown as it comes. With `schema`, the agent is asked for JSON; JSON inside prose or a code \
            fence is found, and an answer that does not fit is sent back once with the reason. What stands in a \
            reasoning block (`<think>…</think>` and the like) is not the answer; of several JSON values the last one \
            that fits is taken. How the server is told of the schema is `marketplace.response_format`; where the server \
            does not accept `response_format`, the schema stands in the prompt. All chats share one client: its access token, its limit of concurrent streams, its \
            limit of requests in a minute.

            Failures before the first token are retried (429, 5xx, connection), as the server asks for it. A stream \
            that breaks off fails the step and keeps the text so far; it is never repeated silently.

            An answer is a success when its stream ended as `marketplace.stream_end` says, with a text, and with the \
            finish reason `stop`, none, or one that Runnel does not know (a note tells it). These fail the step: \
            `error` (`error-in-stream`, may pass), `content_filter` (`content-filter`), a refusal of the model \
            (`refusal`), `length` (`answer-truncated`, unless `accept: [length]`), a call of a tool that was not \
            offered (`unexpected-tool-call`), a question of the agent to a person (`interaction-required`: the \
            failed step's output then has `text`, `question`, `kind` and `conversation_id`), and an answer without \
            text and tasks (`empty-answer`, may pass).
            """,
        output: """
            An object: `text`; `json` (null without `schema`); `reasoning`, what the model thought where the server \
            tells it apart from the text; `finish_reason`; `message_id`; `conversation_id`; `tasks`, a list of what \
            the agent did; `usage` when the server tells.
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
    static let outputSchema: Value? = OutputSchema.object([
        "text": ["type": "string"], "json": true, "reasoning": ["type": ["string", "null"]],
        "finish_reason": ["type": ["string", "null"]], "message_id": ["type": ["string", "null"]],
        "conversation_id": ["type": ["string", "null"]], "tasks": ["type": "array"],
        "usage": ["type": ["object", "null"]],
    ])
    static let rules: [FieldRule] = [.atMostOne(["prompt", "messages"])]

    @Field("What is asked; the step's input when neither this nor `messages` is given.") var prompt: String?
    @Field("The whole conversation, in order.") var messages: [ChatMessageField]?
    @Field("What the agent is told beforehand.") var system: String?
    @Field("The agent that answers, when it is not the configured one.") var agentID: String?
    @Field("The model, when it is not the configured one.") var model: String?
    @Field("A JSON schema that the answer has to fit.") var schema: AnswerSchema?
    @Field("Ends of an answer that are taken as they are: `length`, cut off at the model's limit of tokens.")
    var accept: [AcceptedEnd] = []

    func validate() throws(FieldError) {
        if messages?.isEmpty ?? false { throw Self.empty([.key("messages")]) }
        for (index, message) in (messages ?? []).enumerated() where message.message.content.allSatisfy(\.isWhitespace) {
            throw Self.empty([.key("messages"), .index(index), .key("content")])
        }
        if prompt?.allSatisfy(\.isWhitespace) ?? false { throw Self.empty([.key("prompt")]) }
    }

    private static func empty(_ path: [FieldError.PathElement]) -> FieldError {
        FieldError("it is empty", path: path, code: "empty-prompt")
    }

    func run(_ context: StepContext) async throws -> Value {
        let conversation = try conversation(input: context.input)
        let service = try await context.services.get(MarketplaceService.self)
        warnOfExposedCredentials(service.client.configuration, context)
        let answer = try await ask(conversation, service, key: context.idempotencyKey, context)
        guard let schema else { return answer.output(json: .null) }
        let (found, problem) = await check(answer, schema, context)
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
        let second = try await ask(again, service, key: context.idempotencyKey + ".correction", context)
        let (value, rest) = await check(second, schema, context)
        guard let rest else { return second.output(json: value ?? .null) }
        throw StepError(
            "schema-mismatch", "the answer does not fit the schema, also when asked again: \(rest)",
            hint: "loosen the schema, or say in the prompt what each key has to hold",
            partialOutput: .string(second.text))
    }

    private func warnOfExposedCredentials(_ configuration: MarketplaceConfiguration, _ context: StepContext) {
        if case .none = configuration.authentication { return }
        guard let url = try? HTTPURL(configuration.baseURL), url.exposesCredentials else { return }
        context.logger.warning("credentials go to \(url.host) without encryption; use https for `marketplace.base_url`")
    }

    private func conversation(input: Value) throws(StepError) -> [ChatMessage] {
        let asked =
            messages.map { $0.map(\.message) } ?? [ChatMessage(role: "user", content: prompt ?? input.promptText)]
        if asked.allSatisfy({ $0.content.allSatisfy(\.isWhitespace) }) {
            throw StepError(
                "empty-prompt", "the prompt is empty", hint: "give `prompt`, or let a step before produce a text")
        }
        return (system.map { [ChatMessage(role: "system", content: $0)] } ?? []) + asked
    }

    /// Asks; once more without `response_format` where the server does not accept it.
    private func ask(
        _ conversation: [ChatMessage], _ service: MarketplaceService.Service, key: String, _ context: StepContext
    ) async throws -> ChatAnswer {
        let format = schema == nil ? .none : service.formats.format(model: model)
        do {
            return try await stream(conversation, format, service.client, key: key, context)
        } catch let error as MarketplaceError {
            guard service.formats.drops(format, after: error, model: model) else { throw StepError(error) }
        }
        await context.report(
            .note("the server does not accept `response_format`; asking with the schema in the prompt"))
        do {
            return try await stream(conversation, .none, service.client, key: key + ".plain", context)
        } catch let error as MarketplaceError {
            throw StepError(error)
        }
    }

    private func stream(
        _ conversation: [ChatMessage], _ format: ResponseFormat, _ client: MarketplaceClient, key: String,
        _ context: StepContext
    ) async throws -> ChatAnswer {
        let (notices, continuation) = AsyncStream.makeStream(
            of: RetryNotice.self, bufferingPolicy: .bufferingNewest(16))
        let request = ChatRequest(
            messages: schema?.stated(in: conversation, format: format) ?? conversation, agentID: agentID, model: model,
            responseSchema: schema?.source.json(),
            responseFormat: format, idempotencyKey: key, acceptsTruncated: accept.contains(.length),
            onRetry: { continuation.yield($0) })
        async let reporting: Void = report(notices, context)
        defer { continuation.finish() }
        var answer = ChatAnswer()
        do {
            for try await batch in client.chat(request).batches {
                try await take(batch, into: &answer, context)
            }
        } catch let error as MarketplaceError {
            try Task.checkCancellation()
            throw error
        }
        continuation.finish()
        await reporting
        if let reason = answer.finishReason, FinishKind(reason) == .other {
            await context.report(
                .note("the answer ended with the finish reason \(Value.string(reason).quoted()); it counts as whole"))
        }
        if answer.text.isEmpty {
            await context.report(.note("the agent did its tasks and said nothing: `text` is empty"))
        }
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
            case .role, .reasoning, .finish, .usage: break
            @unknown default: break
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

    /// The JSON in the answer, and what is wrong with it. The last value that fits is taken: a model concludes at the end.
    private func check(
        _ answer: ChatAnswer, _ schema: AnswerSchema, _ context: StepContext
    ) async -> (value: Value?, problem: String?) {
        let values = JSONFinder.values(in: answer.text)
        guard let last = values.last else {
            return (nil, answer.text.isEmpty ? "it is empty" : "there is no JSON in it")
        }
        let fitting = values.filter { schema.problems(with: $0) == nil }
        guard let value = fitting.last else { return (last, schema.problems(with: last)) }
        if fitting.contains(where: { $0 != value }) {
            await context.report(
                .note("\(fitting.count) JSON values in the answer fit the schema; the last one is taken"))
        }
        return (value, nil)
    }
}

/// An entry of `accept:`.
enum AcceptedEnd: String, FieldChoice { case length }

extension Value {
    /// The value as a prompt; nothing at all where there is nothing.
    fileprivate var promptText: String { isNull ? "" : text }
}

extension StepError {
    /// What the client found, as the step's failure. The text of a broken stream is kept.
    init(_ error: MarketplaceError) {
        let text: Value? = error.partialText.map { .string($0) }
        let asked: Value? = error.question.map { question in
            [
                "text": text ?? .null, "question": question.text.map { .string($0) } ?? .null,
                "kind": .string(question.kind),
                "conversation_id": question.conversationID.map { .string($0) } ?? .null,
            ]
        }
        self.init(
            error.code.rawValue, error.message, hint: error.hint, isTransient: error.isTransient,
            partialOutput: asked ?? text)
    }
}
