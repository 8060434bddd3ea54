import JSONSchema
import RunnelHTTP
import RunnelKit

/// The step `writing.check`.
struct CheckWords: Step {
    static let name = "writing.check"
    static let summary = "Finds the words of a text that neither a list nor a dictionary knows."
    static let documentation = StepDocumentation(
        details: "Words are compared in lower case. The dictionary is asked `GET …?word=…`, and answers 200 or 404.",
        output: "The words that are not known, in order.",
        examples: [.init("Check what came in", "uses: writing.check\nwith: { words: words.json }")])

    @Field("The text; the step's input unless given.") var text: String?
    @Field("A file of the project that holds a JSON list of words.") var words: ProjectPath
    @Field("Where a dictionary answers that is asked for all other words.") var dictionary: URLText?

    private static let listSchema: Value = ["type": "array", "items": ["type": "string", "minLength": 1]]

    func run(_ context: StepContext) async throws -> Value {
        guard let text = text ?? context.input.asString else {
            throw StepError(WritingErrorCode.noText, "there is no text to check", hint: "set `text`")
        }
        let known = try list(context.project)
        var asked: Set<String> = []
        var unknown: [Value] = []
        for word in text.lowercased().split(whereSeparator: { !$0.isLetter }).map(String.init) {
            guard !known.contains(word), asked.insert(word).inserted else { continue }
            if try await !isInDictionary(word, context) { unknown.append(.string(word)) }
        }
        return .list(unknown)
    }

    /// The file is read without following links or leaving the project.
    private func list(_ project: ProjectDirectory) throws -> Set<String> {
        let file = try project.read(words.text)
        let value: Value
        do throws(JSONError) {
            value = try Value.json(file.bytes)
        } catch {
            throw StepError(WritingErrorCode.badWords, "\"\(words.text)\" is not JSON: \(error)")
        }
        if let issue = try JSONSchema(Self.listSchema).validate(value).first {
            throw StepError(WritingErrorCode.badWords, "\"\(words.text)\" is no list of words: \(issue)")
        }
        return Set((value.asList ?? []).compactMap { $0.asString?.lowercased() })
    }

    private func isInDictionary(_ word: String, _ context: StepContext) async throws -> Bool {
        guard let dictionary else { return false }
        let key = try await context.services.get(DictionaryKey.self)
        let call = HTTPCall(
            "GET", dictionary.url.adding(query: [.init("word", word)]), headers: ["authorization": "Bearer \(key)"])
        let reply = try await context.send(call)
        switch reply.status {
        case 200: return true
        case 404: return false
        default:
            throw StepError(
                WritingErrorCode.dictionaryFailed, "\(call.shown) answered \(reply.statusLine)",
                isTransient: reply.status >= 500)
        }
    }
}

/// What the dictionary wants to see: the setting `dictionary_key`.
enum DictionaryKey: ServiceKey {
    typealias Service = String
    static let name = "the key of the dictionary"
}
