/// The environment variables of a script, as a field of a step:
///
///     @Field("Variables of the script, by name.") var env = ScriptVariables()
///
/// Their values may be templates, their names may not: whoever chose a name could name `BASH_ENV`, and the value would be
/// executed. For the same reason the value of a variable that ``isControlling(_:)`` names cannot be a template. Both are
/// errors of the pipeline (`script-injection`), and ``texts(in:at:)`` refuses them when the step runs. A schema that is
/// not made of fields asks for the check with `"format": "script-variables"`.
public struct ScriptVariables: FieldValue {
    /// The values by name.
    public let values: [String: Value]

    package static let format = "script-variables"

    /// No variables.
    public init() { values = [:] }

    /// The JSON schema (2020-12) of the values that are accepted.
    public static var schema: Value {
        ["type": "object", "additionalProperties": Value.schema, "format": .string(format)]
    }

    /// Reads the value that is written behind a key.
    /// - Throws: A ``FieldError`` for a name that no variable has, a null, or a text with a NUL character.
    public init(field value: Value) throws(FieldError) {
        values = try [String: Value](field: value)
        for (name, value) in values.sorted(by: { $0.key < $1.key }) {
            guard name.first.map({ $0.isASCII && ($0.isLetter || $0 == "_") }) ?? false,
                name.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") })
            else {
                throw FieldError(
                    "\(Value.string(name).quoted()) is not a name of a variable",
                    hint: "use letters, digits and \"_\", beginning with a letter")
            }
            if value.isNull {
                throw FieldError("the variable \(name) is null", path: [.key(name)], code: StepErrorCode.emptyValue)
            }
            if case .string(let text) = value, text.utf8.contains(0) {
                throw FieldError(
                    "the variable \(name) contains a NUL character, which no program can get", path: [.key(name)])
            }
        }
    }

    /// How the value is shown as a default; nil where it cannot be shown.
    public var fieldDefault: Value? { values.isEmpty ? [:] : nil }

    private static let controllingNames: Set = [
        "BASHOPTS", "BASH_ENV", "ENV", "IFS", "NODE_OPTIONS", "PATH", "PERLLIB", "PS4", "SHELLOPTS",
    ]
    private static let controllingPrefixes = ["BASH_FUNC_", "DYLD_", "LD_", "PERL5", "PYTHON", "RUBY"]

    /// Whether interpreters or the dynamic linker find code or options in the variable, so that its value decides what is
    /// executed: `BASH_ENV`, `PATH`, `LD_PRELOAD`, `PYTHONPATH`, `NODE_OPTIONS` and their like.
    public static func isControlling(_ name: String) -> Bool {
        controllingNames.contains(name) || controllingPrefixes.contains { name.hasPrefix($0) }
    }

    /// The values as the script gets them. A value that is no text is written as JSON.
    ///
    /// - Parameters:
    ///   - context: Of the step that starts the script.
    ///   - path: The keys that lead to the field in `with:`.
    /// - Throws: A ``StepError`` if a template gave the names, or the value of a variable that
    ///   ``isControlling(_:)`` names.
    public func texts(
        in context: StepContext, at path: [FieldError.PathElement] = [.key("env")]
    ) throws(StepError) -> [String: String] {
        if let settings = context.settings {
            if case .unknown = settings.knowledge(of: path) {
                throw StepError(badConfiguration: Self.injectionOfNames(path))
            }
            for name in values.keys.sorted() where Self.isControlling(name) {
                if case .known = settings.knowledge(of: path + [.key(name)]) { continue }
                throw StepError(badConfiguration: Self.injection(into: name, path + [.key(name)]))
            }
        }
        return values.mapValues(\.text)
    }

    /// The error for a template in the place of all variables.
    ///
    /// - Parameter example: An expression that is one value.
    package static func injectionOfNames(
        _ path: [FieldError.PathElement], example: String = "trigger.body.name"
    ) -> FieldError {
        FieldError(
            "a template in the place of all variables would let its value choose their names (script injection)",
            hint: "write each name out: `{ NAME: \"{{ \(example) }}\" }`", path: path)
    }

    /// The error for a template in a variable that decides what is executed.
    package static func injection(into name: String, _ path: [FieldError.PathElement]) -> FieldError {
        FieldError(
            "a template in this variable would let its value choose what is executed (script injection)",
            hint: "interpreters or the dynamic linker find code or options in \(name); write its value out, "
                + "or give the variable another name", path: path)
    }
}
