/// A step as the registry holds it: everything the engine knows of it, whatever it is made of.
///
/// Steps written in Swift are registered by their type. Steps that live elsewhere, such as in a child process, are
/// made with ``init(name:summary:documentation:schema:isRepeatable:isReadOnly:outputSchema:run:)``.
public struct StepDefinition: Sendable {
    /// See ``Step/name``.
    public let name: String
    /// See ``Step/summary``.
    public let summary: String
    /// See ``Step/documentation``.
    public let documentation: StepDocumentation
    /// The JSON schema (2020-12) of `with:`.
    public var schema: Value { declaration.content.schema }
    /// The declared keys of `with:`; read out of the schema where a step brings that ready made.
    public var fields: [FieldDefinition] { declaration.content.fields }
    /// Rules over several keys of `with:`.
    public let rules: [FieldRule]
    /// See ``Step/isRepeatable``.
    public let isRepeatable: Bool
    /// See ``Step/inputKeys``.
    public let inputKeys: [String]
    /// See ``Step/writtenPaths``.
    public let writtenPaths: [String]
    /// See ``Step/isReadOnly``. Settings that cannot be read are for ``run`` to complain about.
    public let isReadOnly: @Sendable (_ with: ValueObject) -> Bool
    /// Reads one key's value for the sake of its errors: what a schema cannot say, such as "is not a jq program".
    public let problems: @Sendable (_ key: String, _ value: Value) -> [FieldError]
    /// Reads a whole `with:` for the sake of its errors: what only several keys together can tell.
    public let check: @Sendable (_ with: ValueObject) -> FieldError?
    /// Reads a `with:` that is known in part, for the sake of its errors.
    package let partialCheck: @Sendable (_ with: PartialSettings, _ context: ValidationContext) -> FieldError?
    /// See ``Step/outputSchema``.
    public let outputSchema: Value?
    /// See ``Step/settledOutputSchema``, for a `with:` that is known in part.
    package let settledOutputSchema: @Sendable (_ with: PartialSettings) -> Value?
    /// The schema of `with:`, if paths of the project stand there; see ``ProjectPath``.
    package var paths: SchemaPlace? { declaration.content.paths }
    /// What the schema says of each setting.
    package var place: SchemaPlace { declaration.content.place }
    /// The program that the step starts, with its arguments; empty for one that is not a program. `runnel validate` and
    /// `runnel explain` list it.
    public var program: [String] = []
    /// See ``Step/nameHints``.
    public var nameHints: [NameHint] = []
    private let declaration: SettingsDeclaration
    /// Reads the rendered `with:` and does the work.
    public let run: @Sendable (_ with: ValueObject, _ context: StepContext) async throws -> Value

    /// The definition of a step that is written in Swift.
    ///
    /// - Parameters:
    ///   - type: The type of the step.
    ///   - validate: Checks what depends on the settings of the plugin, such as whether its service is configured.
    ///     Called when a pipeline is validated, after ``Step/validate(in:)``.
    public init<S: Step>(
        _ type: S.Type, validate: @escaping @Sendable (S) throws(FieldError) -> Void = { _ throws(FieldError) in }
    ) {
        name = type.name
        summary = type.summary
        documentation = type.documentation
        declaration = SettingsDeclaration(of: type)
        rules = type.rules
        isRepeatable = type.isRepeatable
        inputKeys = type.inputKeys
        writtenPaths = type.writtenPaths
        nameHints = type.nameHints
        isReadOnly = { with in (try? S(fields: with).isReadOnly) ?? true }
        problems = { type.problems(key: $0, value: $1) }
        outputSchema = type.outputSchema
        settledOutputSchema = { S.known(in: $0, \.settledOutputSchema) ?? type.outputSchema }
        check = { with in
            do throws(FieldError) {
                _ = try S(fields: with)
                return nil
            } catch {
                return error
            }
        }
        partialCheck = { settings, context in
            S.problem(in: settings) { step throws(FieldError) in
                try step.validate(in: context)
                try validate(step)
            }
        }
        run = { with, context in
            let step: S
            do throws(FieldError) {
                step = try S(fields: with)
                try step.validate(
                    in: ValidationContext(pipeline: context.identity.pipeline, project: context.project))
            } catch {
                throw StepError(badConfiguration: error)
            }
            return try await step.run(context)
        }
    }

    /// The definition of a step that is not a Swift type.
    ///
    /// - Parameters:
    ///   - name: As `uses:` writes it.
    ///   - summary: One sentence for lists.
    ///   - documentation: The reference beside the keys.
    ///   - schema: The JSON schema (2020-12) of `with:`.
    ///   - isRepeatable: See ``Step/isRepeatable``.
    ///   - isReadOnly: See ``Step/isReadOnly``; nil: as `isRepeatable` says.
    ///   - outputSchema: See ``Step/outputSchema``.
    ///   - run: Gets the rendered `with:`, does the work and returns the output.
    public init(
        name: String, summary: String, documentation: StepDocumentation, schema: Value,
        isRepeatable: Bool = false, isReadOnly: Bool? = nil, outputSchema: Value? = nil,
        run: @escaping @Sendable (_ with: ValueObject, _ context: StepContext) async throws -> Value
    ) {
        self.name = name
        self.summary = summary
        self.documentation = documentation
        declaration = SettingsDeclaration(schema: schema)
        self.isRepeatable = isRepeatable
        inputKeys = []
        writtenPaths = []
        self.isReadOnly = { _ in isReadOnly ?? isRepeatable }
        self.run = run
        rules = []
        problems = { _, _ in [] }
        check = { _ in nil }
        partialCheck = { _, _ in nil }
        self.outputSchema = outputSchema
        settledOutputSchema = { _ in outputSchema }
    }
}
