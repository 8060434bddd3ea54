import RunnelKit

/// How a text is read as CSV.
struct CSVOptions: FieldGroup {
    @Field("Whether the first line names the columns; rows are objects then, else lists.") var header: Bool = true
    @Field("What stands between two fields: one character, such as \";\" or a tab.") var delimiter: Delimiter =
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
