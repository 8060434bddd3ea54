/// A trigger as the registry holds it: everything the engine knows of it.
public struct TriggerDefinition: Sendable {
    public let name: String
    public let summary: String
    public let documentation: TriggerDocumentation
    /// The JSON schema (2020-12) of one entry under `on:`.
    public let schema: Value
    public let fields: [FieldDefinition]
    /// Rules over several keys.
    public let rules: [FieldRule]
    /// See ``Trigger/memoryWhileDeclared``.
    public let memoryWhileDeclared: [String]
    /// Where in the entry paths of the project stand; see ``ProjectPath``.
    package let paths: ProjectPathPlaces?
    /// Reads one key's value for the sake of its errors.
    public let problem: @Sendable (_ key: String, _ value: Value) -> FieldError?
    /// Reads a whole entry for the sake of its errors: what only several keys together can tell.
    public let check: @Sendable (_ entry: ValueObject) -> FieldError?
    /// Reads the rendered entry and watches for events until the task is cancelled.
    public let run: @Sendable (_ entry: ValueObject, _ context: TriggerContext) async throws -> Void

    public init<T: Trigger>(_ type: T.Type) {
        name = type.name
        summary = type.summary
        documentation = type.documentation
        schema = type.schema
        paths = ProjectPathPlaces(schema: schema)
        fields = type.fields
        rules = type.rules
        memoryWhileDeclared = type.memoryWhileDeclared
        problem = { type.problem(key: $0, value: $1) }
        check = { entry in
            do throws(FieldError) {
                _ = try T(fields: entry)
                return nil
            } catch {
                return error
            }
        }
        run = { entry, context in
            let trigger: T
            do throws(FieldError) {
                trigger = try T(fields: entry)
            } catch {
                throw StepError(badConfiguration: error)
            }
            try await trigger.run(context)
        }
    }
}
