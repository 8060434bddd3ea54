/// A file or folder of the project, as a field of a step:
///
///     @Field("The file, relative to the project.") var path: ProjectPath
///
/// The engine checks it before the step runs, and `runnel validate` as far as it is written out: it stays below the
/// project's folder, below the literal part of a template, and out of ``ProtectedPlaces``. A schema that is not made of
/// fields asks for the same with `"format": "project-path"`. With `"x-relative-to": "base"` beside it, the path is
/// relative to the folder that the key `base` names, and stays in it.
public struct ProjectPath: FieldValue, Hashable {
    /// As it is written, relative to the project unless it begins with a slash.
    public let text: String

    /// A path as it is written; nothing is checked.
    public init(_ text: String) {
        self.text = text
    }

    /// The JSON schema (2020-12) of the values that are accepted.
    public static var schema: Value { ["type": "string", "format": .string(ProjectPathPlaces.format)] }

    /// Reads the value that is written behind a key.
    /// - Throws: A ``FieldError`` for a value that is not accepted.
    public init(field value: Value) throws(FieldError) {
        text = try String(field: value)
    }

    /// How the value is shown as a default; nil where it cannot be shown.
    public var fieldDefault: Value? { .string(text) }
}

/// A file of the project that holds a template, as a field of a step. `runnel validate` reads the file, where its path is
/// written out, and checks it like a template in the pipeline.
public struct TemplateFile: FieldValue, Hashable {
    /// The file.
    public let path: ProjectPath

    /// The JSON schema (2020-12) of the values that are accepted.
    public static var schema: Value {
        ["type": "string", "format": .string(ProjectPathPlaces.format), "x-template": true]
    }

    /// Reads the value that is written behind a key.
    /// - Throws: A ``FieldError`` for a value that is not accepted.
    public init(field value: Value) throws(FieldError) {
        path = try ProjectPath(field: value)
    }

    /// How the value is shown as a default; nil where it cannot be shown.
    public var fieldDefault: Value? { path.fieldDefault }
}

/// Where in the settings of a step or trigger paths of the project stand.
package indirect enum ProjectPathPlaces: Sendable {
    /// - relativeTo: The key beside it that names the folder where the path begins.
    /// - isTemplate: Whether the file holds a template.
    case path(relativeTo: String?, isTemplate: Bool)
    case object([String: ProjectPathPlaces], others: ProjectPathPlaces?)
    case list(ProjectPathPlaces)

    package static let format = "project-path"

    /// nil where the schema knows no such path.
    init?(schema: Value) {
        guard let object = schema.asObject else { return nil }
        if object["format"]?.asString == Self.format {
            self = .path(
                relativeTo: object["x-relative-to"]?.asString, isTemplate: object["x-template"]?.asBool ?? false)
            return
        }
        for key in ["anyOf", "oneOf", "allOf"] {
            guard let found = object[key]?.asList?.lazy.compactMap(Self.init(schema:)).first else { continue }
            self = found
            return
        }
        if let items = object["items"].flatMap(Self.init(schema:)) {
            self = .list(items)
            return
        }
        var members: [String: ProjectPathPlaces] = [:]
        for (key, value) in object["properties"]?.asObject ?? [:] { members[key] = Self(schema: value) }
        let others = object["additionalProperties"].flatMap(Self.init(schema:))
        guard !members.isEmpty || others != nil else { return nil }
        self = .object(members, others: others)
    }
}
