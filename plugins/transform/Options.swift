import RunnelKit

/// `true`, or an object with options.
struct OptionsOrTrue<Options: FieldGroup>: FieldValue {
    let options: Options

    static var schema: Value { ["anyOf": [["const": true], Options.schema]] }

    init(field value: Value) throws(FieldError) {
        if value == true {
            options = try Options(fields: [:])
        } else if let object = value.asObject {
            options = try Options(fields: object)
        } else {
            throw .expected("true or an object with options", found: value)
        }
    }
}

struct LineOptions: FieldGroup {
    @Field("Take white space off both ends of each line.") var trim: Bool = false
    @Field("Leave empty lines out.") var skipEmpty: Bool = true
}

struct CSVOptions: FieldGroup {
    @Field("Whether the first line names the columns; rows are objects then, else lists.") var header: Bool = true
    @Field("What stands between two fields.") var delimiter: Delimiter = Delimiter()
}

/// One character.
struct Delimiter: FieldValue {
    var character: Character = ","

    init() {}

    static var schema: Value { ["type": "string", "minLength": 1, "maxLength": 1] }
    var fieldDefault: Value? { .string(String(character)) }

    init(field value: Value) throws(FieldError) {
        guard let text = value.asString, text.count == 1, let character = text.first, character != "\"",
            !character.isNewline
        else { throw .expected("one character", found: value) }
        self.character = character
    }
}

struct RegexOptions: FieldGroup {
    @Field("The pattern, as jq and Oniguruma write it.") var pattern: RegexPattern
    @Field("i: ignore case, x: extended, s: a dot also matches line breaks, n: ignore empty matches.")
    var flags: RegexFlags = RegexFlags()
    @Field("Find every match, not only the first; the output is a list then.") var all: Bool = false
    @Field("The group, by number or name, that is taken from a match.") var group: Value?
}

/// A pattern that has been tried once, so that it is known to be one.
struct RegexPattern: FieldValue {
    let text: String

    static var schema: Value { ["type": "string"] }

    init(field value: Value) throws(FieldError) {
        guard let text = value.asString else { throw .expected("a regular expression", found: value) }
        do {
            _ = try JQState(program: "[match(\(Value.string(text).json()))]").outputs(for: "", limit: 1)
        } catch let error as StepError {
            throw FieldError("not a regular expression: \(error.message.replacing("jq: ", with: ""))")
        } catch let error as FieldError {
            throw error
        } catch {
            throw FieldError("not a regular expression: \(error)")
        }
        self.text = text
    }
}

struct RegexFlags: FieldValue {
    var text = ""

    init() {}

    static var schema: Value { ["type": "string", "pattern": "^[ixsn]*$"] }
    var fieldDefault: Value? { .string(text) }

    init(field value: Value) throws(FieldError) {
        guard let text = value.asString, text.allSatisfy({ "ixsn".contains($0) }) else {
            throw .expected("some of the letters i, x, s and n", found: value)
        }
        self.text = text
    }
}
