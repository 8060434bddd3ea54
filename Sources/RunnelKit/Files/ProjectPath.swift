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

    package static let format = "project-path"

    /// A path as it is written; nothing is checked.
    public init(_ text: String) {
        self.text = text
    }

    /// The JSON schema (2020-12) of the values that are accepted.
    public static var schema: Value { ["type": "string", "format": .string(format)] }

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
        ["type": "string", "format": .string(ProjectPath.format), "x-template": true]
    }

    /// Reads the value that is written behind a key.
    /// - Throws: A ``FieldError`` for a value that is not accepted.
    public init(field value: Value) throws(FieldError) {
        path = try ProjectPath(field: value)
    }

    /// How the value is shown as a default; nil where it cannot be shown.
    public var fieldDefault: Value? { path.fieldDefault }
}

extension SchemaPlace {
    /// A place where a path of the project stands.
    package struct Path: Hashable {
        /// The key beside it that names the folder where the path begins.
        package let relativeTo: String?
        /// Whether the file holds a template.
        package let isTemplate: Bool
    }

    /// What the schema says of the path that stands here; empty where none stands.
    package var paths: Set<Path> {
        Set(
            parts.filter { $0["format"]?.asString == ProjectPath.format }.map {
                Path(relativeTo: $0["x-relative-to"]?.asString, isTemplate: $0["x-template"]?.asBool ?? false)
            })
    }
}
