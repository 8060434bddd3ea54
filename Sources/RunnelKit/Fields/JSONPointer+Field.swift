/// A place inside a document, such as `/data/id`. As a setting it names a value, so it is not the whole document.
extension JSONPointer: FieldValue {
    /// A string of one or more reference tokens (RFC 6901).
    public static var schema: Value {
        ["type": "string", "pattern": "^(/([^~/]|~[01])*)+$", "examples": ["/data/id"]]
    }

    /// - Throws: A ``FieldError`` for anything but a pointer with at least one token.
    public init(field value: Value) throws(FieldError) {
        guard let text = value.asString, let pointer = JSONPointer(text), !pointer.tokens.isEmpty else {
            throw .expected("a JSON pointer such as \"/id\" or \"/data/id\"", found: value)
        }
        self = pointer
    }
}
