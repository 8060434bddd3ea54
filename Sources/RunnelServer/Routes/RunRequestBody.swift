import Hummingbird
import RunnelEngine
import RunnelKit
import RunnelSupport

/// The body that starts a run: `{"inputs": {…}, "input": …, "trigger": {…}, "priority": 5}`, all keys are optional.
struct RunRequestBody: Sendable, Hashable {
    private(set) var inputs: ValueObject = [:]
    private(set) var input: Value = .null
    private(set) var trigger: ValueObject = [:]
    /// nil for that of the pipeline.
    private(set) var priority: Int?

    private static let keys = ["inputs", "input", "trigger", "priority"]

    /// - Parameter type: The header field `Content-Type`.
    init(_ bytes: [UInt8], type: String?) throws(APIError) {
        guard !bytes.isEmpty else { return }
        guard type.map(Self.isJSON) ?? true else {
            throw APIError(
                415, .unsupportedMediaType,
                "the body is \(Value.string(type ?? "").quoted()); send application/json instead")
        }
        let value: Value
        do throws(JSONError) {
            value = try Value.json(bytes)
        } catch {
            throw APIError(400, .malformed, "the body is not JSON: \(error)")
        }
        let body = try Self.object(value, "the body")
        for (key, value) in body {
            switch key {
            case "inputs": inputs = try Self.object(value, "`inputs`")
            case "input": input = value
            case "trigger": trigger = try Self.object(value, "`trigger`")
            case "priority": priority = try Self.priority(value)
            default:
                let known = Quote.names(Self.keys)
                let closest = Suggestion.closest(to: key, among: Self.keys).map { "did you mean `\($0)`?" }
                throw Self.error("the body has a key \(Value.string(key).quoted()); \(closest ?? "there are \(known)")")
            }
        }
    }

    private static func object(_ value: Value, _ place: String) throws(APIError) -> ValueObject {
        guard let object = value.asObject else {
            throw error("\(place): expected an object, found \(value.kindName)")
        }
        return object
    }

    private static func priority(_ value: Value) throws(APIError) -> Int {
        do throws(FieldError) {
            return try RunPriority(field: value).level
        } catch {
            throw Self.error("`priority`: \(error.message)")
        }
    }

    private static func error(_ message: String) -> APIError { APIError(400, .badBody, message) }

    private static func isJSON(_ type: String) -> Bool {
        let type = type.prefix { $0 != ";" && $0 != " " }.lowercased()
        return type == "application/json" || type.hasPrefix("application/") && type.hasSuffix("+json")
    }
}
