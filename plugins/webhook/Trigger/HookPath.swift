internal import RunnelKit

/// Where a hook is called, behind `/hooks/`: one or more segments of letters, digits and a few marks, or parameters in
/// braces that stand for any one segment: `scan/{id}`.
struct HookPath: FieldValue, Hashable {
    let text: String

    static var schema: Value {
        let segment = #"([A-Za-z0-9._~-]+|\{[A-Za-z_][A-Za-z0-9_]*\})"#
        return ["type": "string", "pattern": .string("^/?\(segment)(/\(segment))*/?$"), "maxLength": 200]
    }

    init(field value: Value) throws(FieldError) {
        let text = try String(field: value)
        var trimmed = text.first == "/" ? text.dropFirst() : text[...]
        if trimmed.last == "/" { trimmed.removeLast() }
        let segments = trimmed.split(separator: "/", omittingEmptySubsequences: false)
        let parameters = segments.filter { $0.contains { $0 == "{" || $0 == "}" } }
        if let wrong = parameters.first(where: { !Self.isParameter($0) }) {
            throw FieldError(
                "\(Value.string(text).quoted()) cannot be the path of a hook: "
                    + "\(Value.string(String(wrong)).quoted()) is no parameter",
                hint: "a parameter is a whole part of the path, a name in braces: \"scan/{id}\"")
        }
        if let twice = parameters.first(where: { part in parameters.count { $0 == part } > 1 }) {
            throw FieldError(
                "\(Value.string(text).quoted()) cannot be the path of a hook: it has the parameter \(twice) twice",
                hint: "give one of them another name")
        }
        let isPath = segments.allSatisfy { segment in
            !segment.isEmpty && segment != "." && segment != ".."
                && (Self.isParameter(segment)
                    || segment.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "._~-".contains($0)) })
        }
        guard isPath, trimmed.utf8.count <= 200 else {
            throw FieldError(
                "\(Value.string(text).quoted()) cannot be the path of a hook",
                hint: "use letters, digits, \"-\", \"_\", \".\" and \"~\", with slashes between: \"github/issues\"; "
                    + "a part in braces is a parameter: \"scan/{id}\"")
        }
        self.text = String(trimmed)
    }

    /// A name in braces that templates can write behind a dot.
    private static func isParameter(_ segment: Substring) -> Bool {
        guard segment.hasPrefix("{"), segment.hasSuffix("}"), segment.count > 2 else { return false }
        let name = segment.dropFirst().dropLast()
        return name.first?.isNumber == false
            && name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
    }
}
