import JSONSchema
import Marketplace
import RunnelKit

/// Asks once, or once more, on behalf of a step, and keeps account of it.
///
/// The async frames of its functions stay in memory while the answer streams. To keep them small, it is a class, and the code
/// before and after the stream is not inlined.
final class ChatExchange {
    let chat: Chat
    let service: MarketplaceService.Service
    let context: StepContext
    let attachments: Attachments
    /// What names the files that were sent beforehand; nil until then.
    private var uploaded: ValueObject?
    /// What an earlier life of the run has left.
    private let checkpoint: ChatCheckpoint
    /// The answer that does not fit the schema and was sent back, also in an earlier life of the run.
    private(set) var rejected: RejectedAnswer?
    /// Set once the server has refused `response_format` in this chat: whether it says that it does not know it at all.
    private var formatIsUnknown: Bool?

    /// The minimum length in bytes of an access token that is masked. Shorter ones, as test servers issue, may be ordinary
    /// words.
    private static let minimumTokenLength = 16
    /// More changes of the ids of one answer are not kept: a server may name new ones without end.
    private static let maximumSaves = 8

    init(chat: Chat, service: MarketplaceService.Service, context: StepContext, attachments: Attachments) {
        self.chat = chat
        self.service = service
        self.context = context
        self.attachments = attachments
        let checkpoint = context.journal.checkpoint.map { ChatCheckpoint($0) } ?? ChatCheckpoint()
        self.checkpoint = checkpoint
        rejected = chat.schema == nil ? nil : checkpoint.rejected
    }

    private var settings: MarketplaceSettings { service.settings }
    private var client: MarketplaceClient { service.client }
    private var agent: String? { client.configuration.requestedAgent(chat.agentID, body: extraFields) }
    private var model: String { client.configuration.requestedModel(chat.model, body: extraFields) }
    /// A server that is asked without an agent, and without the Marketplace's credentials, is one in OpenAI's style.
    private var provider: String {
        if case .clientCredentials = client.configuration.authentication { return "agentic_star" }
        return agent == nil ? "openai" : "agentic_star"
    }

    /// Asks and returns the answer, which is a success.
    ///
    /// - Parameters:
    ///   - asked: What is new in the conversation.
    ///   - key: The idempotency key.
    func ask(_ asked: [ChatMessage], in conversation: Conversation, key: String) async throws -> ChatAnswer {
        var attempt = try await firstAttempt(key)
        while true {
            if chat.schema != nil, service.formats.isDropped(attempt.format) {
                await context.report(
                    .note("the server does not accept `response_format`; asking with the schema in the prompt"))
            }
            if let answer = try await stream(asked, attempt, in: conversation) { return answer }
            attempt = Attempt(format: .none, key: Self.plainKey(key), resuming: nil)
        }
    }

    /// One attempt to get an answer.
    private struct Attempt {
        let format: ResponseFormat
        /// The idempotency key.
        let key: String
        /// The interrupted answer to resume.
        let resuming: MessageInfo?
    }

    /// The idempotency key of the request that has the schema in the prompt.
    private static func plainKey(_ key: String) -> String { key + ".plain" }

    private func firstAttempt(_ key: String) async throws -> Attempt {
        if let budgets = budgets(key) { try await check(budgets) }
        if uploaded == nil, attachments.isUploaded { uploaded = try await attachments.upload(client) }
        return attempt(key)
    }

    /// Resumes the answer of an earlier life of the run, if there is one.
    @inline(never) private func attempt(_ key: String) -> Attempt {
        let plain = interruptedAnswer(Self.plainKey(key))
        let isPlain = chat.schema == nil || plain != nil || formatIsUnknown != nil
        return Attempt(
            format: isPlain ? .none : service.formats.format(model: model),
            key: plain == nil ? key : Self.plainKey(key), resuming: plain ?? interruptedAnswer(key))
    }

    /// The budgets that a new answer is under; nil if there are none.
    @inline(never) private func budgets(_ key: String) -> Budgets? {
        let budgets = Budgets(settings: settings)
        guard !budgets.isEmpty, interruptedAnswer(Self.plainKey(key)) == nil, interruptedAnswer(key) == nil else {
            return nil
        }
        return budgets
    }

