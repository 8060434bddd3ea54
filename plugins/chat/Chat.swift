import JSONSchema
import Logging
import Marketplace
import RunnelHTTP
import RunnelKit

/// The step `chat`.
struct Chat: Step {
    static let name = "chat"
    static let inputKeys = ["prompt", "messages"]
    static let nameHints = [
        NameHint("write it in `body: { … }`", for: ["temperature", "max_tokens", "top_p", "seed", "stop"])
    ]
    static let summary = "Asks an agent through the Marketplace API and streams its answer."
    static let documentation = StepDocumentation(
        details: """
            The answer is shown as it comes. With `schema`, the agent is asked for JSON; JSON inside prose or a code \
            fence is found, and an answer that does not fit, or whose last JSON value cannot be read, is sent back once \
            with the reason. What stands in a reasoning block (`<think>…</think>` and the like) is not the answer; \
            of several JSON values the last one that fits is taken. How the server is told of the schema is \
            `marketplace.response_format`; where the server does not accept `response_format`, the schema stands in the \
            prompt. All chats share one client: its access token, its limit of concurrent streams, its limit of requests \
            in a minute.

            Failures before the first token are retried (429, 5xx, connection), as the server asks for it. A stream \
            that breaks off fails the step and keeps the text so far; it is never repeated silently.

            An answer is a success when its stream ended as `marketplace.stream_end` says, with a text, and with the \
            finish reason `stop`, none, or one that Runnel does not know (a note tells it). These fail the step: \
            `error` (`error-in-stream`, may pass), `content_filter` (`content-filter`), a refusal of the model \
            (`refusal`), `length` (`answer-truncated`, unless `accept: [length]`), a call of a tool, which Runnel does \
            not make (`unexpected-tool-call`), a question of the agent to a person (`interaction-required`: the \
            failed step's output then has `text`, `question`, `kind` and `conversation_id`), and an answer without \
            text and tasks (`empty-answer`, may pass; with reasoning, the failed step's output has it).

            With `conversation` the chat goes on with an earlier one: by its id, or by a key of your own that the journal \
            keeps over runs and restarts. `marketplace.budget` limits what chats use: beyond it the run waits for the next \
            period, or fails with `budget-exceeded`.

            A chat that was interrupted by a kill is asked again with the same `Idempotency-Key`: it happens at least \
            once, and the server can recognise the repeat.
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
            .init(
                "Go on with one conversation over all runs of a ticket",
                """
                uses: chat
                with:
                  prompt: "{{ input }}"
                  conversation: { key: "ticket-{{ trigger.body.id }}" }
                """),
        ])
    static let outputSchema: Value? = OutputSchema.object([
        "text": ["type": "string"], "json": true, "reasoning": ["type": ["string", "null"]],
        "finish_reason": ["type": ["string", "null"]], "message_id": ["type": ["string", "null"]],
        "conversation_id": ["type": ["string", "null"]], "tasks": ["type": "array"],
        "usage": ["type": ["object", "null"]],
    ])
    var settledOutputSchema: Value? {
        var schema = Self.outputSchema?.asObject ?? [:]
        var keys = schema["properties"]?.asObject ?? [:]
        keys["json"] = self.schema?.source ?? ["type": "null"]
        schema["properties"] = .object(keys)
        return .object(schema)
    }
    static let rules: [FieldRule] = [.atMostOne(["prompt", "messages"])]

    @Field("What is asked; the step's input when neither this nor `messages` is given.") var prompt: String?
    @Field("The whole conversation, in order.") var messages: [ChatMessageField]?
    @Field("What the agent is told beforehand.") var system: String?
    @Field("The agent that answers, when it is not the configured one.") var agentID: String?
    @Field("The model, when it is not the configured one.") var model: String?
    @Field("A JSON schema that the answer has to fit.") var schema: SchemaField?
    @Field("Ends of an answer that are taken as they are: `length`, cut off at the model's limit of tokens.")
    var accept: [AcceptedEnd] = []

    @Field("The conversation to go on with: its id, or `{ key: … }`.") var conversation: ConversationField?
    @Field("Whether the agent works (true) or its plain model answers (false); default is the server's.")
    var agentMode: Bool?
    @Field("How much the agent does, such as `high_performance`; default is the server's.") var agentLevel: String?
    @Field(
        """
        Files that the agent gets: uploaded where `marketplace.paths.upload` is set, otherwise images for an \
        OpenAI-compatible server. `marketplace.limits.file_types` says which types may be sent.
        """) var files: [ProjectPath] = []
    @Field("Further members of the request's body, as they are.") var body: [String: Value] = [:]

    func validate() throws(FieldError) {
        try BodyFields.check(body, path: [.key("body")])
        if messages?.isEmpty ?? false { throw Self.empty([.key("messages")]) }
        for (index, message) in (messages ?? []).enumerated() where message.message.content.allSatisfy(\.isWhitespace) {
            throw Self.empty([.key("messages"), .index(index), .key("content")])
        }
        if prompt?.allSatisfy(\.isWhitespace) ?? false { throw Self.empty([.key("prompt")]) }
    }

    private static func empty(_ path: [FieldError.PathElement]) -> FieldError {
        FieldError("it is empty", path: path, code: ChatErrorCode.emptyPrompt)
    }

    func run(_ context: StepContext) async throws -> Value {
        let service = try await context.services.get(MarketplaceService.self)
        let (exchange, asked) = try prepared(service, context)
        let conversation = Conversation(conversation, service, context.journal)
        if conversation.field != nil { try await conversation.find() }
        guard let schema else {
            let answer = try await exchange.ask(asked, in: conversation, key: context.idempotencyKey)
            return await finish(answer, .null, asked, conversation, context)
        }
        return try await fitting(schema, asked, exchange, conversation, context)
    }

    // Not inlined, because the async frame of `run` stays in memory while the answer streams.

    /// The exchange that asks, and the messages to send.
    @inline(never) private func prepared(
        _ service: MarketplaceService.Service, _ context: StepContext
    ) throws -> (ChatExchange, [ChatMessage]) {
        let asked = try messages(input: context.input)
        if prompt == nil, messages == nil { context.journal.describe(["prompt": .string(context.input.promptText)]) }
        warnOfExposedCredentials(service.client.configuration, context)
        let attachments = try Attachments(files, service, context.project)
        let exchange = ChatExchange(chat: self, service: service, context: context, attachments: attachments)
        return (exchange, attachments.attached(to: asked))
    }

    /// Asks, and asks once more if the answer does not fit the schema. Returns the step's output.
    @inline(never) private func fitting(
        _ schema: SchemaField, _ asked: [ChatMessage], _ exchange: ChatExchange, _ conversation: Conversation,
        _ context: StepContext
    ) async throws -> Value {
        let rejected: RejectedAnswer
        if let earlier = exchange.rejected {
            // The run was interrupted behind this answer, and what it has used was not stored.
            rejected = earlier
            conversation.found(earlier.conversationID)
            exchange.record(earlier.usage)
        } else {
            let answer = try await exchange.ask(asked, in: conversation, key: context.idempotencyKey)
            let (found, problem) = await check(answer, schema, context)
            guard let problem else { return await finish(answer, found ?? .null, asked, conversation, context) }
            await context.report(.note("the answer does not fit the schema (\(problem)); asking once more"))
            rejected = try await exchange.reject(answer, problem, of: conversation.whole(with: asked))
        }
        let correction = ChatMessage(
            role: "user",
            content: """
                Your answer does not fit: \(rejected.problem).
                Answer again with JSON alone, without any other text, that fits this JSON schema:
                \(schema.source.json())
                """)
        // A server may refuse a message without content.
        let given = rejected.text.isEmpty ? [] : [ChatMessage(role: "assistant", content: rejected.text)]
        // In a conversation of the server it knows what was said.
        let again = conversation.id != nil ? [correction] : asked + given + [correction]
        let second = try await exchange.ask(again, in: conversation, key: context.idempotencyKey + ".correction")
        let (value, rest) = await check(second, schema, context)
        guard let rest else { return await finish(second, value ?? .null, asked, conversation, context) }
        throw StepError(
            ChatErrorCode.schemaMismatch, "the answer does not fit the schema, also when asked again: \(rest)",
            hint: "loosen the schema, or say in the prompt what each key has to hold",
            partialOutput: .string(second.text))
    }

    private func warnOfExposedCredentials(_ configuration: MarketplaceConfiguration, _ context: StepContext) {
        if case .none = configuration.authentication { return }
        guard let url = try? HTTPURL(configuration.baseURL), url.exposesCredentials else { return }
        context.logger.warning("credentials go to \(url.host) without encryption; use https for `marketplace.base_url`")
    }

    /// The step's output, once the turn is kept in its conversation.
    @inline(never) private func finish(
        _ answer: ChatAnswer, _ json: Value, _ asked: [ChatMessage], _ conversation: Conversation,
        _ context: StepContext
    ) async -> Value {
        conversation.ended(asked, answer: answer.text)
        if let warning = conversation.warning { await context.report(.note(warning)) }
        if !files.isEmpty, let warning = conversation.fileWarning { await context.report(.note(warning)) }
        return answer.output(json: json, conversation: conversation.name)
    }

    private func messages(input: Value) throws(StepError) -> [ChatMessage] {
        let asked =
            messages.map { $0.map(\.message) } ?? [ChatMessage(role: "user", content: prompt ?? input.promptText)]
        if asked.allSatisfy({ $0.content.allSatisfy(\.isWhitespace) }) {
            throw StepError(
                ChatErrorCode.emptyPrompt, "the prompt is empty",
                hint: "give `prompt`, or let a step before produce a text")
        }
        return (system.map { [ChatMessage(role: "system", content: $0)] } ?? []) + asked
    }

    /// The JSON in the answer, and what is wrong with it. The last value that fits is taken: a model concludes at the end.
    @inline(never) private func check(
        _ answer: ChatAnswer, _ schema: SchemaField, _ context: StepContext
    ) async -> (value: Value?, problem: String?) {
        let values = JSONFinder.values(in: answer.text)
        guard let last = values.last else { return (nil, JSONFinder.problem(in: answer.text)) }
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
            reported: error.code.rawValue, error.message, hint: error.advice, isTransient: error.isTransient,
            retryAfter: error.retryAfter, partialOutput: asked ?? text)
    }
}

extension MarketplaceError {
    /// The hint, with the settings that the client does not know.
    var advice: String {
        switch code {
        case .tlsFailed:
            hint + "; `http.tls.ca` in runnel.yaml or SSL_CERT_FILE trusts an authority of your own; "
                + "`http.tls.certificate` and `http.tls.key` are the client certificate"
        case .proxyRefused: hint + ": `http.proxy` and `http.proxy_credentials` in runnel.yaml, or HTTPS_PROXY"
        default: hint
        }
    }
}

/// One entry of `messages:`.
struct ChatMessageField: FieldGroup {
    enum Role: String, FieldChoice { case system, user, assistant }

    @Field("Who speaks.") var role: Role = .user
    @Field("What is said.") var content: String

    var message: ChatMessage { ChatMessage(role: role.rawValue, content: content) }
}
