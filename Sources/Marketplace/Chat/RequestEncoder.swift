internal import RunnelSupport
internal import RunnelValue

/// Writes the JSON bodies of requests.
enum RequestEncoder {
    static func chat(
        _ request: ChatRequest, configuration: MarketplaceConfiguration, asksForUsage: Bool = false
    ) throws(MarketplaceError) -> [UInt8] {
        guard !request.messages.isEmpty else {
            throw MarketplaceError(
                .invalidRequest, "the request holds no message",
                hint: "give at least one message with a role and a content")
        }
        var body: [UInt8] = []
        body.append(contentsOf: #"{"model":"#.utf8)
        body += (request.extraFields["model"] ?? .string(request.model ?? configuration.model)).jsonBytes()
        body.append(contentsOf: #","stream":true"#.utf8)
        if asksForUsage, request.extraFields["stream_options"] == nil {
            body.append(contentsOf: #","stream_options":{"include_usage":true}"#.utf8)
        }
        let conversationKey = configuration.dialect.conversationKey
        if let conversationID = request.conversationID, request.extraFields[conversationKey] == nil {
            append(conversationKey, .string(conversationID), to: &body)
        }
        if let agentID = request.agentID ?? configuration.agentID, request.extraFields["agentId"] == nil {
            body.append(contentsOf: #","agentId":"#.utf8)
            body += Value.string(agentID).jsonBytes()
        }
        body.append(contentsOf: #","messages":["#.utf8)
        for (index, message) in request.messages.enumerated() {
            body.append(contentsOf: (index == 0 ? #"{"role":"# : #",{"role":"#).utf8)
            body += Value.string(message.role).jsonBytes()
            body.append(contentsOf: #","content":"#.utf8)
            body += content(of: message).jsonBytes()
            body.append(UInt8(ascii: "}"))
        }
        body.append(UInt8(ascii: "]"))
        if let schema = request.responseSchema, request.extraFields["response_format"] == nil {
            try check(schema: schema)
            switch request.responseFormat {
            case .jsonSchema:
                body.append(
                    contentsOf:
                        #","response_format":{"type":"json_schema","json_schema":{"name":"response","schema":"#.utf8)
                body.append(contentsOf: schema.utf8)
                body.append(contentsOf: "}}".utf8)
            case .jsonObject: body.append(contentsOf: #","response_format":{"type":"json_object"}"#.utf8)
            case .none: break
            }
        }
        for (key, value) in request.extraFields where !["model", "stream", "messages"].contains(key) {
            append(key, value, to: &body)
        }
        body.append(UInt8(ascii: "}"))
        return body
    }

    private static func append(_ key: String, _ value: Value, to body: inout [UInt8]) {
        body.append(UInt8(ascii: ","))
        body += Value.string(key).jsonBytes()
        body.append(UInt8(ascii: ":"))
        body += value.jsonBytes()
    }

    /// A text, or parts where there are images.
    private static func content(of message: ChatMessage) -> Value {
        guard !message.images.isEmpty else { return .string(message.content) }
        let images = message.images.map { url -> Value in
            ["type": "image_url", "image_url": ["url": .string(url)]]
        }
        return .list([["type": "text", "text": .string(message.content)]] + images)
    }

    static func token(clientID: String, clientSecret: String) -> [UInt8] {
        var body = Array(#"{"client_id":"#.utf8)
        body += Value.string(clientID).jsonBytes()
        body.append(contentsOf: #","client_secret":"#.utf8)
        body += Value.string(clientSecret).jsonBytes()
        body.append(UInt8(ascii: "}"))
        return body
    }

    private static func check(schema: String) throws(MarketplaceError) {
        let hint = "give the schema as JSON text, for example {\"type\":\"object\"}"
        let document: Value
        do { document = try Value.json(schema) } catch {
            throw MarketplaceError(
                .invalidRequest,
                "the response schema \(Quote.quoted(schema, limit: 80)) is not JSON: \(error)",
                hint: hint)
        }
        guard document.isObject else {
            throw MarketplaceError(
                .invalidRequest, "the response schema \(Quote.quoted(schema, limit: 80)) is not a JSON object",
                hint: hint)
        }
    }
}
