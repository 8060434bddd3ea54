/// A step as the registry holds it: everything the engine knows of it, whatever it is made of.
///
/// Steps written in Swift are registered by their type. Steps that live elsewhere, such as in a child process, are
/// made with ``init(name:summary:documentation:schema:isRepeatable:isReadOnly:run:)``.
public struct StepDefinition: Sendable {
    public let name: String
    public let summary: String
    public let documentation: StepDocumentation
    /// The JSON schema (2020-12) of `with:`.
    public let schema: Value
    /// The declared keys of `with:`; read out of the schema where a step brings that ready made.
    public let fields: [FieldDefinition]
    /// Rules over several keys of `with:`.
    public let rules: [FieldRule]
    /// See ``Step/isRepeatable``.
    public let isRepeatable: Bool
    /// See ``Step/inputKeys``.
    public let inputKeys: [String]
    /// See ``Step/isReadOnly``. Settings that cannot be read are for ``run`` to complain about.
    public let isReadOnly: @Sendable (_ with: ValueObject) -> Bool
    /// Reads one key's value for the sake of its errors: what a schema cannot say, such as "is not a jq program".
    public let problem: @Sendable (_ key: String, _ value: Value) -> FieldError?
    /// Where in `with:` paths of the project stand; see ``ProjectPath``.
    package let paths: ProjectPathPlaces?
    /// Reads the rendered `with:` and does the work.
    public let run: @Sendable (_ with: ValueObject, _ context: StepContext) async throws -> Value

    public init<S: Step>(_ type: S.Type) {
        name = type.name
        summary = type.summary
        documentation = type.documentation
        schema = type.schema
        paths = ProjectPathPlaces(schema: schema)
        fields = type.fields
        rules = type.rules
        isRepeatable = type.isRepeatable
        inputKeys = type.inputKeys
        isReadOnly = { with in (try? S(fields: with).isReadOnly) ?? true }
        problem = { type.problem(key: $0, value: $1) }
        run = { with, context in
            let step: S
            do throws(FieldError) {
                step = try S(fields: with)
            } catch {
                throw StepError(badConfiguration: error)
            }
            return try await step.run(context)
        }
    }

    public init(
        name: String, summary: String, documentation: StepDocumentation, schema: Value,
        isRepeatable: Bool = false, isReadOnly: Bool? = nil,
        run: @escaping @Sendable (_ with: ValueObject, _ context: StepContext) async throws -> Value
    ) {
        self.name = name
        self.summary = summary
        self.documentation = documentation
        self.schema = schema
        paths = ProjectPathPlaces(schema: schema)
        self.isRepeatable = isRepeatable
        inputKeys = []
        self.isReadOnly = { _ in isReadOnly ?? isRepeatable }
        self.run = run
        fields = FieldDefinition.list(schema)
        rules = []
        problem = { _, _ in nil }
    }
}
