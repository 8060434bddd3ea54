internal import RunnelSupport
internal import RunnelValue

/// What a decoder must know of the request and the configuration.
struct AnswerRules: Sendable {
    var streamEnd = MarketplaceConfiguration.StreamEnd.done
    var maxEvent = 16 << 20
    var maxAnswer = 64 << 20
    var acceptsTruncated = false
    /// Whether the request's body offers tools to the model.
    var offersTools = false
    /// Whether text of the answer has come on an earlier connection.
    var hasEarlierText = false
    /// Whether reports of tasks have.
    var hasEarlierTasks = false
}

extension AnswerRules {
    init(_ configuration: MarketplaceConfiguration, _ request: ChatRequest) {
        self.init(
            streamEnd: configuration.streamEnd, maxEvent: configuration.limits.maxEvent,
            maxAnswer: configuration.limits.maxAnswer, acceptsTruncated: request.acceptsTruncated,
            offersTools: request.extraFields["tools"]?.asList?.isEmpty == false)
    }
}

/// The whole way from the bytes of a response's body to the events of a chat. Pure: it knows no network and no clock.
struct ChatDecoder: Sendable {
    /// The most bytes of text that are kept for the error of a stream that breaks.
    static let keptText = 4 << 20
    /// The most bytes of a body without events that are kept, to see what it is.
    private static let keptBody = 64 << 10

    /// What ends the stream has come, and the answer is whole; whatever follows is ignored.
    private(set) var isDone = false
    /// Something came that a repetition of the request would do or show twice.
    private(set) var hasProgress = false
    /// A finish reason has come, and nothing else has to come by the rules.
    var mayEnd: Bool { rules.streamEnd == .finish && finishReason != nil }

    private let rules: AnswerRules
    private var end = AnswerEnd()
    private var finishReason: String?
    private var text: [UInt8] = []
    private var received = 0
    /// What had been received when the finish reason came.
    private var receivedBeforeReason = 0
    private var role: String?
    private var conversationID: String?
    private var parser: SSEParser
    private var joiner = TextJoiner()
    private var reasoningJoiner = TextJoiner()
    private var refusalJoiner = TextJoiner()
    private var scratch: [UInt8] = []
    /// The start of the body as long as no event was in it; `nil` afterwards.
    private var body: [UInt8]? = []
    /// Whether a chunk of a chat completion has come.
    private var isChat = false
    /// The first event of another API, quoted.
    private var foreignEvent: String?

    init(rules: AnswerRules = AnswerRules()) {
        self.rules = rules
        end.hasText = rules.hasEarlierText
        end.hasTasks = rules.hasEarlierTasks
        parser = SSEParser(limits: SSEParser.Limits(line: rules.maxEvent, event: rules.maxEvent))
    }

    /// The text so far, `nil` when there is none.
    var partialText: String? {
        text.isEmpty ? nil : String(decoding: text, as: UTF8.self)
    }

    /// A body that holds no event and begins like JSON, a web page or another text: its `Content-Type` was wrong.
    var strayBody: [UInt8]? {
        guard let body, let start = body.firstIndex(where: { !$0.isJSONWhitespace }) else { return nil }
        let line = body[start...].prefix { $0 != 0x0A && $0 != 0x0D }
        let field = line.prefix { $0 != UInt8(ascii: ":") }
        // The line may be cut off.
        return Self.fields.contains { $0.utf8.starts(with: field) } ? nil : body
    }

    /// What a line of an event stream begins with (WHATWG HTML, section 9.2.6); nothing in a comment.
    private static let fields = ["", "data", "event", "id", "retry"]

