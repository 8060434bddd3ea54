/// Declares one key of a step's `with:` (or of a nested object): its help, type and default in one place.
///
/// From the declaration come the reading, the checks, the JSON schema and the printed reference. The key is the
/// property's name in snake case, unless `key` says otherwise. A property without default value is required,
/// unless it is optional. A null that is written is not the same as a key that is left out: it is given to the type,
/// and only `Value` and types of your own that read it accept it; for all others it is an error with the code
/// `empty-value`.
///
///     struct FileRead: Step {
///         @Field("The file, relative to the project.") var path: String
///         @Field("How the content is read.", key: "as") var format: Format = .text
///     }
@propertyWrapper
public struct Field<FieldType: FieldValue>: Sendable, Decodable {
    private final class Declaration: Sendable {
        let help: String
        let key: String?
        let defaultValue: FieldType?
        let limits: FieldLimits<FieldType>?

        init(help: String, key: String?, defaultValue: FieldType?, limits: FieldLimits<FieldType>?) {
            (self.help, self.key, self.defaultValue, self.limits) = (help, key, defaultValue, limits)
        }
    }

    /// Shared by all that are read: steps and triggers are copied often, and triggers live as long as the server.
    private let declaration: Declaration
    private var value: FieldType?
    /// Set where a template stands, so that it is noticed when something depends on its value.
    private var unknown: UnknownValue?

    /// A required key; optional where the type says so.
    public init(_ help: String, key: String? = nil) {
        self.init(help: help, key: key, default: FieldType.whenAbsent)
    }

    /// A key with a default.
    public init(wrappedValue: FieldType, _ help: String, key: String? = nil) {
        self.init(help: help, key: key, default: wrappedValue)
    }

    init(help: String, key: String?, default defaultValue: FieldType?, limits: FieldLimits<FieldType>? = nil) {
        declaration = Declaration(help: help, key: key, defaultValue: defaultValue, limits: limits)
    }

    /// Computed on demand: reading a configuration makes the group anew and needs no schema.
    var definition: FieldDefinition {
        FieldDefinition(
            key: declaration.key ?? "", help: declaration.help,
            schema: declaration.limits?.schema() ?? FieldType.schema,
            defaultValue: declaration.defaultValue?.fieldDefault, isRequired: declaration.defaultValue == nil
        ) { [limits = declaration.limits] candidate in
            let problems = FieldType.problems(in: candidate)
            guard problems.isEmpty else { return problems }
            do throws(FieldError) {
                _ = try Self.read(candidate, limits)
                return []
            } catch {
                return [error]
            }
        }
    }

    /// The value that was written, or the default.
    public var wrappedValue: FieldType {
        get {
            unknown?.markRead()
            guard let known = value ?? declaration.defaultValue else {
                preconditionFailure("a required field was read before its configuration was decoded")
            }
            return known
        }
        set { value = newValue }
    }

    /// Whether the file has the key, even with its default value: `_text.isGiven` for the field `text`. For warnings
    /// about keys without effect.
    public var isGiven: Bool { value != nil }

    /// Reads the field out of the configuration that is being decoded; see ``FieldGroup/init(fields:)``.
    public init(from decoder: any Decoder) throws {
        guard let decoder = decoder as? FieldDecoder, let declared = decoder.declared as? Field<FieldType> else {
            throw FieldError("fields are read from a pipeline's configuration only")
        }
        self = declared
        if let unknown = decoder.unknown {
            self.unknown = unknown
            if declaration.defaultValue == nil {
                value = Self.standIn(declaration.limits)
                if value == nil {
                    // Nothing can be said of the group without a value for it.
                    unknown.markRead()
                    throw FieldError("it is not known")
                }
            }
            return
        }
        guard let found = decoder.value else {
            guard declaration.defaultValue != nil else { throw FieldError("it is missing") }
            return
        }
        // A key that is written is given, also when its value is null: the type says whether null is one of its values.
        value = try Self.read(found, declaration.limits)
    }

    private static func read(_ value: Value, _ limits: FieldLimits<FieldType>?) throws(FieldError) -> FieldType {
        do {
            let field = try FieldType(field: value)
            try limits?.check(field, value)
            return field
        } catch {
            throw error.classified(by: value)
        }
    }

    /// Some value of the type, for a key whose value is not known; nil where none is found.
    private static func standIn(_ limits: FieldLimits<FieldType>?) -> FieldType? {
        let values: [Value] = ["a", "https://example.com/a", "1s", 1, true, "1KiB", ["a"], [:], [], ["a": "a"]]
        return values.lazy.compactMap { try? read($0, limits) }.first
    }
}

/// A ``Field`` seen without its type.
protocol AnyField: Sendable {
    var definition: FieldDefinition { get }
}

extension Field: AnyField {}

/// What a ``Field`` declares.
public struct FieldDefinition: Sendable {
    /// As it is written in a pipeline.
    public internal(set) var key: String
    /// What the key means, in Markdown.
    public let help: String
    /// Of the value, without help and default.
    public let schema: Value
    /// The value when the key is left out, as it is shown; nil where there is none or it cannot be shown.
    public let defaultValue: Value?
    /// Whether the key has to be written.
    public let isRequired: Bool
    /// Reads a value for the sake of its errors.
    package let problems: @Sendable (Value) -> [FieldError]
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
                isRequired: required.contains(key), problems: { _ in [] })
        }
    }
}

extension [FieldDefinition] {
    /// How a value that stands in the place of the whole object could have been meant: `{ attempts: 3 }`; nil where no
    /// key accepts it.
    package func form(accepting value: Value) -> String? {
        guard value.asObject == nil, value.asList == nil, !value.isNull else { return nil }
        let field = first { !SensitiveValue.isSchema($0.schema) && $0.problems(value).isEmpty }
        return field.map { "{ \($0.key): \(value.json()) }" }
    }
}
