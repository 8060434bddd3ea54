/// A file that is named in `runnel.yaml`, relative to its folder.
///
///     @Field("A file with certificates.") var ca: SettingsFile?
///
/// Runnel makes the path absolute before a plugin sees it. Pipelines do not touch the file; see ``ProtectedPlaces``.
public struct SettingsFile: FieldValue, Hashable {
    package static let format = "settings-file"

    /// Absolute, as a plugin sees it; as it is written in Runnel's own settings.
    public let path: String

    /// A path that is there already.
    public init(_ path: String) {
        self.path = path
    }

    /// The JSON schema (2020-12) of the values that are accepted.
    public static var schema: Value { ["type": "string", "minLength": 1, "format": .string(format)] }

    /// Reads the value that is written behind a key.
    /// - Throws: A ``FieldError`` for a value that is not accepted.
    public init(field value: Value) throws(FieldError) {
        path = try String(field: value)
        guard !path.isEmpty else { throw .expected("a file", found: value) }
    }

    /// How the value is shown as a default.
    public var fieldDefault: Value? { .string(path) }
}

/// A script or command that a step executes, as a field of a step:
///
///     @Field("The script.") var run: ScriptText
///
/// It must be written out: a template in it is an error of the pipeline, because the value of an expression would
/// become part of the program (script injection). Values reach a script through its environment or its arguments.
/// `runnel validate` and `runnel explain` list the scripts of a pipeline. A schema that is not made of fields asks for
/// the same with `"format": "script"`.
public struct ScriptText: FieldValue, Hashable {
    /// The script as it is written.
    public let text: String

    package static let format = "script"

    /// The JSON schema (2020-12) of the values that are accepted.
    public static var schema: Value { ["type": "string", "minLength": 1, "format": .string(format)] }

    /// Reads the value that is written behind a key.
    /// - Throws: A ``FieldError`` for an empty script, or one with a NUL character.
    public init(field value: Value) throws(FieldError) {
        text = try String(field: value)
        guard text.contains(where: { !$0.isWhitespace }) else { throw FieldError("the script is empty") }
        guard !text.utf8.contains(0) else { throw FieldError("a script cannot contain a NUL character") }
    }

    /// How the value is shown as a default.
    public var fieldDefault: Value? { .string(text) }
}
