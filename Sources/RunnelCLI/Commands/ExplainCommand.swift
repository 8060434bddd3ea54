import ArgumentParser
import RunnelEngine
import RunnelReference

/// `runnel explain`
struct ExplainCommand: AsyncParsableCommand {
    enum Format: String, ExpressibleByArgument, CaseIterable {
        case text, mermaid
    }

    static let configuration = CommandConfiguration(
        commandName: "explain", abstract: "Draw a pipeline: its steps and the data flow between them.",
        discussion: HelpText.text(
            examples: [
                "runnel explain hello": "Draws the pipeline hello in the terminal.",
                "runnel explain hello --format mermaid": "For a Markdown page.",
            ]))

    @Argument(help: "The pipeline's file; `.yaml` is optional.", completion: PipelineCompletion.files)
    var pipeline: String
    @Option(help: "The format of the drawing.") var format: Format = .text
    @OptionGroup var options: ProjectOptions

    func run() async throws {
        let loaded = try await LoadedPipeline(pipeline, options, simulates: true)
        let diagram = PipelineDiagram(loaded.pipeline, loaded.loader.registry)
        let text =
            switch format {
            case .text: diagram.text(width: Streams.output.width ?? 100, glyphs: .unicode)
            case .mermaid: diagram.mermaid
            }
        Streams.output.write(text.hasSuffix("\n") ? text : text + "\n")
        guard format == .text else { return }
        let scripts = loaded.pipeline.scripts(loaded.loader.registry)
        if !scripts.isEmpty { Streams.output.write("\n") }
        for script in scripts { Streams.output.write("line \(script.summary)\n") }
    }
}