    @inline(never) private func check(_ budgets: Budgets) async throws {
        try await budgets.check(agent: agent, model: model, context)
    }

    /// The step's failure. The key of a conversation that the server no longer has is forgotten.
    @inline(never) private func failure(_ error: MarketplaceError, in conversation: Conversation) -> StepError {
        var failure = StepError(error)
        if let hint = error.missingConversation.flatMap({ conversation.lost($0) }) { failure.hint = hint }
        return failure
    }

    /// - Returns: The answer; nil if the server does not accept the format.
    @inline(never) private func stream(
        _ asked: [ChatMessage], _ attempt: Attempt, in conversation: Conversation
    ) async throws -> ChatAnswer? {
        let asked = chat.schema?.stated(in: asked, format: attempt.format) ?? asked
        let messages = conversation.whole(with: asked)
        let span = span(messages)
        do {
            let answer = try await receive(messages, attempt, in: conversation, span)
            span.end()
            if formatIsUnknown == true { service.formats.noteUnknown(model) }
            return answer
        } catch {
            span.end(error)
            guard let error = error as? MarketplaceError else { throw error }
            if service.formats.drops(attempt.format, after: error) {
                formatIsUnknown = error.saysResponseFormatIsUnknown
                return nil
            }
            throw failure(error, in: conversation)
        }
    }

    @inline(never) private func span(_ messages: [ChatMessage]) -> ChatSpan {
        ChatSpan(context, provider: provider, agent: agent, model: model, messages)
    }

    @inline(never) private func receive(
        _ messages: [ChatMessage], _ attempt: Attempt, in conversation: Conversation, _ span: ChatSpan
    ) async throws -> ChatAnswer {
        let (notices, continuation) = AsyncStream.makeStream(
            of: RetryNotice.self, bufferingPolicy: .bufferingNewest(16))
        let report = reporter()
        async let reporting: Void = ChatExchange.report(notices, report)
        defer { continuation.finish() }
        let answer = ChatAnswer()
        var hasToken = false
        var kept = KeptIDs(ids: attempt.resuming ?? MessageInfo())
        do {
            var batches = begin(messages, attempt, conversationID: conversation.id, span, continuation)
            let elapsed = context.clock.stopwatch()
            while let batch = try await batches.next() {
                if !hasToken, batch.contains(where: \.isToken) {
                    hasToken = true
                    noteFirstToken(after: elapsed(), span)
                }
                try await take(batch, into: answer, span)
                if let ids = newIDs(of: answer, &kept) { try await keep(ids, attempt.key) }
            }
        } catch {
            try await fail(error, answer, messages, in: conversation, resuming: attempt.resuming, span)
            throw error
        }
        continuation.finish()
        await reporting
        await finish(answer, messages, in: conversation, span)
        return answer
    }

    /// Reports what goes on, for a child task. Holds a copy of the context on the heap.
    @inline(never) private func reporter() -> @Sendable (StepProgress) async -> Void {
        { [context] in await context.report($0) }
    }

    /// The answer to a new request. Reading the answer sends the request.
    @inline(never) private func begin(
        _ messages: [ChatMessage], _ attempt: Attempt, conversationID: String?, _ span: ChatSpan,
        _ notices: AsyncStream<RetryNotice>.Continuation
    ) -> ChatBatches.AsyncIterator {
        context.journal.describe([
            "agent": agent.map { .string($0) } ?? .null, "model": .string(model), "finish_reason": .null,
            "input_tokens": .null, "output_tokens": .null, "cached_tokens": .null, "time_to_first_token_ms": .null,
        ])
        var request = ChatRequest(
            messages: messages, agentID: chat.agentID, model: chat.model,
            responseSchema: chat.schema?.source.json(), responseFormat: attempt.format,
            conversationID: conversationID, extraFields: extraFields, resuming: attempt.resuming,
            idempotencyKey: attempt.key, acceptsTruncated: chat.accept.contains(.length),
            onRetry: { [recorder = span.retries] notice in
                recorder(notice)
                notices.yield(notice)
            })
        request.headers = span.carried?.headers ?? []
        request.willSend = context.checkOwnership
        request.onToken = { [redactor = context.redactor] token in
            guard token.utf8.count >= ChatExchange.minimumTokenLength else { return }
            redactor.add(token, named: "marketplace/access_token")
        }
        return client.chat(request).batches.makeAsyncIterator()
    }

