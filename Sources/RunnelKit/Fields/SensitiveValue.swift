/// A setting that must not stand in a file everyone can read: `{ env: NAME }`, `{ file: path }` or `{ command: […] }` in
/// `runnel.yaml`.
///
///     struct Settings: FieldGroup {
///         init() {}
///         @Field("The key of the office's API.") var key: SensitiveValue?
///     }
///
/// Runnel fetches it before the plugin sees it, and masks it wherever Runnel writes. Written out it is accepted too, and
/// masked.
public struct SensitiveValue: Sendable, Hashable, FieldValue {
    /// How it is written, for messages.
    package static let forms = "`{ env: NAME }`, `{ file: path }` or `{ command: […] }`"

    /// Where the value comes from.
    package enum Source: Sendable, Hashable {
        case environment(String)
        /// Relative to the folder of `runnel.yaml`.
        case file(String)
        /// The standard output of a command, which may be used again for a time. At least one word.
        case command([String], cache: Duration)
        /// Written out, or fetched.
        case literal(String)
        /// It was to be fetched, and could not be.
        case unavailable(String)
    }

    package let source: Source

    private init(_ source: Source) {
        self.source = source
    }

    /// A value that is there, such as a test needs.
    public init(_ text: String) {
        source = .literal(text)
    }

    package static func environment(_ name: String) -> SensitiveValue { SensitiveValue(.environment(name)) }
    package static func file(_ path: String) -> SensitiveValue { SensitiveValue(.file(path)) }

    /// The value as Runnel fetched it, or why there is none.
    public var value: Result<String, UnavailableSecret> {
        switch source {
        case .literal(let text): .success(text)
        case .unavailable(let reason): .failure(UnavailableSecret(reason: reason))
        case .environment, .file, .command: .failure(UnavailableSecret(reason: "it has not been fetched"))
        }
    }

    /// The value that a plugin gets if the secret could not be fetched.
    package static func unavailable(because reason: String) -> Value { ["unavailable": .string(reason)] }

    /// Whether a setting with this schema is a secret, whatever stands beside it.
    package static func isSchema(_ schema: Value) -> Bool { schema["anyOf"] == Self.schema["anyOf"] }

    /// A text, or an object that names where the value is.
    public static var schema: Value {
        [
            "anyOf": [
                ["type": "string"],
                [
                    "type": "object", "properties": ["env": ["type": "string"]], "required": ["env"],
                    "additionalProperties": false,
                ],
                [
                    "type": "object", "properties": ["file": ["type": "string"]], "required": ["file"],
                    "additionalProperties": false,
                ],
                [
                    "type": "object",
                    "properties": [
                        "command": ["type": "array", "items": ["type": "string"], "minItems": 1],
                        "cache": Duration.schema,
                    ], "required": ["command"], "additionalProperties": false,
                ],
            ]
        ]
    }

    /// Reads what stands in `runnel.yaml`, or what was fetched.
    public init(field value: Value) throws(FieldError) {
        if let text = value.asString {
            source = .literal(text)
        } else if let object = value.asObject, object.count == 1, let name = object["env"]?.asString {
            source = .environment(name)
        } else if let object = value.asObject, object.count == 1, let path = object["file"]?.asString {
            source = .file(path)
        } else if let object = value.asObject, let words = object["command"]?.asList?.map(\.asString),
            object.count == (object["cache"] == nil ? 1 : 2), let first = words.first, first?.isEmpty == false,
            words.allSatisfy({ $0 != nil })
        {
            do throws(FieldError) {
                let cache = try object["cache"].map { value throws(FieldError) in try Duration(field: value) }
                source = .command(words.compactMap(\.self), cache: cache ?? .zero)
            } catch {
                throw error.under(.key("cache"))
            }
        } else if let object = value.asObject, object.count == 1, let reason = object["unavailable"]?.asString {
            source = .unavailable(reason)
        } else {
            // The value itself stays out of the message: it may be the secret.
            throw FieldError("expected \(Self.forms), found \(value.kindName)", hint: Self.hint(for: value))
        }
    }

    /// A hint for an object that has none of the ``forms``; nil where the list of forms is enough.
    package static func hint(for value: Value) -> String? {
        guard let command = value["command"] else { return nil }
        let words = command.asList ?? []
        guard words.isEmpty || words.contains(where: { $0.asString == nil }) else { return nil }
        return "a command is a list of texts: `{ command: [pass, show, mail] }`, or `{ command: [sh, -c, \"…\"] }`"
    }
}

/// Why a secret has no value.
public struct UnavailableSecret: Error, Sendable, Hashable {
    /// In a few words: "the environment variable KEY is not set".
    public let reason: String

    package init(reason: String) {
        self.reason = reason
    }

    /// What is wrong, behind the name of the secret: "has no value: …", or "is too short …" for one that has a value.
    public var predicate: String {
        reason.hasPrefix("it is ") ? String(reason.dropFirst("it ".count)) : "has no value: \(reason)"
    }
}
