internal import RunnelKit

/// Where a hook is called, behind `/hooks/`: one or more segments of letters, digits and a few marks.
struct HookPath: FieldValue, Hashable {
    let text: String

    static var schema: Value {
        ["type": "string", "pattern": "^/?[A-Za-z0-9._~-]+(/[A-Za-z0-9._~-]+)*/?$", "maxLength": 200]
    }

    init(field value: Value) throws(FieldError) {
        let text = try String(field: value)
        var trimmed = text.first == "/" ? text.dropFirst() : text[...]
        if trimmed.last == "/" { trimmed.removeLast() }
        let segments = trimmed.split(separator: "/", omittingEmptySubsequences: false)
        let isPath = segments.allSatisfy { segment in
            !segment.isEmpty && segment != "." && segment != ".."
                && segment.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "._~-".contains($0)) }
        }
        guard isPath, trimmed.utf8.count <= 200 else {
            throw FieldError(
                "\(Value.string(text).quoted()) cannot be the path of a hook",
                hint: "use letters, digits, \"-\", \"_\", \".\" and \"~\", with slashes between: \"github/issues\"")
        }
        self.text = String(trimmed)
    }
}
