internal import RunnelKit

/// How a hook may be called.
enum HookMethod: String, FieldChoice {
    case post = "POST"
    case put = "PUT"
    case patch = "PATCH"
    case get = "GET"
    case delete = "DELETE"
}

/// What becomes of a delivery that was there before, and whose run failed or was cancelled.
enum RedeliverMode: String, FieldChoice {
    /// A new run.
    case retry
    /// The answer of the first run.
    case same
}

/// How the names of a form's fields are read.
enum FormStyle: String, FieldChoice {
    /// `data[email]` is `email` in `data`, and `tags[]` a list.
    case nested
    /// As they are.
    case flat
}

/// What a caller is answered.
enum RespondMode: String, FieldChoice {
    /// At once, when the run is on disk.
    case accepted
    /// With the run's output.
    case result
    /// With the run's text while it comes.
    case stream
}

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

/// How often a hook may be called: `60/min`.
struct CallRate: FieldValue, Hashable {
    let count: Int
    let period: Duration
    private let text: String

    private static let units: [(names: [Substring], period: Duration)] = [
        (["s", "sec", "second"], .seconds(1)), (["m", "min", "minute"], .seconds(60)),
        (["h", "hour"], .seconds(3600)), (["d", "day"], .seconds(86_400)),
    ]
    private static let highest = 1_000_000

    static var schema: Value {
        [
            "type": "string", "pattern": "^[1-9][0-9]*/(s|sec|second|m|min|minute|h|hour|d|day)$",
            "examples": ["60/min"],
        ]
    }

    init(field value: Value) throws(FieldError) {
        let parts = value.asString?.split(separator: "/", omittingEmptySubsequences: false) ?? []
        guard let text = value.asString, parts.count == 2, let count = Int(parts[0]),
            (1...Self.highest).contains(count),
            let unit = Self.units.first(where: { $0.names.contains(parts[1]) })
        else {
            throw .expected(
                "a number of calls in a time, such as \"60/min\"; the times are s, min, h and day", found: value)
        }
        self.count = count
        self.text = text
        period = unit.period
    }

    var fieldDefault: Value? { .string(text) }
}

/// An origin as browsers send it (RFC 6454, section 6.2), such as `https://example.org`; `*` for all.
struct WebOrigin: FieldValue, Hashable {
    /// In lower case.
    let text: String

    static var schema: Value {
        ["type": "string", "pattern": #"^(\*|https?://[A-Za-z0-9._:\[\]-]+/?)$"#, "examples": ["https://example.org"]]
    }

    init(field value: Value) throws(FieldError) {
        guard var text = value.asString?.lowercased() else {
            throw .expected("an origin such as \"https://example.org\"", found: value)
        }
        if text.hasSuffix("/") { text.removeLast() }
        for (scheme, port) in [("https://", ":443"), ("http://", ":80")]
        where text.hasPrefix(scheme) && text.hasSuffix(port) {
            text.removeLast(port.count)
        }
        let host = ["https://", "http://"].first(where: text.hasPrefix).map { text.dropFirst($0.count) }
        let isOrigin = host.map { !$0.isEmpty && $0.allSatisfy(Self.isInHost) } ?? false
        guard text == "*" || isOrigin else {
            throw FieldError(
                "\(value.quoted()) is not an origin",
                hint: text.contains("*")
                    ? "an origin has no wildcards: list each one, such as \"https://app.example.org\"; \"*\" alone lets every "
                        + "page call"
                    : "write scheme and host, without a path: \"https://example.org\"; \"*\" lets every page call")
        }
        self.text = text
    }

    private static func isInHost(_ mark: Character) -> Bool {
        mark.isASCII && (mark.isLetter || mark.isNumber || "._:[]-".contains(mark))
    }

    var fieldDefault: Value? { .string(text) }
}
