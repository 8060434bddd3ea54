/// A field that takes one of a few words. Conform a `String` enumeration to it:
///
///     enum Format: String, FieldChoice { case text, json, csv }
public protocol FieldChoice: FieldValue, CaseIterable, RawRepresentable where RawValue == String {}

extension FieldChoice {
    /// The JSON schema (2020-12) of the values that are accepted.
    public static var schema: Value { ["enum": .list(allCases.map { .string($0.rawValue) })] }

    /// Reads the value that is written behind a key.
    /// - Throws: A ``FieldError`` for a value that is not accepted.
    public init(field value: Value) throws(FieldError) {
        guard let word = value.asString, let choice = Self(rawValue: word) else {
            let words = Self.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", ")
            throw .expected("one of \(words)", found: value)
        }
        self = choice
    }

    /// How the value is shown as a default; nil where it cannot be shown.
    public var fieldDefault: Value? { .string(rawValue) }
}
