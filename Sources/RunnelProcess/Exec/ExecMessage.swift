internal import RunnelKit

/// One line that an `exec` plugin writes.
enum ExecMessage: Sendable, Hashable {
    case text(String)
    case note(String)
    case result(Value)
    case error(ExecFailure)

    static let types = ["text", "note", "result", "error"]

    /// What is wrong with a line, as the end of a sentence.
    struct Unreadable: Error, Hashable {
        let message: String
        var hint: String?
    }

    init(line: [UInt8]) throws(Unreadable) {
        let value: Value
        do {
            value = try Value.json(line)
        } catch {
            throw Unreadable(
                message: "is not JSON: \(Self.quoted(line)) (column \(error.column): \(error.message))",
                hint: "write one JSON object a line to standard output, and everything else to standard error")
        }
        guard let object = value.asObject else {
            throw Unreadable(
                message: "is \(value.kindName), not an object: \(value.quoted())",
                hint: #"write objects such as {"type":"result","output":1}"#)
        }
        guard let type = object["type"]?.asString else {
            throw Unreadable(
                message: "has no \"type\": \(value.quoted())",
                hint: #"write objects such as {"type":"result","output":1}"#)
        }
        switch type {
        case "text": self = .text(try Self.text("text", of: object, type))
        case "note": self = .note(try Self.text("text", of: object, type))
        case "result": self = .result(object["output"] ?? .null)
        case "error": self = .error(try ExecFailure(object))
        default:
            let closest = Suggestion.closest(to: type, among: Self.types)
            throw Unreadable(
                message: "has the unknown type \(Value.string(type).quoted())",
                hint: closest.map { "did you mean \"\($0)\"?" }
                    ?? "known are \"text\", \"note\", \"result\" and \"error\"")
        }
    }

    static func text(_ key: String, of object: ValueObject, _ type: String) throws(Unreadable) -> String {
        guard let text = object[key]?.asString else {
            let found = object[key].map { "found \($0.kindName)" } ?? "it is missing"
            throw Unreadable(message: "is a message of type \"\(type)\" whose \"\(key)\" should be a string: \(found)")
        }
        return text
    }

    /// The beginning of a line, in quotes.
    static func quoted(_ line: [UInt8]) -> String {
        Value.string(String(decoding: line.prefix(400), as: UTF8.self)).quoted()
    }
}

/// What an `exec` plugin says when it cannot do its work.
struct ExecFailure: Sendable, Hashable {
    let code: String
    let message: String
    let hint: String?
    let isTransient: Bool

    init(_ object: ValueObject) throws(ExecMessage.Unreadable) {
        message = try ExecMessage.text("message", of: object, "error")
        let code = object["code"]?.asString ?? ""
        self.code = PluginName.isWord(code) ? code : "plugin-error"
        hint = object["hint"]?.asString
        isTransient = object["transient"]?.asBool ?? false
    }
}
