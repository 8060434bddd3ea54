import RunnelKit

/// What is looked for in a text, and what is taken from it.
struct RegexOptions: FieldGroup {
    @Field("The pattern, in Oniguruma's Perl syntax. It is compiled when the pipeline is validated.")
    var pattern: RegexPattern
    @Field(
        "Letters as in Perl: `i` ignore case, `m` `^` and `$` at every line, `s` a dot matches line breaks, `x` extended."
    )
    var flags: RegexFlags = RegexFlags()
    @Field("Find every match instead of the first; the output is a list then.") var all: Bool = false
    @Field("The group that is taken from a match, by number or name; 0 is the whole match.") var group: RegexGroup?
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

/// A pattern that has been compiled once, so that it is known to be one.
struct RegexPattern: FieldValue {
    let text: String

    static var schema: Value { ["type": "string", "minLength": 1] }

    init(field value: Value) throws(FieldError) {
        guard let text = value.asString else { throw .expected("a regular expression", found: value) }
        guard !text.isEmpty else { throw FieldError("the regular expression is empty") }
        try RegexSearch.check(pattern: text)
        self.text = text
    }
}

/// Letters that change how a pattern is read.
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
