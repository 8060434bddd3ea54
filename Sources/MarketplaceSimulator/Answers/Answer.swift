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