    /// Reads more of the body and appends the events it completes. The events before an error are appended, too.
    /// - Throws: what is wrong with the stream, or with an answer that has ended.
    mutating func feed(
        _ bytes: UnsafeRawBufferPointer, redactor: ResponseRedactor, into events: inout [ChatEvent]
    ) throws(MarketplaceError) {
        guard !isDone else { return }
        if let held = body?.count, held < Self.keptBody { body?.append(contentsOf: bytes.prefix(Self.keptBody - held)) }
        try parse(bytes, redactor, into: &events)
        // Some servers send no blank line behind it and leave the connection open.
        let unfinished = parser.unfinishedData
        if !isDone, !unfinished.isEmpty, unfinished.count < 64, unfinished.withUnsafeBytes(Self.isDoneMark) {
            isDone = true
        }
        if isDone { try conclude(redactor, into: &events) }
    }

    /// The body has ended as HTTP has it. Reads what no blank line has ended.
    /// - Throws: what is wrong with the answer, `stream-cut-off` when it is not whole.
    mutating func finish(redactor: ResponseRedactor, into events: inout [ChatEvent]) throws(MarketplaceError) {
        guard !isDone else { return }
        try parse(nil, redactor, into: &events)
        guard isDone || finishReason != nil && rules.streamEnd != .done else {
            throw foreign(into: &events)
                ?? explained(TransportFailure.cutOff(why: nil, before: rules.endName), redactor)
        }
        try conclude(redactor, into: &events)
    }

    /// Nothing more is read, and nothing more has to come.
    /// - Throws: what is wrong with the answer.
    mutating func conclude(_ redactor: ResponseRedactor, into events: inout [ChatEvent]) throws(MarketplaceError) {
        isDone = true
        showRest(to: &events)
        if let failure = foreign(into: &events) { throw failure }
        if rules.streamEnd == .finish, finishReason == nil {
            throw explained(TransportFailure.cutOff(why: nil, before: rules.endName), redactor)
        }
        if let failure = end.verdict(finishReason, rules, redactor, conversationID: conversationID) {
            throw failure.keeping(partialText: partialText)
        }
    }

    /// Reads a body that is one JSON document: a completion that is not streamed, or an error.
    /// - Returns: false when it is neither.
    mutating func read(
        document: [UInt8], redactor: ResponseRedactor, into events: inout [ChatEvent]
    ) throws(MarketplaceError) -> Bool {
        guard let parts = try? document.withUnsafeBytes({ try ChunkDecoder.decode($0) }),
            parts.contains(where: \.isAnswer)
        else { return false }
        if let failure = append(parts, redactor, to: &events) { throw failure.keeping(partialText: partialText) }
        // The document is whole, so the answer is.
        if rules.streamEnd == .finish, finishReason == nil { finishReason = "stop" }
        try conclude(redactor, into: &events)
        return true
    }

    /// The failure of the connection with the text so far, and with what a finish reason that had come tells. A refusal
    /// or a reason that is no success is the failure itself: the same request would be answered so again.
    func explained(_ failure: MarketplaceError, _ redactor: ResponseRedactor) -> MarketplaceError {
        var hint: String?
        if finishReason != nil || !end.refusal.isEmpty,
            let verdict = end.verdict(finishReason, rules, redactor, conversationID: conversationID),
            verdict.code != .emptyAnswer
        {
            return verdict.keeping(partialText: partialText)
        }
        if finishReason != nil, rules.streamEnd != .finish {
            switch failure.code {
            case .streamCutOff where rules.streamEnd == .done:
                hint =
                    "the text so far is kept, and a finish reason had come: if this server never sends [DONE], set "
                    + "`marketplace.stream_end: either`"
            case .idleTimeout:
                hint =
                    "a finish reason had come: if this server sends nothing behind it and keeps the connection open, "
                    + "set `marketplace.stream_end: finish`"
            default: break
            }
        }
        return failure.keeping(partialText: partialText, hint: hint)
    }

    // MARK: Events

