import ArgumentParser
import RunnelEngine
import RunnelKit

/// `runnel schema`
struct SchemaCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schema", abstract: "Write a JSON schema by which editors complete and check files.",
        discussion: HelpText.text(
            """
            The schema of pipelines holds all steps and triggers, those of the project's plugins too. The first line \
            of a pipeline beside it is `# yaml-language-server: $schema=runnel.schema.json`.
            """,
            examples: [
                "runnel schema > runnel.schema.json": "After a plugin was added or changed.",
                "runnel schema test > runnel.test.schema.json": "For files that end in .test.yaml.",
            ]))

    @Argument(help: "The kind of file: `settings` is runnel.yaml, `plugin` a plugin.yaml.")
    var kind: EditorSchema = .pipeline
    @OptionGroup var options: ProjectOptions

    func run() async throws {
        let registry =
            kind == .pipeline ? try await options.project().loader().registry : try StepRegistry(RunnelCommand.plugins)
        Streams.output.write(json: kind.value(registry), isPretty: true)
    }
}
