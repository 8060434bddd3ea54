internal import RunnelKit

/// A line that the program of an `exec` plugin wrote: an object with a type.
struct MessageLine: Sendable {
    /// The types of messages with their keys beside `type`.
    typealias Keys = KeyValuePairs<String, [String]>

    let object: ValueObject
    let type: String

    /// What is wrong with a line, as a predicate.
    struct Problem: Error, Hashable {
        let message: String
        var hint: String?
    }

    /// - Parameters:
    ///   - example: The hint for a line that is not an object with a type.
    ///   - redactor: Redacts secrets where an invalid line is quoted.
    init(_ bytes: [UInt8], example: String, redactor: Redactor) throws(Problem) {
        let value: Value
        do {
            value = try Value.json(bytes)
        } catch {
            throw Problem(
                message: "is not JSON: \(redactor.quoted(bytes)) (column \(error.column): \(error.message))",
                hint: "write one JSON object per line to standard output, and everything else to standard error")
        }
        guard let object = value.asObject else {
            throw Problem(
                message: "is \(value.kindName), not an object: \(redactor.redact(value).quoted())", hint: example)
        }
        guard let type = object["type"]?.asString else {
            throw Problem(message: "has no \"type\": \(redactor.redact(value).quoted())", hint: example)
        }
        (self.object, self.type) = (object, type)
    }

    func text(_ key: String) throws(Problem) -> String {
        guard let text = object[key]?.asString else {
            let found = object[key].map { "found \($0.kindName)" } ?? "it is missing"
            throw Problem(message: "is a message of type \"\(type)\" whose \"\(key)\" should be a string: \(found)")
        }
        return text
    }

    func unknownType(among keys: Keys) -> Problem {
        let types = keys.map(\.key)
        return Problem(
            message: "has the unknown type \(Value.string(type).quoted())",
            hint: Suggestion.hint(for: type, among: types)
                ?? "the types are \(Self.list(types))")
    }

    /// A problem for each key that Runnel does not know.
    func unknownKeys(among keys: Keys) -> [Problem] {
        let known = keys.first { $0.key == type }?.value ?? []
        return object.keys.filter { $0 != "type" && !known.contains($0) }.map { key in
            Problem(
                message: "is a message of type \"\(type)\" with the unknown key \(Value.string(key).quoted())",
                hint: Suggestion.hint(for: key, among: known)
                    ?? (known.isEmpty ? "it has no keys beside \"type\"" : "its keys are \(Self.list(known))"))
        }
    }

    private static func list(_ words: [String]) -> String {
        let quoted = words.map { "\"\($0)\"" }
        guard let last = quoted.last, quoted.count > 1 else { return quoted.joined() }
        return "\(quoted.dropLast().joined(separator: ", ")) and \(last)"
    }
}

/// Warnings about keys that have no effect, each once: a program may write thousands of such lines.
///
/// Unknown keys are no errors, so that a program can write keys that only a later version of Runnel knows.
struct IgnoredKeyWarnings: Sendable {
    private static let limit = 20
    private var given: Set<MessageLine.Problem> = []

    /// The new warnings about a line.
    ///
    /// - Parameter place: Such as `line 3 of what the plugin "weather" wrote`.
    mutating func warnings(about line: MessageLine, _ keys: MessageLine.Keys, at place: String) -> [String] {
        let values = line.type == "error" ? ExecFailure.ignoredValues(in: line) : []
        return (line.unknownKeys(among: keys) + values).compactMap { problem in
            guard given.count < Self.limit, given.insert(problem).inserted else { return nil }
            return "\(place) \(problem.message), which is ignored" + (problem.hint.map { "; \($0)" } ?? "")
        }
    }
}
