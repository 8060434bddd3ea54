internal import RunnelSupport

/// What was seen of an answer so far, to decide at its end whether it succeeded.
struct AnswerEnd: Sendable {
    var hasText = false
    var hasTasks = false
    var hasReasoning = false
    var refusal = ""
    /// A tool was to be called, and no text came behind that.
    var callsTool = false
    var toolName: String?

    /// The most characters of a refusal or a question in a message.
    private static let quoted = 2000

    /// What is wrong with an answer whose stream has ended as it should; `nil` when it is a success.
    func verdict(
        _ finishReason: String?, _ rules: AnswerRules, _ redactor: ResponseRedactor, conversationID: String?
    ) -> MarketplaceError? {
        let kind = finishReason.map { FinishKind($0) }
        let reason = Quote.quoted(redactor.redact(finishReason ?? ""), limit: 60)
        if !refusal.isEmpty || kind == .refusal {
            let said = refusal.isEmpty ? "" : ": \(Quote.quoted(redactor.redact(refusal), limit: Self.quoted))"
            return MarketplaceError(
                .refusal, "the model refused to answer\(said)",
                hint: "change what is asked; the same request would be refused again")
        }
        switch kind {
        case .contentFilter:
            return MarketplaceError(
                .contentFilter, "the server's content filter stopped the answer (finish reason \(reason))",
                hint: "change what is asked, or the filter's settings at the server")
        case .toolCalls: return unexpectedToolCall(rules, redactor)
        case .length where !rules.acceptsTruncated:
            return MarketplaceError(
                .answerTruncated,
                "the answer was cut off at the model's limit of tokens (finish reason \(reason))",
                hint: "ask for less at once, raise the limit at the server, or take such answers as they are: "
                    + "`accept: [length]`")
        case .interaction:
            return Self.asked(AgentQuestion(kind: finishReason ?? ""), redactor, conversationID: conversationID)
        default: break
        }
        if callsTool { return unexpectedToolCall(rules, redactor) }
        guard hasText || hasTasks else {
            return MarketplaceError(
                .emptyAnswer, "the answer is empty: the stream ended without any text",
                hint: hasReasoning
                    ? "the model only thought, and its reasoning is kept: try again, or raise its limit of tokens"
                    : "try again; if it stays so, check the agent and what is asked", isTransient: true)
        }
        return nil
    }

    private func unexpectedToolCall(_ rules: AnswerRules, _ redactor: ResponseRedactor) -> MarketplaceError {
        let name = toolName.map { " \(Quote.quoted(redactor.redact($0), limit: 80))" } ?? ""
        guard !rules.offersTools else {
            return MarketplaceError(
                .unexpectedToolCall,
                "the model wants the tool\(name) of the request's `tools` to be called, and Runnel calls no tools",
                hint: "leave `tools` out of `body`, or say in the prompt to answer in words")
        }
        return MarketplaceError(
            .unexpectedToolCall, "the model wants the tool\(name) to be called, and none was offered to it",
            hint: "take the tools out of the model's or the agent's settings, or say in the prompt to answer in words")
    }

    /// An agent that asks a person has not finished.
    static func asked(
        _ question: AgentQuestion, _ redactor: ResponseRedactor, conversationID: String?
    ) -> MarketplaceError {
        let question = AgentQuestion(
            kind: redactor.redact(question.kind), text: redactor.redact(question.text),
            conversationID: question.conversationID ?? conversationID)
        let said =
            question.text.map { Quote.quoted($0, limit: quoted) }
            ?? "\(Quote.text(question.kind, limit: 60)), without words"
        let id = question.conversationID.map { Quote.quoted($0, limit: 80) }
        let place = id.map { " (conversation \($0))" } ?? ""
        return MarketplaceError(
            .interactionRequired, "the agent asks and waits for a person: \(said)\(place)",
            hint: (id.map { "answer by a chat with `conversation: \($0)`" } ?? "answer in the Marketplace")
                + ", or allow the agent beforehand what it asks for", question: question)
    }

    /// The generation failed: the finish reason `error`, or an error in the choice.
    /// - Parameter lastWords: the text so far, which may end with what went wrong.
    static func failed(_ message: ServerMessage, _ redactor: ResponseRedactor, lastWords: String?) -> MarketplaceError {
        guard message.text == nil, message.code == nil else {
            return ChatDecoder.reported(message, redactor, isTransient: !message.blamesRequest)
        }
        let end = lastWords.map { Self.end(of: redactor.redact($0)) } ?? ""
        let words = end.isEmpty ? "" : "; its last words were \(Quote.quoted(end))"
        return MarketplaceError(
            .errorInStream, "the agent failed while it was answering\(words)", hint: "try again later",
            isTransient: true)
    }

    /// The last characters of a text. They begin with no part of a word, which may be a secret that the caller masks.
    private static func end(of text: String) -> String {
        let end = text.suffix(200)
        return String(end.startIndex == text.startIndex ? end : end.drop { $0.isASCII && !$0.isWhitespace }.trimmed)
    }
}

/// What a finish reason means. Servers have several words for the same.
@nonexhaustive public enum FinishKind: Sendable, Equatable {
    /// The model said all it had to say.
    case stop
    /// Cut off at a limit of tokens.
    case length
    /// Stopped by the server's filter.
    case contentFilter
    /// The model refused.
    case refusal
    /// The model calls tools.
    case toolCalls
    /// The agent asks a person.
    case interaction
    /// The generation failed or was given up.
    case failure
    /// A word that is not known here.
    case other

    /// What the server's word means, whatever its case.
    public init(_ reason: String) {
        switch Self.normalised(reason) {
        case "stop", "endturn", "stopsequence", "eos", "eostoken", "complete", "completed", "finished": self = .stop
        case "length", "maxtokens", "maxlength", "maxoutputtokens", "modellength", "modelcontextwindowexceeded":
            self = .length
        case "contentfilter", "contentfiltered", "safety", "recitation", "prohibitedcontent", "blocklist", "spii",
            "sensitive", "guardrailintervened":
            self = .contentFilter
        case "refusal": self = .refusal
        case "toolcalls", "toolcall", "tooluse", "functioncall": self = .toolCalls
        case "error", "failed", "networkerror", "insufficientsystemresource", "abort", "aborted", "cancelled",
            "canceled":
            self = .failure
        case let name: self = Self.interactions.contains(name) ? .interaction : .other
        }
    }

    /// Whether an answer that ended so may be whole.
    var isSuccess: Bool { self == .stop || self == .other }

    /// Whether a key or a word of the server says that the agent asks a person.
    static func isInteraction(_ name: String) -> Bool {
        interactions.contains(normalised(name))
    }

    private static let interactions: Set<String> = [
        "permissionrequest", "permissionrequired", "userinteractionrequired", "interactionrequired",
        "interactionrequest", "userinputrequired", "inputrequired", "requiresaction",
    ]

    /// In lower case, without what separates words.
    private static func normalised(_ name: String) -> String {
        name.lowercased().filter { $0 != "_" && $0 != "-" }
    }
}
