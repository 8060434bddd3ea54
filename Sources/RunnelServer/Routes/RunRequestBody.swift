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

    /// In bytes.
    static let maximum = 8 << 20

    /// - Parameters:
    ///   - body: nil for one that is too large.
    ///   - type: The header field `Content-Type`.
    init(_ body: WholeBody?, type: String?) throws(APIError) {
        for (key, value) in try Self.members(of: body, type: type) {
            switch key {
            case "inputs": inputs = try Self.object(value, "`inputs`")
            case "input": input = value
            case "trigger": trigger = try Self.object(value, "`trigger`")
            case "priority": priority = try Self.priority(value)
            default:
                let known = Quote.names(Self.keys)
                let closest = Suggestion.closest(to: key, among: Self.keys).map { "did you mean `\($0)`?" }
                throw Self.unknown(key, closest ?? "there are \(known)")
            }
        }
    }

    /// Refuses a body that says anything, for a request that has its parameters in the query.
    static func requireEmpty(_ body: WholeBody?, type: String?, parameters: [String]) throws(APIError) {
        guard let key = try members(of: body, type: type).keys.first else { return }
        throw unknown(key, "it takes none; \(Quote.names(parameters)) stand in the query")
    }

    /// - Parameter body: Nil if it is larger than ``maximum``.
    static func bytes(of body: WholeBody?) throws(APIError) -> [UInt8] {
        guard let bytes = body?.take() else {
            throw APIError(413, .bodyTooLarge, "the body is larger than \(ByteCount(maximum))")
        }
        return bytes
    }

    /// None where there is no body.
    private static func members(of body: WholeBody?, type: String?) throws(APIError) -> ValueObject {
        let bytes = try bytes(of: body)
        guard !bytes.isEmpty else { return [:] }
        guard type.map(isJSON) ?? true else {
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
        return try object(value, "the body")
    }

    private static func unknown(_ key: String, _ advice: String) -> APIError {
        error("the body has a key \(Value.string(key).quoted()); \(advice)")
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
