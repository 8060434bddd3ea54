import RunnelKit

/// Searches with jq's `match`, so that there is one regular expression dialect with one set of limits.
enum RegexSearch {
    /// The flag `n` excludes empty matches, for which libjq 1.6 reports no groups.
    private static let program = #". as {$text, $pattern, $flags} | $text | match($pattern; $flags)"#

    /// All matches in text order.
    static func matches(
        of options: RegexOptions, in text: String, within limit: Duration, redactor: Redactor
    ) async throws -> [RegexMatch] {
        let input: Value = [
            "text": .string(text), "pattern": .string(pattern(options)), "flags": options.all ? "gn" : "n",
        ]
        do {
            return try await JQProgram(program).outputs(for: input, within: limit, redactor: redactor).values
                .map(RegexMatch.init)
        } catch let error as StepError {
            throw plain(error)
        }
    }

    /// Blocks while a new pattern is compiled.
    /// - Throws: A ``FieldError`` if the pattern with its flags is not a regular expression, or has no such group.
    static func check(_ options: RegexOptions) throws(FieldError) {
        let pattern = pattern(options)
        let search = try JQProgram(program)
        let problem = VerdictCache.shared.problem(with: "regex \(pattern)") {
            do throws(StepError) {
                _ = try firstMatch(of: pattern, in: "", search)
                return .init(problem: nil)
            } catch {
                return .init(
                    problem: FieldError(
                        "invalid regular expression: \(reason(error.message))", path: [.key("pattern")]),
                    isFinal: !error.isTransient)
            }
        }
        if let problem { throw problem }
        guard let group = options.group else { return }
        let missing = VerdictCache.shared.problem(with: "regex group \(group) \(pattern)") {
            do throws(StepError) {
                // It matches "x", and the match lists the groups of the other branch too. The line break ends a comment of
                // the extended syntax.
                _ = try firstMatch(of: "x|(?:\(pattern)\n)", in: "x", search)?.value(group: group)
                return .init(problem: nil)
            } catch {
                // A pattern that cannot be a part of another is checked when it matches.
                guard error.has(TransformErrorCode.noSuchGroup) else {
                    return .init(problem: nil, isFinal: !error.isTransient)
                }
                // It is about two keys, so its place is the object.
                return .init(problem: FieldError(error))
            }
        }
        if let missing { throw missing }
    }

    private static func firstMatch(
        of pattern: String, in text: String, _ search: JQProgram
    ) throws(StepError) -> RegexMatch? {
        try search.outputsBlocking(
            for: ["text": .string(text), "pattern": .string(pattern), "flags": "n"], within: JQLimits.compileTime
        ).values.first.map(RegexMatch.init)
    }

    /// The pattern with its flags. They stand in front: around it, a `)` in the pattern would end them.
    private static func pattern(_ options: RegexOptions) -> String {
        let letters = options.flags.letters
        return letters.isEmpty ? options.pattern.text : "(?\(letters))\(options.pattern.text)"
    }

    private static func plain(_ error: StepError) -> StepError {
        switch TransformErrorCode(rawValue: error.code) {
        case .jqError where error.message.contains("retry-limit"):
            StepError(
                TransformErrorCode.regexTooSlow, "the pattern needs too much backtracking on this text",
                hint: "avoid nested repetitions such as \"(a+)+\"")
        case .jqError: StepError(TransformErrorCode.regexError, "the search failed: \(reason(error.message))")
        case .jqTimeout:
            StepError(
                TransformErrorCode.regexTimeout, error.message.replacing("the program", with: "the search"),
                hint: error.hint)
        default: error
        }
    }

    /// libjq 1.6 writes `Regex failure: …`, later ones `<pattern> (at offset 0) is not a valid regex: …`.
    private static func reason(_ message: String) -> String {
        for mark in ["is not a valid regex: ", "Regex failure: "] {
            if let range = message.firstRange(of: mark) { return String(message[range.upperBound...]) }
        }
        return message
    }
}

