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

/// The constant `true`, for a key without options.
struct ConstTrue: FieldValue {
    static var schema: Value { ["const": true] }

    init(field value: Value) throws(FieldError) {
        guard value == true else { throw .expected("true", found: value) }
    }
}

/// The options of `csv`.
struct CSVOptions: FieldGroup {
    @Field("Whether the first line holds column names; rows are then objects, otherwise lists.") var header: Bool = true
    @Field("The field separator: one character, such as \";\" or a tab.") var delimiter: Delimiter =
        Delimiter()
}

/// One character that is neither a quote nor a line break.
struct Delimiter: FieldValue {
    var character: Character = ","

    init() {}

    static var schema: Value { ["type": "string", "minLength": 1, "maxLength": 1] }
    var fieldDefault: Value? { .string(String(character)) }

    init(field value: Value) throws(FieldError) {
        guard let text = value.asString, text.count == 1, let character = text.first, character != "\"",
            !character.isNewline
        else { throw .expected("one character that is neither a quote nor a line break", found: value) }
        self.character = character
    }
}

/// The options of `lines`.
struct LineOptions: FieldGroup {
    @Field("Trim white space at both ends of each line.") var trim: Bool = false
    @Field("Skip empty lines.") var skipEmpty: Bool = false

    /// The lines of `text`, which end with LF, CRLF or CR; optional for the last one.
    func lines(of text: String) -> [Substring] {
        var lines = text.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" || $0 == "\r" }
        if lines.last?.isEmpty == true { lines.removeLast() }
        if trim { lines = lines.map(\.trimmed) }
        if skipEmpty { lines.removeAll(where: \.isEmpty) }
        return lines
    }
}

extension Substring {
    fileprivate var trimmed: Substring {
        var text = drop { $0.isWhitespace }
        while text.last?.isWhitespace == true { text.removeLast() }
        return text
    }
}