    /// - Parameter bytes: More of the body; nil at its end, where what is left may be half an event.
    private mutating func parse(
        _ bytes: UnsafeRawBufferPointer?, _ redactor: ResponseRedactor, into events: inout [ChatEvent]
    ) throws(MarketplaceError) {
        var failure: MarketplaceError?
        // The parser is lent to itself while it calls back into the other parts of this value.
        var parser = SSEParser()
        swap(&parser, &self.parser)
        defer { swap(&parser, &self.parser) }
        func take(_ event: SSEParser.RawEvent) {
            guard !isDone, failure == nil else { return }
            failure = read(event, redactor: redactor, into: &events)
        }
        do {
            if let bytes { try parser.feed(bytes, take) } else { try parser.finish(take) }
        } catch {
            failure = failure ?? Self.tooMuch(error)
        }
        if bytes == nil, failure?.code == .malformedEvent { failure = nil }
        if let failure, !isDone { throw failure.keeping(partialText: partialText) }
    }

    private mutating func read(
        _ event: SSEParser.RawEvent, redactor: ResponseRedactor, into events: inout [ChatEvent]
    ) -> MarketplaceError? {
        if body != nil { body = nil }
        let isError = event.event == "error"
        if !isError, let match = ChunkScanner.scan(event.data) {
            isChat = true
            append(match.text, in: event.data, to: &events)
            return received > rules.maxAnswer ? tooLong : nil
        }
        if Self.isDoneMark(event.data) {
            isDone = true
            return nil
        }
        // A sign of life.
        if !isError, event.data.allSatisfy(\.isJSONWhitespace) { return nil }
        let isNamed = event.event != "message"
        let end = isNamed ? Self.end(named: event) : nil
        do {
            var parts = try ChunkDecoder.decode(
                event.data, readsMessage: received == 0, isNamed: isNamed && !isError)
            if let end, !parts.contains(where: \.isError) { parts.insert(end, at: 0) }
            if parts.contains(where: \.isChat) { isChat = true }
            if case .foreign(let name)? = parts.first { noteForeign(event, name, redactor) }
            let failure = append(parts, redactor, to: &events)
            return failure ?? (received > rules.maxAnswer ? tooLong : nil)
        } catch {
            if let end { return append(end, redactor, to: &events) }
            // Events of a kind of their own need not be JSON.
            if isNamed, event.data.first(where: { !$0.isJSONWhitespace }) != UInt8(ascii: "{") {
                noteForeign(event, nil, redactor)
                return nil
            }
            return Self.malformed(event.data, error.what, redactor)
        }
    }

    @inline(__always)
    private mutating func append(
        _ content: JSONCursor.Text, in data: UnsafeRawBufferPointer, to events: inout [ChatEvent]
    ) {
        guard !content.range.isEmpty else { return }
        let raw = UnsafeRawBufferPointer(rebasing: data[content.range])
        guard content.hasEscapes || !joiner.isEmpty || TextJoiner.unfinishedTail(raw) > 0 else {
            noteText(raw.count)
            keep(raw)
            events.append(.text(String(decoding: raw, as: UTF8.self)))
            return
        }
        guard content.hasEscapes else { return show(joiner.join(raw), to: &events) }
        scratch.removeAll(keepingCapacity: true)
        JSONEscape.decode(raw, into: &scratch, keepingHalves: true)
        show(joiner.join(scratch), to: &events)
    }

    /// Appends the parts up to a failure, and the usage also behind it.
    private mutating func append(
        _ parts: [ChunkDecoder.Part], _ redactor: ResponseRedactor, to events: inout [ChatEvent]
    ) -> MarketplaceError? {
        var failure: MarketplaceError?
        for part in parts {
            if failure == nil {
                failure = append(part, redactor, to: &events)
            } else if case .event(.usage(let usage)) = part {
                events.append(.usage(usage))
            }
        }
        return failure
    }

    private mutating func append(
        _ part: ChunkDecoder.Part, _ redactor: ResponseRedactor, to events: inout [ChatEvent]
    ) -> MarketplaceError? {
        switch part {
        case .piece(.answer, let piece):
            show(joiner.join(piece), to: &events)
            return nil
        case .piece(.reasoning, let piece):
            think(reasoningJoiner.join(piece), to: &events)
            return nil
        case .piece(.refusal, let piece):
            refuse(refusalJoiner.join(piece))
            return nil
        case .event(let event):
            append(event, to: &events)
            return nil
        case .toolCall(let name):
            hasProgress = true
            end.callsTool = true
            end.toolName = name ?? end.toolName
            return nil
        case .question(let question): return AnswerEnd.asked(question, redactor, conversationID: conversationID)
        case .failure(let message): return AnswerEnd.failed(message, redactor, lastWords: partialText)
        case .error(let message): return Self.reported(message, redactor)
        case .foreign: return nil
        }
    }

