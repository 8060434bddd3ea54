/// A set of ``Field``s that stand together in one object: a step's `with:`, or an object inside it.
///
/// The compiler writes all that is needed; a conforming type only lists its fields. Nested groups are fields too:
///
///     struct Credentials: FieldGroup {
///         @Field("Who asks.") var user: String
///         @Field("With what.") var password: String
///     }
public protocol FieldGroup: FieldValue, Decodable {
    init()
    /// Rules over several keys.
    static var rules: [FieldRule] { get }
}

extension FieldGroup {
    public static var rules: [FieldRule] { [] }

    /// The declared fields, in the order of the declaration.
    public static var fields: [FieldDefinition] {
        declaredFields().map(\.definition)
    }

    /// The JSON schema of the object: every key with its help and default; no other keys.
    public static var schema: Value {
        let fields = Self.fields
        var schema: ValueObject = ["type": "object"]
        schema["properties"] = .object(ValueObject(fields.map { ($0.key, $0.documentedSchema) }))
        let required = fields.filter(\.isRequired).map { Value.string($0.key) }
        if !required.isEmpty { schema["required"] = .list(required) }
        schema["additionalProperties"] = false
        let rules = Self.rules.map(\.schema)
        if !rules.isEmpty { schema["allOf"] = .list(rules) }
        return .object(schema)
    }

    public init(field value: Value) throws(FieldError) {
        guard let object = value.asObject else { throw .expected("an object", found: value) }
        try self.init(fields: object)
    }

    /// Reads the group out of an object. Unknown keys are errors.
    public init(fields object: ValueObject) throws(FieldError) {
        let declared = Self.declaredFields()
        let known = Set(declared.map(\.definition.key))
        if let stranger = object.keys.first(where: { !known.contains($0) }) {
            let closest = Suggestion.closest(to: stranger, among: known.sorted())
            throw FieldError(
                "the key \"\(stranger)\" is not known here", hint: closest.map { "did you mean \"\($0)\"?" })
        }
        for rule in Self.rules {
            if let message = rule.violation(in: Set(object.keys)) {
                throw FieldError(message)
            }
        }
        let decoder = FieldDecoder(
            object: object, declared: Dictionary(uniqueKeysWithValues: declared.map { ($0.property, $0) }))
        do {
            self = try Self(from: decoder)
        } catch let error as FieldError {
            throw error
        } catch {
            throw FieldError("\(error)")
        }
    }

    /// Reads one field's value for the sake of its errors; nil where it is right or the key is unknown.
    public static func problem(key: String, value: Value) -> FieldError? {
        guard let field = fields.first(where: { $0.key == key }) else { return nil }
        do {
            try field.check(value)
            return nil
        } catch {
            return error
        }
    }

    private static func declaredFields() -> [DeclaredField] {
        Mirror(reflecting: Self()).children.compactMap { child in
            guard let field = child.value as? any AnyField, let label = child.label else { return nil }
            let property = label.hasPrefix("_") ? String(label.dropFirst()) : label
            return DeclaredField(property: property, field: field)
        }
    }
}

/// A field with the name of the property that declares it.
struct DeclaredField {
    let property: String
    let field: any AnyField
    let definition: FieldDefinition

    init(property: String, field: any AnyField) {
        self.property = property
        self.field = field
        var definition = field.definition
        if definition.key.isEmpty { definition.key = property.snakeCased }
        self.definition = definition
    }
}

extension FieldDefinition {
    /// The schema with help and default beside it, as editors show it.
    public var documentedSchema: Value {
        var object = schema.asObject ?? ValueObject()
        object["description"] = .string(help)
        if let defaultValue, !defaultValue.isNull { object["default"] = defaultValue }
        return .object(object)
    }
}

extension String {
    /// `messageID` as `message_id`.
    var snakeCased: String {
        var result = ""
        var previous: Character?
        for character in self {
            if character.isUppercase, let previous, !previous.isUppercase { result += "_" }
            result += character.lowercased()
            previous = character
        }
        return result
    }
}