    @inline(never) private func noteFirstToken(after time: Duration, _ span: ChatSpan) {
        span.began(after: time)
        context.journal.describe(["time_to_first_token_ms": .int(time.wholeMilliseconds)])
    }

    /// Cleans up after a failed stream. Throws only if the step fails with another error than `error`.
    @inline(never) private func fail(
        _ error: any Error, _ answer: ChatAnswer, _ messages: [ChatMessage], in conversation: Conversation,
        resuming: MessageInfo?, _ span: ChatSpan
    ) async throws {
        if answer.hasBegun || resuming != nil, isUnwanted(after: error) {
            await cancelAtServer(answer.hasBegun ? answer.ids : resuming ?? answer.ids)
        }
        if answer.hasBegun { account(for: answer, messages, span) }
        conversation.found(answer.conversationID)
        conversation.found((error as? MarketplaceError)?.question?.conversationID)
        if Task.isCancelled, !answer.text.isEmpty { throw StepError.cancelled(partialOutput: .string(answer.text)) }
        try Task.checkCancellation()
        if let error = error as? MarketplaceError, error.code == .emptyAnswer, !answer.reasoning.isEmpty {
            var failure = StepError(error)
            failure.partialOutput = ["text": "", "reasoning": .string(answer.reasoning)]
            throw failure
        }
    }

    /// Records the usage of a complete answer, and reports what is unusual about the answer.
    @inline(never) private func finish(
        _ answer: ChatAnswer, _ messages: [ChatMessage], in conversation: Conversation, _ span: ChatSpan
    ) async {
        account(for: answer, messages, span)
        conversation.found(answer.conversationID)
        if let reason = answer.finishReason, FinishKind(reason) == .other {
            await context.report(
                .note(
                    "the answer ended with the finish reason \(context.redactor.redact(.string(reason)).quoted()); "
                        + "it counts as whole"))
        }
        if answer.text.isEmpty {
            await context.report(.note("the agent did its tasks and said nothing: `text` is empty"))
        }
    }

    // MARK: Interruptions

    private var canReconnect: Bool { client.configuration.dialect.reconnect != nil }

    /// The answer that this attempt had begun to receive before its process ended.
    private func interruptedAnswer(_ key: String) -> MessageInfo? {
        canReconnect && checkpoint.key == key ? checkpoint.ids : nil
    }

    /// The ids of an answer that were kept last, and how often ids were kept.
    private struct KeptIDs {
        var ids: MessageInfo
        var saves = 0
    }

    /// The ids of the answer, if they are to be kept.
    @inline(never) private func newIDs(of answer: ChatAnswer, _ kept: inout KeptIDs) -> MessageInfo? {
        let ids = answer.ids
        guard ids != MessageInfo(), ids != kept.ids, kept.saves < Self.maximumSaves else { return nil }
        kept = KeptIDs(ids: ids, saves: kept.saves + 1)
        return ids
    }

    /// Keeps the ids of the answer, so that a later life of the run takes it up again instead of asking once more.
    @inline(never) private func keep(_ ids: MessageInfo, _ key: String) async throws {
        guard canReconnect else { return }
        try await save(ChatCheckpoint(key: key, ids: ids, rejected: rejected))
    }

    /// Keeps an answer that is sent back, so that a later life of the run does not ask for it once more.
    /// - Parameter messages: What was asked.
    func reject(
        _ answer: ChatAnswer, _ problem: String, of messages: [ChatMessage]
    ) async throws -> RejectedAnswer {
        let rejected = RejectedAnswer(
            text: answer.text, problem: problem, conversationID: answer.conversationID,
            usage: usage(of: answer, messages))
        self.rejected = rejected
        try await save(ChatCheckpoint(rejected: rejected))
        return rejected
    }

    private func save(_ checkpoint: ChatCheckpoint) async throws {
        do {
            try await context.journal.save(checkpoint: checkpoint.value)
        } catch let error as StepError where error.has(.checkpointTooLarge) {
            guard let rest = checkpoint.withoutText else { return }
            try await context.journal.save(checkpoint: rest.value)
        }
    }

