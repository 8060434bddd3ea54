/// A field that takes one of a few words. Conform a `String` enumeration to it:
///
///     enum Format: String, FieldChoice { case text, json, csv }
public protocol FieldChoice: FieldValue, CaseIterable, RawRepresentable where RawValue == String {}

extension FieldChoice {
    public static var schema: Value { ["enum": .list(allCases.map { .string($0.rawValue) })] }

    public init(field value: Value) throws(FieldError) {
        guard let word = value.asString, let choice = Self(rawValue: word) else {
            let words = Self.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", ")
            throw .expected("one of \(words)", found: value)
        }
        self = choice
    }

    public var fieldDefault: Value? { .string(rawValue) }
}
