internal import Synchronization

/// A set of ``Field``s that stand together in one object: a step's `with:`, or an object inside it.
///
/// The compiler writes all that is needed; a conforming type only lists its fields. Nested groups are fields too:
///
///     struct Credentials: FieldGroup {
///         @Field("Who asks.") var user: String
///         @Field("With what.") var password: String
///     }
public protocol FieldGroup: FieldValue, Decodable {
    /// A group with the defaults of its fields, from which the declarations are read. Only optional fields and those with
    /// a default have a value in it: reading another one ends the process. A public type must declare it.
    init()
    /// Rules over which keys are there. None unless a group says otherwise.
    static var rules: [FieldRule] { get }
    /// Checks what the type of one field alone cannot: values that do not go together, keys that depend on a value.
    ///
    /// Called each time the group has been read, so ``Step/run(_:)`` and ``Trigger/run(_:)`` see valid settings only.
    /// `runnel validate` calls it too, also where some values are templates, whose value is not known yet: a text stands
    /// in for each, and an error that such a value has a part in is not reported. The check has to be pure.
    /// - Throws: A ``FieldError`` with the path to the value that is to be changed, from this group.
    func validate() throws(FieldError)
}

extension FieldGroup {
    /// No rules.
    public static var rules: [FieldRule] { [] }
    /// Checks nothing.
    public func validate() throws(FieldError) {}

    /// The declared fields, in the order of the declaration.
    public static var fields: [FieldDefinition] {
        declaredFields.all.map(\.definition)
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

    /// Reads the value that is written behind a key.
    /// - Throws: A ``FieldError`` for a value that is not accepted.
    public init(field value: Value) throws(FieldError) {
        guard let object = value.asObject else {
            var error = FieldError.expected("a mapping", found: value)
            error.form = Self.fields.form(accepting: value)
            throw error
        }
        try self.init(fields: object)
    }

    /// The problems of all fields; those of the group as a whole where no field has one.
    public static func problems(in value: Value) -> [FieldError] {
        if let object = value.asObject {
            let problems = fields.flatMap { field in
                (object[field.key].map(field.problems) ?? []).map { $0.under(.key(field.key)) }
            }
            guard problems.isEmpty else { return problems }
        }
        do throws(FieldError) {
            _ = try Self(field: value)
            return []
        } catch {
            return [error]
        }
    }

    /// Reads the group out of an object. Unknown keys are errors.
    public init(fields object: ValueObject) throws(FieldError) {
        let declared = Self.declaredFields
        if let stranger = object.keys.first(where: { !declared.keys.contains($0) }) {
            throw FieldError(
                "the key \"\(stranger)\" is not known here",
                hint: Suggestion.hint(for: stranger, among: declared.keys.sorted()))
        }
        for rule in Self.rules {
            if let message = rule.violation(in: Set(object.keys)) {
                throw FieldError(message)
            }
        }
        self = try Self.decoded(FieldDecoder(object: object, declared: declared))
        try validate()
    }

    /// What the checks of the group, and then `more`, say of settings that are known in part.
    static func problem(
        in settings: PartialSettings, _ more: (Self) throws(FieldError) -> Void = { _ in }
    ) -> FieldError? {
        // What depends on a template differs, or cannot be read, with one of two texts in its place.
        let first = problem(in: settings, standIn: "unknown-1", more)
        guard let first, settings.knowledge(of: []) != .known else { return first }
        return first == problem(in: settings, standIn: "another-unknown-22", more) ? first : nil
    }

    /// What the group says of itself where that depends on no value that is unknown; nil otherwise.
    static func known<Result>(in settings: PartialSettings, _ read: (Self) -> Result?) -> Result? {
        let probe = UnknownValue()
        let decoder = FieldDecoder(
            object: settings.values(standIn: "unknown"), declared: declaredFields, settings: settings, probe: probe)
        guard let group = try? decoded(decoder) else { return nil }
        let result = read(group)
        return probe.wasRead ? nil : result
    }

    private static func problem(
        in settings: PartialSettings, standIn: String, _ more: (Self) throws(FieldError) -> Void
    ) -> FieldError? {
        let probe = UnknownValue()
        do throws(FieldError) {
            let decoder = FieldDecoder(
                object: settings.values(standIn: standIn), declared: declaredFields, settings: settings, probe: probe)
            let group = try decoded(decoder)
            try group.validate()
            try more(group)
            return nil
        } catch {
            guard !probe.wasRead, settings.knowledge(of: error.path) != .unknown else { return nil }
            var shown = error
            shown.message = error.message.replacing(standIn, with: "…")
            shown.hint = error.hint?.replacing(standIn, with: "…")
            return shown
        }
    }

    private static func decoded(_ decoder: FieldDecoder) throws(FieldError) -> Self {
        do {
            return try Self(from: decoder)
        } catch let error as FieldError {
            throw error
        } catch {
            throw FieldError("\(error)")
        }
    }

    /// Reads one field's value for the sake of its errors; none where it is right or the key is unknown.
    public static func problems(key: String, value: Value) -> [FieldError] {
        fields.first { $0.key == key }?.problems(value) ?? []
    }

    private static var declaredFields: DeclaredFields {
        DeclaredFields.of(Self.self) {
            Mirror(reflecting: Self()).children.compactMap { child in
                guard let field = child.value as? any AnyField, let label = child.label else { return nil }
                let property = label.hasPrefix("_") ? String(label.dropFirst()) : label
                return DeclaredField(property: property, field: field)
            }
        }
    }
}

/// The declared fields of a group, cached by type: reflection and schemas cost far more than reading.
struct DeclaredFields: Sendable {
    /// In the order of the declaration.
    let all: [DeclaredField]
    let byProperty: [String: DeclaredField]
    let keys: Set<String>

