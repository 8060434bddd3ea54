/// A file that is named in `runnel.yaml`, relative to its folder.
///
///     @Field("A file with certificates.") var ca: SettingsFile?
///
/// Runnel makes the path absolute before a plugin sees it.
public struct SettingsFile: FieldValue, Hashable {
    package static let format = "settings-file"

    /// Absolute, as a plugin sees it.
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

    /// Whether a setting with this schema names a file.
    package static func isSchema(_ schema: Value) -> Bool { schema["format"]?.asString == format }
}
