/// Declares one key of a step's `with:` (or of a nested object): its help, type and default in one place.
///
/// From the declaration come the reading, the checks, the JSON schema and the printed reference. The key is the
/// property's name in snake case, unless `key` says otherwise. A property without default value is required,
/// unless it is optional. A null that is written is not the same as a key that is left out: it is given to the type,
/// and only ``Value`` and types of your own that read it accept it; for all others it is an error with the code
/// `empty-value`.
///
///     struct FileRead: Step {
///         @Field("The file, relative to the project.") var path: String
///         @Field("How the content is read.", key: "as") var format: Format = .text
///     }
@propertyWrapper
public struct Field<FieldType: FieldValue>: Sendable, Decodable {
    let definition: FieldDefinition
    private let defaultValue: FieldType?
    private var value: FieldType?

    /// A required key; optional where the type says so.
    public init(_ help: String, key: String? = nil) {
        self.init(help: help, key: key, default: FieldType.whenAbsent)
    }

    /// A key with a default.
    public init(wrappedValue: FieldType, _ help: String, key: String? = nil) {
        self.init(help: help, key: key, default: wrappedValue)
    }

    private init(help: String, key: String?, default defaultValue: FieldType?) {
        self.defaultValue = defaultValue
        definition = FieldDefinition(
            key: key ?? "", help: help, schema: FieldType.schema, defaultValue: defaultValue?.fieldDefault,
            isRequired: defaultValue == nil
        ) { candidate throws(FieldError) in
            _ = try Self.read(candidate)
        }
    }

    public var wrappedValue: FieldType {
        get {
            guard let known = value ?? defaultValue else {
                preconditionFailure("a required field was read before its configuration was decoded")
            }
            return known
        }
        set { value = newValue }
    }

    /// Reads the field out of the configuration that is being decoded; see ``FieldGroup/init(fields:)``.
    public init(from decoder: any Decoder) throws {
        guard let decoder = decoder as? FieldDecoder, let declared = decoder.declared as? Field<FieldType> else {
            throw FieldError("fields are read from a pipeline's configuration only")
        }
        self = declared
        guard let found = decoder.value else {
            guard defaultValue != nil else { throw FieldError("it is missing") }
            return
        }
        // A key that is written is given, also when its value is null: the type says whether null is one of its values.
        value = try Self.read(found)
    }

    private static func read(_ value: Value) throws(FieldError) -> FieldType {
        do {
            return try FieldType(field: value)
        } catch {
            throw error.classified(by: value)
        }
    }
}

/// A ``Field`` seen without its type.
protocol AnyField {
    var definition: FieldDefinition { get }
}

extension Field: AnyField {}

/// What a ``Field`` declares.
public struct FieldDefinition: Sendable {
    /// As it is written in a pipeline.
    public internal(set) var key: String
    public let help: String
    /// Of the value, without help and default.
    public let schema: Value
    public let defaultValue: Value?
    public let isRequired: Bool
    /// Reads a value for the sake of its errors.
    let check: @Sendable (Value) throws(FieldError) -> Void
}

extension FieldDefinition {
    /// The keys that a JSON schema of an object names.
    static func list(_ schema: Value) -> [FieldDefinition] {
        let required = Set((schema["required"]?.asList ?? []).compactMap(\.asString))
        return (schema["properties"]?.asObject ?? [:]).map { key, value in
            var bare = value.asObject ?? [:]
            let help = bare["description"]?.asString ?? ""
            let defaultValue = bare["default"]
            bare = bare.removing("description").removing("default")
            return FieldDefinition(
                key: key, help: help, schema: .object(bare), defaultValue: defaultValue,
                isRequired: required.contains(key), check: { _ in })
        }
    }
}