    private static let known = Mutex<[ObjectIdentifier: DeclaredFields]>([:])

    static func of(_ type: Any.Type, _ declare: () -> [DeclaredField]) -> DeclaredFields {
        let id = ObjectIdentifier(type)
        if let found = known.withLock({ $0[id] }) { return found }
        // Outside of the lock: the schema of a field may ask for the fields of another group.
        let all = declare()
        let declared = DeclaredFields(
            all: all, byProperty: Dictionary(all.map { ($0.property, $0) }, uniquingKeysWith: { first, _ in first }),
            keys: Set(all.map(\.definition.key)))
        known.withLock { $0[id] = declared }
        return declared
    }
}

/// A field with the name of the property that declares it.
struct DeclaredField: Sendable {
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

/// A rule over several keys of one object, checked while a pipeline is validated and written into its JSON schema.
@nonexhaustive public enum FieldRule: Sendable, Hashable {
    /// One of the keys has to be there, and only one.
    case exactlyOne([String])
    /// No two of the keys may be there together.
    case atMostOne([String])
    /// Where the first key is, the others have to be too.
    case requires(String, [String])

    /// What is wrong with an object that has the `keys`; nil where nothing is.
    public func violation(in keys: Set<String>) -> String? {
        switch self {
        case .exactlyOne(let choices):
            let given = choices.filter(keys.contains)
            if given.isEmpty { return "\(Self.words(choices, "or")) is required" }
            return given.count == 1 ? nil : "\(Self.words(given, "and")) are mutually exclusive"
        case .atMostOne(let choices):
            let given = choices.filter(keys.contains)
            return given.count <= 1 ? nil : "\(Self.words(given, "and")) are mutually exclusive"
        case .requires(let key, let others):
            let missing = others.filter { !keys.contains($0) }
            return keys.contains(key) && !missing.isEmpty ? "\"\(key)\" also needs \(Self.words(missing, "and"))" : nil
        }
    }

    var schema: Value {
        switch self {
        case .exactlyOne(let keys): ["oneOf": .list(keys.map { ["required": [.string($0)]] })]
        case .atMostOne(let keys):
            [
                "not": [
                    "anyOf": .list(
                        keys.enumerated().flatMap { index, key in
                            keys[(index + 1)...].map { ["required": [.string(key), .string($0)]] }
                        })
                ]
            ]
        case .requires(let key, let others): ["dependentRequired": [key: .list(others.map { .string($0) })]]
        }
    }

    /// The rule that a schema expresses; nil for a schema that is not a rule.
    package init?(schema: Value) {
        let choices = schema["oneOf"]?.asList ?? schema["not"]?["anyOf"]?.asList ?? []
        let names = choices.flatMap { $0["required"]?.asList ?? [] }.compactMap(\.asString)
        let keys = names.enumerated().filter { !names.prefix($0.offset).contains($0.element) }.map(\.element)
        var rules: [FieldRule] = [.exactlyOne(keys), .atMostOne(keys)]
        for (key, others) in schema["dependentRequired"]?.asObject ?? [:] {
            rules.append(.requires(key, (others.asList ?? []).compactMap(\.asString)))
        }
        guard let rule = rules.first(where: { $0.schema == schema }) else { return nil }
        self = rule
    }

    private static func words(_ keys: [String], _ joint: String) -> String {
        let quoted = keys.map { "\"\($0)\"" }
        guard let last = quoted.last, quoted.count > 1 else { return quoted.joined() }
        return quoted.dropLast().joined(separator: ", ") + " \(joint) \(last)"
    }
}
