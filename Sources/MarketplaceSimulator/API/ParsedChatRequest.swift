internal import RunnelSupport
internal import RunnelValue

/// A chat request that has passed every check of its form.
struct ParsedChatRequest: Sendable, Equatable {
    struct Message: Sendable, Equatable {
        let role: String
        let content: String
    }

    private static let roles = ["system", "user", "assistant"]

    let model: String
    let agentID: String
    let messages: [Message]
    /// The conversation that it continues.
    let conversationID: String?
    /// Whether the stream shall end with the usage.
    let wantsUsage: Bool
    /// The schema that the answer shall fit.
    private(set) var schema: Value?
    /// Whether the answer shall be a JSON object of any form.
    private(set) var wantsJSONObject = false

    /// The last message of the user; the last message when the user has none.
    var prompt: String { (messages.last { $0.role == "user" } ?? messages.last)?.content ?? "" }

    /// - Throws: A failure with the status 400 that names the field at fault.
    init(_ object: Value) throws(APIFailure) {
        guard object["stream"] == .bool(true) else {
            throw .badRequest("\"stream\" must be true: this endpoint only streams.")
        }
        agentID = try JSONBody.string("agentId", of: object)
        model = object["model"] == nil ? "AGENTIC STAR" : try JSONBody.string("model", of: object)
        messages = try Self.messages(object["messages"])
        conversationID =
            object["conversationId"]?.isNull ?? true ? nil : try JSONBody.string("conversationId", of: object)
        wantsUsage = object["stream_options"]?["include_usage"] == .bool(true)
        try readFormat(object)
    }

    private static func messages(_ value: Value?) throws(APIFailure) -> [Message] {
        guard let value else { throw .badRequest("\"messages\" is missing.") }
        guard let elements = value.asList else {
            throw .badRequest("\"messages\" must be an array, not \(value.kind).")
        }
        if elements.isEmpty { throw .badRequest("\"messages\" is empty.") }
        var messages: [Message] = []
        for (index, element) in elements.enumerated() {
            do {
                messages.append(try message(element))
            } catch {
                throw .badRequest("messages[\(index)]: \(error.message)")
            }
        }
        return messages
    }

    private static func message(_ value: Value) throws(APIFailure) -> Message {
        guard value.asObject != nil else { throw .badRequest("A message must be an object, not \(value.kind).") }
        let role = try JSONBody.string("role", of: value)
        guard roles.contains(role) else {
            throw .badRequest(
                "The role \(Quote.quoted(role, limit: 40)) is unknown. It must be system, user or assistant.")
        }
        return Message(role: role, content: try JSONBody.string("content", of: value))
    }

    private mutating func readFormat(_ object: Value) throws(APIFailure) {
        schema = try Self.checked(object["schema"], at: "schema")
        guard let format = object["response_format"] else { return }
        switch try JSONBody.string("type", of: format) {
        case "text": break
        case "json_object": wantsJSONObject = true
        case "json_schema":
            guard
                let wanted = try Self.checked(
                    format["json_schema"]?["schema"], at: "response_format.json_schema.schema")
            else { throw .badRequest("\"response_format.json_schema.schema\" is missing.") }
            schema = wanted
        case let type:
            throw .badRequest(
                "The response_format \(Quote.quoted(type, limit: 40)) is unknown. "
                    + "It must be text, json_object or json_schema.")
        }
    }

    private static func checked(_ schema: Value?, at place: String) throws(APIFailure) -> Value? {
        switch schema {
        case nil, .object, .bool: return schema
        case let other?: throw .badRequest("\"\(place)\" must be an object, not \(other.kind).")
        }
    }
}

/// The checks that every request's body has to pass.
enum JSONBody {
    /// The object that the body holds.
    static func object(_ body: String, contentType: String?) throws(APIFailure) -> Value {
        let mediaType = (contentType ?? "").prefix { $0 != ";" }.trimmed.lowercased()
        guard mediaType == "application/json" else {
            throw .badRequest("The content type must be application/json, not \(Quote.quoted(mediaType, limit: 60)).")
        }
        let value: Value
        do {
            value = try Value.received(body)
        } catch {
            throw .badRequest("The body is not JSON: \(error).")
        }
        guard value.asObject != nil else { throw .badRequest("The body must be a JSON object, not \(value.kind).") }
        return value
    }

    /// A string that must be there and not be empty.
    static func string(_ key: String, of object: Value) throws(APIFailure) -> String {
        guard let value = object[key] else { throw .badRequest("\"\(key)\" is missing.") }
        guard let string = value.asString else {
            throw .badRequest("\"\(key)\" must be a string, not \(value.kind).")
        }
        guard !string.isEmpty else { throw .badRequest("\"\(key)\" is empty.") }
        return string
    }
}