    /// Whether nobody waits for the answer any more. That of an interrupted run is left to a later life of it.
    private func isUnwanted(after error: any Error) -> Bool {
        if Task.isCancelled { return !context.isInterrupted }
        guard let error = error as? MarketplaceError else { return false }
        return [.totalTimeout, .idleTimeout].contains(error.code)
    }

    private func cancelAtServer(_ ids: MessageInfo) async {
        guard await client.cancel(ids) else { return }
        await context.report(.note("the server was told that the answer is cancelled"))
    }

    private var extraFields: ValueObject {
        var fields = ValueObject(settings.body.sorted { $0.key < $1.key }.map { ($0.key, $0.value) })
        for (key, value) in uploaded ?? [:] { fields[key] = value }
        if let mode = chat.agentMode { fields[settings.bodyKeys.agentMode] = .bool(mode) }
        if let level = chat.agentLevel { fields[settings.bodyKeys.agentLevel] = .string(level) }
        for (key, value) in chat.body.sorted(by: { $0.key < $1.key }) { fields[key] = value }
        return fields
    }

    /// Keeps what the chat used, whether it succeeded or not.
    private func account(for answer: ChatAnswer, _ messages: [ChatMessage], _ span: ChatSpan) {
        let usage = answer.usage
        span.describe(answer)
        context.journal.describe([
            "finish_reason": answer.finishReason.map { .string($0) } ?? .null,
            "input_tokens": .optional(usage?.promptTokens), "output_tokens": .optional(usage?.completionTokens),
            "cached_tokens": .optional(usage?.cachedTokens),
            "conversation_id": answer.conversationID.map { .string($0) } ?? .null,
            "message_id": answer.messageID.map { .string($0) } ?? .null,
        ])
        record(self.usage(of: answer, messages))
    }

    /// Adds to what agents have used. What a stand-in answers costs nothing.
    func record(_ usage: UsageRecord) {
        if !service.isSimulated { context.journal.record(usage) }
    }

    private func usage(of answer: ChatAnswer, _ messages: [ChatMessage]) -> UsageRecord {
        UsageRecord(
            agent: agent, model: model, inputTokens: answer.usage?.promptTokens,
            outputTokens: answer.usage?.completionTokens, cachedTokens: answer.usage?.cachedTokens,
            estimatedInput: messages.reduce(0) { $0 + $1.content.utf8.count } / 4, estimatedOutput: answer.bytes / 4)
    }

    /// Shows a batch: its text in one piece, and each task as a note in its place.
    @inline(never) private func take(_ batch: [ChatEvent], into answer: ChatAnswer, _ span: ChatSpan) async throws {
        var text = ""
        for event in batch {
            answer.add(event)
            switch event {
            case .text(let piece): text += piece
            case .task(let task):
                span.report(task)
                if !text.isEmpty { await context.report(.text(text)) }
                text = ""
                await context.report(.note(task.note(context.redactor)))
            case .role, .reasoning, .finish, .usage: break
            @unknown default: break
            }
        }
        if !text.isEmpty { await context.report(.text(text)) }
        try Task.checkCancellation()
    }

    private static func report(
        _ notices: AsyncStream<RetryNotice>, _ report: @Sendable (StepProgress) async -> Void
    ) async {
        for await notice in notices {
            let pause = DurationText.format(.milliseconds(Int(notice.delay / .milliseconds(1))))
            guard !notice.isReconnection else {
                await report(
                    .note(
                        "\(notice.error.message); taking the answer up again in \(pause) (\(notice.failedAttempt) of \(notice.attempts))"
                    ))
                continue
            }
            await report(
                .note(
                    "\(notice.error.message); trying again in \(pause) (attempt \(notice.failedAttempt + 1) of \(notice.attempts))"
                ))
        }
    }
}

extension ChatEvent {
    /// Whether it is something that the model has said or thought.
    fileprivate var isToken: Bool {
        switch self {
        case .text, .reasoning: true
        default: false
        }
    }
}

extension Clock<Duration> {
    /// Measures the time from now on.
    fileprivate func stopwatch() -> () -> Duration {
        let start = now
        return { start.duration(to: now) }
    }
}