    private mutating func append(_ event: ChatEvent, to events: inout [ChatEvent]) {
        switch event {
        case .role(let name, let info):
            conversationID = info?.conversationID ?? conversationID
            // Some servers repeat the role in every chunk.
            if name == role, info == nil { return }
            role = name
        case .task(let task):
            hasProgress = true
            end.hasTasks = true
            conversationID = conversationID ?? task.conversationID
        case .finish(let reason):
            showRest(to: &events)
            // Some servers send `stop` at the end of every stream, also behind what ended the answer.
            if let finishReason, !FinishKind(finishReason).isSuccess, FinishKind(reason).isSuccess,
                received == receivedBeforeReason
            {
                return
            }
            finishReason = reason
            receivedBeforeReason = received
        case .text, .reasoning, .usage: break
        }
        events.append(event)
    }

    private mutating func think(_ piece: String, to events: inout [ChatEvent]) {
        guard !piece.isEmpty else { return }
        hasProgress = true
        end.hasReasoning = true
        received += piece.utf8.count
        events.append(.reasoning(piece))
    }

    private mutating func refuse(_ piece: String) {
        guard !piece.isEmpty else { return }
        hasProgress = true
        received += piece.utf8.count
        end.refusal += piece
    }

    /// Emits the held bytes of characters that the stream left incomplete.
    private mutating func showRest(to events: inout [ChatEvent]) {
        if let rest = joiner.finish() { show(rest, to: &events) }
        if let rest = reasoningJoiner.finish() { think(rest, to: &events) }
        if let rest = refusalJoiner.finish() { refuse(rest) }
    }

    private mutating func show(_ string: String, to events: inout [ChatEvent]) {
        guard !string.isEmpty else { return }
        var string = string
        noteText(string.utf8.count)
        string.withUTF8 { keep(UnsafeRawBufferPointer($0)) }
        events.append(.text(string))
    }

    @inline(__always)
    private mutating func noteText(_ count: Int) {
        hasProgress = true
        received += count
        end.hasText = true
        end.callsTool = false
    }

    @inline(__always)
    private mutating func keep(_ bytes: UnsafeRawBufferPointer) {
        let room = Self.keptText - text.count
        guard room > 0 else { return }
        text.append(contentsOf: bytes.count <= room ? bytes : UnsafeRawBufferPointer(rebasing: bytes[..<room]))
    }

