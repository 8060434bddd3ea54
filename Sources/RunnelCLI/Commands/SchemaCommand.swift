import ArgumentParser
import RunnelEngine
import RunnelKit
import RunnelReference

/// `runnel schema`
struct SchemaCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schema", abstract: "Write the JSON schema of pipelines, with all steps and triggers.",
        discussion: """
            Editors complete and check pipelines by it. With `runnel schema > runnel.schema.json`, the first line of a
            pipeline beside it is `# yaml-language-server: $schema=runnel.schema.json`.
            """)

    @OptionGroup var options: ProjectOptions
    @Flag(help: "Write the schema of runnel.yaml instead.") var settings = false

    func run() async throws {
        let schema =
            settings
            ? PipelineSchema.settings(try StepRegistry(RunnelCommand.plugins))
            : PipelineSchema.pipeline(try await options.project().loader().registry)
        Streams.output.write(json: schema, isPretty: true)
    }
}
