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

    /// The types with their keys.
    static let keys: MessageLine.Keys = [
        "event": ["id", "payload", "input", "state"], "state": ["state", "id"], "note": ["text"],
        "waiting": ["text", "translations"], "problem": ["text"], "heartbeat": [], "error": ExecFailure.keys,
    ]
    /// The maximum length of an event's id in bytes.
    static let idLimit = 512
    /// The maximum size of a state in bytes of JSON.
    static let stateLimit = 256 << 10
    static let example = #"write objects such as {"type":"event","id":"1","payload":{}}"#

    init(_ line: MessageLine) throws(MessageLine.Problem) {
        switch line.type {
        case "event": self = .event(try ProgramEvent(line.object))
        case "state":
            guard let state = line.object["state"] else {
                throw MessageLine.Problem(
                    message: "is a message of type \"state\" without \"state\"",
                    hint: #"write {"type":"state","state":…}"#)
            }
            self = .state(try Self.checked(state), id: line.object["id"])
        case "note": self = .note(try line.text("text"))
        case "waiting":
            self = .health(.waiting(try line.text("text"), translations: try Self.translations(of: line.object)))
        case "problem": self = .health(.problem(try line.text("text")))
        case "heartbeat": self = .heartbeat
        case "error": self = .error(try ExecFailure(line))
        default: throw line.unknownType(among: Self.keys)
        }
    }

    private static func translations(of object: ValueObject) throws(MessageLine.Problem) -> [String: String] {
        do throws(FieldError) {
            guard let found = object["translations"] else { return [:] }
            return try [String: String](field: found)
        } catch {
            throw MessageLine.Problem(
                message: "has a bad \"translations\": \(error.message)",
                hint: #"write texts by language, such as {"ja":"…"}"#)
        }
    }

    fileprivate static func checked(_ state: Value) throws(MessageLine.Problem) -> Value {
        guard state.jsonBytes().count <= stateLimit else {
            throw MessageLine.Problem(
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

    init(_ object: ValueObject) throws(MessageLine.Problem) {
        let id = object["id"] ?? .null
        switch id {
        case .string(let text) where !text.isEmpty: break
        case .int: break
        default:
            throw MessageLine.Problem(
                message: "is an event without an id: expected \"id\" with a text, found \(id.quoted())",
                hint: "give each event an id that stays the same when the event is written again")
        }
        self.id = id
        state = try object["state"].map { state throws(MessageLine.Problem) in try TriggerMessage.checked(state) }
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
