import Marketplace
import RunnelKit
import Tracing

/// The span of one request to an agent, by OpenTelemetry's conventions for generative AI; nothing where nothing is recorded.
///
/// What the server did not tell is left out: unknown is not zero.
final class ChatSpan {
    /// What to send along with the request.
    let carried: TraceContext?
    private let span: (any Tracing.Span)?
    private let trace: StepTrace
    private let redactor: Redactor
    private var tools: [String: any Tracing.Span] = [:]
    private var toolCount = 0

    /// An agent may report tasks without end.
    private static let maximumTools = 128
    /// In characters, of the name and the status of a task.
    private static let maximumWord = 100
    /// In bytes of UTF-8, of all messages of a request together.
    private static let maximumContent = 24 << 10
    /// States after which a task does nothing any more.
    private static let finalStates: Set = [
        "completed", "complete", "done", "success", "succeeded", "finished", "failed", "error", "cancelled", "canceled",
    ]

    /// - Parameter provider: Whose API is called, by the names of the conventions.
    init(_ context: StepContext, provider: String, agent: String?, model: String, _ messages: [ChatMessage]) {
        trace = context.trace
        redactor = context.redactor
        span = trace.startSpan("\(GenAIConventions.Operation.invokeAgent) \(agent ?? model)", ofKind: .client)
        carried = span.flatMap { context.trace.context(of: $0) } ?? context.trace.context
        span?.updateAttributes { all in
            all[GenAIConventions.operationName] = GenAIConventions.Operation.invokeAgent
            all[GenAIConventions.providerName] = provider
            all[GenAIConventions.agentID] = agent
            all[GenAIConventions.requestModel] = model
            all[GenAIConventions.requestStream] = true
        }
        guard let span, trace.recordsContent else { return }
        let room = Self.maximumContent / max(1, messages.count)
        span.attributes[GenAIConventions.inputMessages] = Value.list(
            messages.map { message(role: $0.role, $0.content, room) }
        ).json()
    }

    /// The first piece of the answer came so long after the request.
    func began(after time: Duration) {
        span?.attributes[GenAIConventions.timeToFirstChunk] = time / .seconds(1)
    }

    /// What the agent does, as a span of its own from its first report to its last.
    func report(_ task: AgentTask) {
        guard let span, let name = task.title ?? task.actionType else { return }
        let key = task.callID ?? name
        let tool: any Tracing.Span
        if let open = tools[key] {
            tool = open
        } else {
            guard toolCount < Self.maximumTools else { return }
            toolCount += 1
            let shown = redactor.redact(name, limit: Self.maximumWord)
            guard
                let new = trace.startSpan("\(GenAIConventions.Operation.executeTool) \(shown)", below: span)
            else { return }
            new.updateAttributes { all in
                all[GenAIConventions.operationName] = GenAIConventions.Operation.executeTool
                all[GenAIConventions.toolName] = shown
                all[GenAIConventions.toolCallID] = task.callID
            }
            tools[key] = new
            tool = new
        }
        guard let status = task.status?.lowercased() else { return }
        tool.attributes["runnel.task.status"] = redactor.redact(status, limit: Self.maximumWord)
        guard Self.finalStates.contains(status) else { return }
        if ["failed", "error"].contains(status) { tool.fail(code: "_OTHER", message: status) }
        tools[key] = nil
        tool.end()
    }

    /// Notes that the client makes the request again by itself.
    var retries: @Sendable (RetryNotice) -> Void {
        { [span] notice in
            var attributes = SpanAttributes()
            attributes[GenAIConventions.errorType] = notice.error.code.rawValue
            attributes["runnel.retry.delay_ms"] = notice.delay / .milliseconds(1)
            span?.addEvent(SpanEvent(name: notice.isReconnection ? "reconnect" : "retry", attributes: attributes))
        }
    }

    /// What is known of the answer, also of one that failed.
    func describe(_ answer: ChatAnswer) {
        guard let span else { return }
        span.updateAttributes { all in
            all[GenAIConventions.conversationID] = answer.conversationID
            all[GenAIConventions.responseID] = answer.messageID
            all[GenAIConventions.finishReasons] = answer.finishReason.map { [$0] }
            all[GenAIConventions.inputTokens] = answer.usage?.promptTokens.map(Int64.init)
            all[GenAIConventions.outputTokens] = answer.usage?.completionTokens.map(Int64.init)
            all[GenAIConventions.cachedTokens] = answer.usage?.cachedTokens.map(Int64.init)
        }
        guard trace.recordsContent else { return }
        var said = message(role: "assistant", answer.text, Self.maximumContent).asObject ?? [:]
        said["finish_reason"] = answer.finishReason.map { .string($0) }
        span.attributes[GenAIConventions.outputMessages] = Value.list([.object(said)]).json()
    }

    /// Ends the span.
    ///
    /// - Parameter error: Why the request failed; nil if it did not.
    func end(_ error: (any Error)? = nil) {
        for tool in tools.values { tool.end() }
        tools = [:]
        switch error {
        case let error as MarketplaceError: span?.fail(code: error.code.rawValue, message: error.message)
        case let error?: span?.fail(error)
        case nil: break
        }
        span?.end()
    }

    /// Redacted before it is JSON: escapes would hide a secret from the exporter.
    private func message(role: String, _ text: String, _ room: Int) -> Value {
        let text = redactor.redact(text)
        let kept =
            text.utf8.count <= room ? text : String(decoding: text.utf8.prefix(room), as: UTF8.self) + "…"
        return ["role": .string(role), "parts": [["type": "text", "content": .string(kept)]]]
    }
}