/// A match in the format of jq's `match`.
struct RegexMatch {
    private let text: Value
    private let groups: [(name: String?, text: Value)]

    init(_ match: Value) {
        text = match["string"] ?? .null
        groups = (match["captures"]?.asList ?? []).map { ($0["name"]?.asString, $0["string"] ?? .null) }
    }

    /// The requested group; otherwise all named groups; otherwise the whole match. A group that did not participate is
    /// null.
    func value(group: RegexGroup?) throws(StepError) -> Value {
        switch group {
        case nil:
            let named = groups.compactMap { group in group.name.map { ($0, group.text) } }
            return named.isEmpty ? text : .object(ValueObject(named))
        case .number(0)?: return text
        case .number(let number)?:
            guard number <= groups.count else { throw missing("\(number)") }
            return groups[number - 1].text
        case .name(let name)?:
            guard let found = groups.first(where: { $0.name == name }) else { throw missing("\"\(name)\"") }
            return found.text
        }
    }

    private func missing(_ group: String) -> StepError {
        let names = groups.compactMap(\.name)
        let count = groups.count == 1 ? "1 group" : "\(groups.count) groups"
        return StepError(
            TransformErrorCode.noSuchGroup, "the pattern has no group \(group)",
            hint: "it has \(count)" + (names.isEmpty ? "" : ", named \(names.joined(separator: ", "))"))
    }
}

/// The options of `regex`: the pattern and what to extract.
struct RegexOptions: FieldGroup {
    @Field("The pattern, in Oniguruma's Perl syntax. It is compiled when the pipeline is validated.")
    var pattern: RegexPattern
    @Field(
        "Letters as in Perl: `i` ignore case, `m` `^` and `$` at every line, `s` a dot matches line breaks, `x` extended."
    )
    var flags: RegexFlags = RegexFlags()
    @Field("Find all matches instead of the first; the output is then a list.") var all: Bool = false
    @Field("The group to extract, by number or name; 0 is the whole match.") var group: RegexGroup?

    func validate() throws(FieldError) { try RegexSearch.check(self) }
}

/// `regex: <pattern>`, or an object with options.
struct RegexField: FieldValue {
    let options: RegexOptions

    static var schema: Value { ["anyOf": [RegexPattern.schema, RegexOptions.schema]] }

    init(field value: Value) throws(FieldError) {
        switch value {
        case .string: options = try RegexOptions(fields: ["pattern": value])
        case .object(let object): options = try RegexOptions(fields: object)
        default: throw .expected("a regular expression or an object with \"pattern\"", found: value)
        }
    }
}

/// A pattern, which ``RegexOptions`` compiles with its flags.
struct RegexPattern: FieldValue {
    let text: String

    static var schema: Value { ["type": "string", "minLength": 1] }

    init(field value: Value) throws(FieldError) {
        guard let text = value.asString else { throw .expected("a regular expression", found: value) }
        guard !text.isEmpty else { throw FieldError("the regular expression is empty") }
        self.text = text
    }
}

/// The flags of a pattern.
struct RegexFlags: FieldValue {
    var letters = ""

    init() {}

    static var schema: Value { ["type": "string", "pattern": "^[imsx]*$"] }
    var fieldDefault: Value? { .string(letters) }

    init(field value: Value) throws(FieldError) {
        guard let text = value.asString, text.allSatisfy({ "imsx".contains($0) }) else {
            throw .expected("some of the letters i, m, s and x", found: value)
        }
        letters = text
    }
}

/// A group of a pattern.
enum RegexGroup: FieldValue {
    case number(Int)
    case name(String)

    static var schema: Value { ["anyOf": [["type": "integer", "minimum": 0], ["type": "string", "minLength": 1]]] }

    init(field value: Value) throws(FieldError) {
        if let number = value.asInt, (0...1000).contains(number) {
            self = .number(Int(number))
        } else if let name = value.asString, !name.isEmpty {
            self = .name(name)
        } else {
            throw .expected("the number or the name of a group", found: value)
        }
    }
}
