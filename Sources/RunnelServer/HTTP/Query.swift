import Hummingbird
import RunnelEngine
import RunnelKit
import RunnelSupport

/// The query parameters of a request; unknown ones are errors.
struct Query: Sendable {
    private var values: [String: [String]] = [:]

    /// - Parameter known: The allowed names; nil for any.
    init(_ request: Request, known: [String]?) throws(APIError) {
        try self.init(text: request.uri.query ?? "", known: known)
    }

    init(text: String, known: [String]?) throws(APIError) {
        for pair in text.split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = try Self.decoded(parts[0])
            if let known, !known.contains(name) {
                let hint = Suggestion.hint(for: name, among: known)
                let all = known.isEmpty ? "there are none here" : "there are \(known.joined(separator: ", "))"
                throw Self.error("there is no parameter \(Value.string(name).quoted()); \(hint ?? all)")
            }
            values[name, default: []].append(parts.count == 2 ? try Self.decoded(parts[1]) : "")
        }
    }

    /// All values of the name.
    func all(_ name: String) -> [String] { values[name] ?? [] }

    /// The value of a name that occurs at most once.
    func one(_ name: String) throws(APIError) -> String? {
        guard all(name).count < 2 else { throw Self.error("\(name): stands there \(all(name).count) times") }
        return all(name).first
    }

    /// The number of a name that occurs at most once.
    func number(_ name: String, in range: ClosedRange<Int>) throws(APIError) -> Int? {
        guard let text = try one(name) else { return nil }
        guard let number = Int(text), range.contains(number) else {
            let end = range.upperBound == .max ? "" : " to \(range.upperBound)"
            throw Self.error(
                "\(name): expected a number from \(range.lowerBound)\(end), found \(Value.string(text).quoted())")
        }
        return number
    }

    /// The id of a run, of a name that occurs at most once. Ids are compared as texts, so any other text would silently
    /// select all runs or none.
    func runID(_ name: String) throws(APIError) -> String? {
        guard let text = try one(name) else { return nil }
        guard UUIDv7.matches(text) else {
            throw Self.error("\(name): expected the id of a run, found \(Value.string(text).quoted(limit: 200))")
        }
        return text
    }

    static func error(_ message: String) -> APIError { APIError(400, .badParameter, message) }

    /// Decodes form encoding, where `+` is a space (WHATWG URL, section 5.1).
    static func decoded(_ text: Substring) throws(APIError) -> String {
        guard let decoded = PercentDecoding.text(text.replacing("+", with: " ")) else {
            throw error("\(Value.string(String(text)).quoted()) is not percent-encoded UTF-8")
        }
        return decoded
    }
}
