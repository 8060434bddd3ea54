internal import RunnelKit
internal import RunnelSupport

/// A message (one line) of a trigger's program.
enum TriggerMessage: Sendable, Hashable {
    case event(ProgramEvent)
    /// A position that moved without an event.
    case state(Value, id: Value?)
    case note(String)
    case health(TriggerHealth)
    case heartbeat
    case error(ExecFailure)

    static let types = ["event", "state", "note", "waiting", "problem", "heartbeat", "error"]
    /// The maximum length of an event's id in bytes.
    static let idLimit = 512
    /// The maximum size of a state in bytes of JSON.
    static let stateLimit = 256 << 10
    private static let example = #"write objects such as {"type":"event","id":"1","payload":{}}"#

    init(line: [UInt8]) throws(ExecMessage.Unreadable) {
        let (object, type) = try ExecMessage.object(line, example: Self.example)
        switch type {
        case "event": self = .event(try ProgramEvent(object))
        case "state":
            guard let state = object["state"] else {
                throw ExecMessage.Unreadable(
                    message: "is a message of type \"state\" without \"state\"",
                    hint: #"write {"type":"state","state":…}"#)
            }
            self = .state(try Self.checked(state), id: object["id"])
        case "note": self = .note(try ExecMessage.text("text", of: object, type))
        case "waiting":
            let text = try ExecMessage.text("text", of: object, type)
            self = .health(.waiting(text, translations: try Self.translations(of: object)))
        case "problem": self = .health(.problem(try ExecMessage.text("text", of: object, type)))
        case "heartbeat": self = .heartbeat
        case "error": self = .error(try ExecFailure(object))
        default: throw ExecMessage.unknown(type, among: Self.types)
        }
    }

    private static func translations(of object: ValueObject) throws(ExecMessage.Unreadable) -> [String: String] {
        do throws(FieldError) {
            guard let found = object["translations"] else { return [:] }
            return try [String: String](field: found)
        } catch {
            throw ExecMessage.Unreadable(
                message: "has a bad \"translations\": \(error.message)",
                hint: #"write texts by language, such as {"ja":"…"}"#)
        }
    }

    fileprivate static func checked(_ state: Value) throws(ExecMessage.Unreadable) -> Value {
        guard state.jsonBytes().count <= stateLimit else {
            throw ExecMessage.Unreadable(
                message: "has a \"state\" that is longer than \(ByteCount(stateLimit))",
                hint: "keep positions in it, not contents")
        }
        return state
    }
}

/// Something that should start a run, as a trigger's program wrote it.
struct ProgramEvent: Sendable, Hashable {
    /// As it was written: a string or a whole number.
    let id: Value
    let payload: ValueObject
    let input: Value
    /// The position behind the event; nil if it has none, null forgets the last one.
    let state: Value?
    /// Why the event cannot start a run, although it can be answered.
    let flaw: String?

    init(_ object: ValueObject) throws(ExecMessage.Unreadable) {
        let id = object["id"] ?? .null
        switch id {
        case .string(let text) where !text.isEmpty: break
        case .int: break
        default:
            throw ExecMessage.Unreadable(
                message: "is an event without an id: expected \"id\" with a text, found \(id.quoted())",
                hint: "give each event an id that stays the same when the event is written again")
        }
        self.id = id
        state = try object["state"].map { state throws(ExecMessage.Unreadable) in try TriggerMessage.checked(state) }
        input = object["input"] ?? .null
        payload = object["payload"]?.asObject ?? [:]
        if id.text.utf8.count > TriggerMessage.idLimit {
            flaw = "the id is longer than \(TriggerMessage.idLimit) bytes"
        } else if let found = object["payload"], found.asObject == nil {
            flaw = "expected \"payload\" to be an object, found \(found.kindName)"
        } else if payload["type"] != nil {
            flaw = "\"type\" is no key of a payload: `trigger.type` is the trigger's name"
        } else {
            flaw = nil
        }
    }
}
