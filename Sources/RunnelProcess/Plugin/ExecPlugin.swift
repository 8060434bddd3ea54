package import JSONSchema
public import RunnelKit

/// A plugin with the protocol `exec`: a program that is started for each call.
public struct ExecPlugin: Plugin {
    public let name: String
    public let steps: [StepDefinition]
    public let triggers: [TriggerDefinition]

    /// - Parameters:
    ///   - manifest: The manifest, with the protocol `exec`.
    ///   - folder: The plugin's folder, absolute.
    ///   - host: The environment of the worker.
    /// - Throws: An error in a schema, at `steps.<name>.input`, `steps.<name>.output_schema` or
    ///   `triggers.<name>.input`.
    public init(_ manifest: PluginManifest, folder: String, host: ProcessHost) throws(FieldError) {
        name = manifest.name.text
        let program = PluginProgram(manifest: manifest, folder: folder, host: host)
        var steps: [StepDefinition] = []
        for (word, step) in manifest.steps.sorted(by: { $0.key < $1.key }) {
            let input = try Self.input(step.input, of: word, in: "steps")
            if let schema = step.outputSchema {
                do {
                    _ = try JSONSchema(schema)
                } catch {
                    throw FieldError(
                        "it is no JSON schema: \(error)", path: [.key("steps"), .key(word), .key("output_schema")])
                }
            }
            let call = ExecCall(program: program, step: word)
            var definition = StepDefinition(
                name: "\(name).\(word)", summary: step.summary,
                documentation: step.documentation, schema: step.input,
                isRepeatable: step.repeatable,
                // A dry run starts no program of the project.
                isReadOnly: false, outputSchema: step.outputSchema
            ) { with, context in
                try input.check(with)
                return try await call.run(with, context)
            }
            definition.program = manifest.command?.words ?? []
            steps.append(definition)
        }
        self.steps = steps
        var triggers: [TriggerDefinition] = []
        for (word, declaration) in manifest.triggers.sorted(by: { $0.key < $1.key }) {
            let trigger = ProcessTrigger(
                program: program, word: word, declaration: declaration,
                input: try Self.input(declaration.input, of: word, in: "triggers"))
            triggers.append(
                TriggerDefinition(
                    name: ProcessTrigger.name(word, of: name), summary: declaration.summary,
                    documentation: declaration.documentation, titles: declaration.titles, schema: declaration.input,
                    identity: { declaration.identity(of: $0) }
                ) { entry, context in try await trigger.run(entry, context) })
        }
        self.triggers = triggers
    }

    private static func input(
        _ schema: Value, of word: String, in section: String
    ) throws(FieldError) -> StepInput {
        do {
            return try StepInput(schema)
        } catch {
            throw FieldError("it is no JSON schema: \(error)", path: [.key(section), .key(word), .key("input")])
        }
    }

    public func registerServices(in services: Services) async {
        await ProcessSupervisorKey.register(in: services)
    }
}

/// Validates the rendered `with:` of a step against the schema of its plugin.
package struct StepInput: Sendable {
    private let schema: JSONSchema

    package init(_ schema: Value) throws(SchemaError) {
        self.schema = try JSONSchema(schema)
    }

    /// - Throws: The first error, with the code `bad-with`, or `empty-value` for a null that the schema does not allow.
    package func check(_ with: ValueObject) throws(StepError) {
        guard let issue = schema.validate(.object(with)).first else { return }
        let place = issue.path.isRoot ? "" : "`\(issue.path)`: "
        let isNull = Value.object(with).value(at: issue.path.fieldPath)?.isNull == true
        throw StepError(
            isNull ? StepErrorCode.emptyValue : StepErrorCode.badWith, place + issue.message,
            hint: issue.suggestion.map { "did you mean \"\($0)\"?" }, field: issue.path.fieldPath)
    }
}
