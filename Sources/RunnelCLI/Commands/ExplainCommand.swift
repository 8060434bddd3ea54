import ArgumentParser
import RunnelEngine
import RunnelReference

/// `runnel explain`
struct ExplainCommand: AsyncParsableCommand {
    enum Format: String, ExpressibleByArgument, CaseIterable {
        case text, mermaid
    }

    static let configuration = CommandConfiguration(
        commandName: "explain", abstract: "Draw a pipeline: its steps and the data flow between them.")

    @Argument(help: "The pipeline's file; `.yaml` is optional.", completion: PipelineCompletion.files)
    var pipeline: String
    @Option(help: "The format of the drawing.") var format: Format = .text
    @Option(help: "Use this configuration instead of the nearest `runnel.yaml`.", completion: .file())
    var config: String?

    func run() async throws {
        let loaded = try await LoadedPipeline(pipeline, config: config)
        let diagram = PipelineDiagram(loaded.pipeline, loaded.loader.registry)
        let text =
            switch format {
            case .text: diagram.text(width: Streams.output.width ?? 100, glyphs: .unicode)
            case .mermaid: diagram.mermaid
            }
        Streams.output.write(text.hasSuffix("\n") ? text : text + "\n")
    }
}
