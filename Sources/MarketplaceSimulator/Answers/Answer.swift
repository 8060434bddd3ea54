internal import RunnelValue

/// The whole text of an answer, before it is cut into pieces.
enum Answer {
    /// Text, or JSON text when the request carries a schema, as a fault wants it.
    static func text(for request: ParsedChatRequest, fault: Fault?) -> String {
        if fault == .emptyAnswer { return "" }
        let wantsJSON = request.schema != nil || [.proseAroundJSON, .fencedJSON, .jsonInThink].contains(fault)
        guard wantsJSON || request.wantsJSONObject else { return AnswerComposer.answer(to: request.prompt) }
        let json = value(for: request, fault: fault).json()
        return switch fault {
        case .proseAroundJSON: "Here is the simulated result:\n\n\(json)\n\nI hope this helps."
        case .fencedJSON: "```json\n\(json)\n```"
        case .jsonInThink: "<think>It may be {\"simulated\":\"draft\"}, but no.</think>\n\(json)"
        default: json
        }
    }

    private static func value(for request: ParsedChatRequest, fault: Fault?) -> Value {
        let schema =
            request.schema ?? [
                "type": "object", "required": ["summary"], "properties": ["summary": ["type": "string"]],
            ]
        var sampler = SchemaSampler(schema: schema, prompt: request.prompt)
        let sample = sampler.sample()
        return fault == .schemaMismatchOnce ? SchemaMismatch.value(from: sample, schema: schema) : sample
    }
}

/// Writes the text of an answer from the prompt alone, so that the same prompt always gets the same answer.
enum AnswerComposer {
    private static let mostSections = 8
    private static let mostSentences = 6
    private static let opening = "Simulated answer: no model has read this."

    /// An answer like a digest: the headings with the first sentence below each, or else the first sentences.
    static func answer(to message: String) -> String {
        let outline = TextOutline(of: FaultDirective.removed(from: message))
        let sections = outline.sections.filter { $0.heading != nil }
        guard !sections.isEmpty else { return digest(of: outline.sentences, words: outline.wordCount) }

        var paragraphs = [
            opening + " The message has \(counted(outline.wordCount, "word")) and "
                + "\(counted(sections.count, "heading"))."
        ]
        if let task = outline.sections.first, task.heading == nil, let sentence = task.sentences.first {
            paragraphs.append("It begins: \(sentence)")
        }
        for section in sections.prefix(mostSections) {
            let heading = "**\(section.heading ?? "")**"
            paragraphs.append(section.sentences.first.map { "\(heading)\n\($0)" } ?? heading)
        }
        if sections.count > mostSections {
            paragraphs.append("And \(counted(sections.count - mostSections, "more heading")).")
        }
        return paragraphs.joined(separator: "\n\n")
    }

    private static func digest(of sentences: [String], words: Int) -> String {
        let count = "The message has \(counted(words, "word"))"
        switch sentences.count {
        case 0: return "\(opening) \(count)."
        case 1: return "\(opening) \(count): \(sentences[0])"
        default:
            let lines = sentences.prefix(mostSentences).map { "- \($0)" }
            return "\(opening) \(count). Its main sentences:\n\n\(lines.joined(separator: "\n"))"
        }
    }

    private static func counted(_ count: Int, _ noun: String) -> String {
        "\(count) \(noun)\(count == 1 ? "" : "s")"
    }
}

/// What a test has the simulator answer to one chat request, instead of what it would make of the prompt.
@nonexhaustive public enum CannedAnswer: Sendable, Equatable {
    /// A stream with this text, with something going wrong if wanted; without a text, with one made of the prompt.
    case stream(text: String?, fault: Fault?)
    /// A refusal with a status from 400 to 599 and a JSON body that holds `code` and `message`.
    case refusal(status: Int, code: String, message: String, retryAfter: Duration?)
}

/// A chat request that has passed every check, as whoever cans its answer sees it.
public struct CannedRequest: Sendable, Equatable {
    /// A message of the request.
    public struct Message: Sendable, Equatable {
        /// `system`, `user` or `assistant`.
        public let role: String
        /// What is said.
        public let content: String
    }

    /// The whole conversation, in order.
    public let messages: [Message]
    /// Whether the answer shall be JSON.
    public let wantsJSON: Bool
    /// The header `Idempotency-Key`.
    public let idempotencyKey: String?

    init(_ request: ParsedChatRequest, idempotencyKey: String?) {
        messages = request.messages.map { Message(role: $0.role, content: $0.content) }
        wantsJSON = request.schema != nil || request.wantsJSONObject
        self.idempotencyKey = idempotencyKey
    }
}

extension APIFailure {
    init(status: Int, code: String, message: String, retryAfter: Duration?) {
        self.init(
            status: status, code: code, message: message,
            headers: retryAfter.map { ["Retry-After": String($0.wholeSeconds)] } ?? [:])
    }
}