    private static func isDoneMark(_ data: UnsafeRawBufferPointer) -> Bool {
        // Some servers put spaces around it, or quotes.
        var slice = data[...]
        while let last = slice.last, last.isJSONWhitespace { slice = slice.dropLast() }
        while let first = slice.first, first.isJSONWhitespace { slice = slice.dropFirst() }
        return slice.elementsEqual("[DONE]".utf8) || slice.elementsEqual(#""[DONE]""#.utf8)
    }

    // MARK: Failures

    private mutating func noteForeign(_ event: SSEParser.RawEvent, _ name: String?, _ redactor: ResponseRedactor) {
        guard foreignEvent == nil, !isChat, !ChunkDecoder.isHeartbeat(event.event) else { return }
        let name = event.event == "message" ? name : event.event
        foreignEvent = Quote.quoted(redactor.redact(name ?? String(decoding: event.data, as: UTF8.self)), limit: 80)
    }

    /// The failure of a stream that had events of another API, and none of a chat completion. The server has worked, so
    /// the call counts, also where no usage came.
    private func foreign(into events: inout [ChatEvent]) -> MarketplaceError? {
        guard !isChat, let foreignEvent else { return nil }
        events.append(.usage(TokenUsage()))
        return MarketplaceError(
            .notAnEventStream, "the server sent events that are no chat completion, such as \(foreignEvent)",
            hint: "check the base URL and `marketplace.chat_path`: this looks like another API", httpStatus: 200)
    }

    /// What an event means by its name, whatever its data: an error, or a question.
    private static func end(named event: SSEParser.RawEvent) -> ChunkDecoder.Part? {
        if event.event == "error" { return .error(ServerMessage(body: Array(event.data), contentType: nil)) }
        guard FinishKind.isInteraction(event.event) else { return nil }
        let document = try? Value.received(event.data)
        return .question(
            AgentQuestion(
                kind: event.event,
                text: document.map { ChunkDecoder.question(in: $0) } ?? String(decoding: event.data, as: UTF8.self),
                conversationID: document?.first(of: "conversationId", "conversation_id")?.scalarText))
    }

    static func reported(
        _ message: ServerMessage, _ redactor: ResponseRedactor, isTransient: Bool? = nil
    ) -> MarketplaceError {
        let isTransient = isTransient ?? message.isTransient
        let said = redactor.redact(message.text ?? message.code).map { Quote.quoted($0) } ?? "it did not say which"
        let code = message.text == nil ? nil : redactor.redact(message.code).map { " (\(Quote.text($0, limit: 60)))" }
        return MarketplaceError(
            .errorInStream,
            "the server reported an error in its answer: \(said)\(code ?? "")",
            hint: isTransient
                ? "try again later"
                : "check the request and the agent; the server's operator can see more in its log",
            isTransient: isTransient)
    }

    private static func malformed(
        _ data: UnsafeRawBufferPointer, _ what: String, _ redactor: ResponseRedactor
    ) -> MarketplaceError {
        let shown = Quote.quoted(redactor.redact(String(decoding: data, as: UTF8.self)), limit: 120)
        return MarketplaceError(
            .malformedEvent, "the server sent an event that cannot be read: \(what): \(shown)",
            hint: "check that the base URL is the API's address and that no proxy changes the stream")
    }

    private static func tooMuch(_ failure: SSEParser.Failure) -> MarketplaceError {
        let hint =
            "raise the limit, in runnel.yaml `marketplace.limits.max_event`, if the server has so much to say at once"
        switch failure {
        case .lineTooLong(let limit):
            return MarketplaceError(
                .lineTooLong, "the server sent a line longer than \(SizeText.format(limit))", hint: hint)
        case .eventTooLarge(let limit):
            return MarketplaceError(
                .eventTooLarge, "the server sent an event larger than \(SizeText.format(limit))", hint: hint)
        }
    }

    private var tooLong: MarketplaceError {
        MarketplaceError(
            .answerTooLarge, "the answer is longer than \(SizeText.format(rules.maxAnswer))",
            hint: "ask for less at once, or raise the limit, in runnel.yaml `marketplace.limits.max_answer`")
    }
}

extension AnswerRules {
    /// What has to end the stream, in a sentence.
    var endName: String {
        switch streamEnd {
        case .done: "[DONE]"
        case .finish: "a finish reason"
        case .either: "[DONE] or a finish reason"
        }
    }
}

extension ChunkDecoder.Part {
    /// Whether it says anything of an answer.
    fileprivate var isAnswer: Bool {
        switch self {
        case .event(.role), .event(.usage), .foreign: false
        case .event, .piece, .toolCall, .question, .failure, .error: true
        }
    }

    fileprivate var isError: Bool { if case .error = self { true } else { false } }

    /// Whether it comes from a chunk of a chat completion.
    fileprivate var isChat: Bool {
        switch self {
        case .event(.usage), .foreign: false
        case .event, .piece, .toolCall, .question, .failure, .error: true
        }
    }
}

extension UInt8 {
    fileprivate var isJSONWhitespace: Bool { self == 0x20 || self == 0x0A || self == 0x0D || self == 0x09 }
}
