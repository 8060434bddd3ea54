internal import RunnelSupport
internal import RunnelValue

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
