internal import JSONSchema
public import RunnelKit

/// A plugin of the protocol `exec`: a program that is started for each call.
public struct ExecPlugin: Plugin {
    public let name: String
    public let steps: [StepDefinition]

    /// - Parameters:
    ///   - manifest: What `plugin.yaml` says; its protocol is `exec`.
    ///   - folder: The plugin's folder, absolute.
    ///   - host: What the worker brings.
    /// - Throws: A mistake in the schema of a step, at `steps.<name>.input`.
    public init(_ manifest: PluginManifest, folder: String, host: ProcessHost) throws(FieldError) {
        name = manifest.name.text
        let program = PluginProgram(manifest: manifest, folder: folder, host: host)
        var steps: [StepDefinition] = []
        for (word, step) in manifest.steps.sorted(by: { $0.key < $1.key }) {
            let input: StepInput
            do {
                input = try StepInput(step.input)
            } catch {
                throw FieldError("it is no JSON schema: \(error)", path: [.key("steps"), .key(word), .key("input")])
            }
            let call = ExecCall(program: program, step: word)
            steps.append(
                StepDefinition(
                    name: "\(name).\(word)", summary: step.summary,
                    documentation: step.documentation, schema: step.input,
                    isRepeatable: step.repeatable,
                    // A dry run starts nothing of the project.
                    isReadOnly: false
                ) { with, context in
                    try input.check(with)
                    return try await call.run(with, context)
                })
        }
        self.steps = steps
    }

    public func registerServices(in services: Services) async {
        await ProcessSupervisorKey.register(in: services)
    }
}
