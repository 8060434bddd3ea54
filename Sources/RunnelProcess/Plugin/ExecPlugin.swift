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
    public init(_ manifest: PluginManifest, folder: String, host: ProcessHost) {
        name = manifest.name.text
        let program = PluginProgram(manifest: manifest, folder: folder, host: host)
        var steps: [StepDefinition] = []
        for (word, step) in manifest.steps.sorted(by: { $0.key < $1.key }) {
            let input = step.input.map { StepInput($0.compiled) }
            let call = ExecCall(program: program, step: word)
            var definition = StepDefinition(
                name: "\(name).\(word)", summary: step.summary,
                documentation: step.documentation, schema: step.input?.source ?? Self.anyKeys,
                isRepeatable: step.repeatable,
                // A dry run starts no program of the project.
                isReadOnly: false, outputSchema: step.outputSchema?.source
            ) { with, context in
                try input?.check(with)
                return try await call.run(with, context)
            }
            definition.program = manifest.command?.words ?? []
            definition.nameHints = step.hints.map(\.nameHint)
            steps.append(definition)
        }
        self.steps = steps
        var triggers: [TriggerDefinition] = []
        for (word, declaration) in manifest.triggers.sorted(by: { $0.key < $1.key }) {
            let trigger = ProcessTrigger(
                program: program, word: word, declaration: declaration,
                input: declaration.input.map { StepInput($0.compiled) })
            var definition = TriggerDefinition(
                name: ProcessTrigger.name(word, of: name), summary: declaration.summary,
                documentation: declaration.documentation, titles: declaration.titles,
                schema: declaration.input?.source ?? Self.anyKeys, identity: { declaration.identity(of: $0) }
            ) { entry, context in try await trigger.run(entry, context) }
            definition.nameHints = declaration.hints.map(\.nameHint)
            triggers.append(definition)
        }
        self.triggers = triggers
    }

    /// The schema of a step or an entry whose manifest has none.
    private static let anyKeys: Value = ["type": "object"]

    public func registerServices(in services: Services) async {
        await ProcessSupervisorKey.register(in: services)
    }
}

/// Validates the rendered `with:` of a step against the schema of its plugin.
package struct StepInput: Sendable {
    private let schema: JSONSchema

    package init(_ schema: JSONSchema) {
        self.schema = schema
    }

    /// - Throws: The first error, with the code `bad-with`, or `empty-value` for a null that the schema does not allow.
    package func check(_ with: ValueObject) throws(StepError) {
        guard let issue = schema.validate(.object(with)).first else { return }
        let place = issue.path.isRoot ? "" : "`\(issue.path)`: "
        let isNull = Value.object(with).value(at: issue.path.fieldPath)?.isNull == true
        throw StepError(
            isNull ? StepErrorCode.emptyValue : StepErrorCode.badWith, place + issue.message,
            hint: issue.hint, field: issue.path.fieldPath)
    }
}
