public import RunnelEngine
public import RunnelKit

/// A drawing of a pipeline: what starts it, its steps, and the data that flows between them.
///
/// Names of secrets are shown, never values; what an author wrote is cut to one line and holds nothing that a terminal
/// or a web page would act upon.
public struct PipelineDiagram: Sendable {
    private let pipeline: Pipeline
    private let map: PipelineMap

    /// A drawing of a pipeline that has been loaded without errors.
    ///
    /// - Parameter registry: Knows the steps.
    public init(_ pipeline: Pipeline, _ registry: StepRegistry) {
        self.pipeline = pipeline
        map = PipelineMap(pipeline, registry)
    }

    /// For a terminal.
    /// - Parameter width: In columns; 40 at least. A single word may be longer.
    public func text(width: Int = 100, glyphs: DiagramGlyphs = .unicode) -> String {
        TextDiagram.text(pipeline, map, width: width, glyphs: glyphs)
    }

    /// A Mermaid flowchart, without the fence that Markdown puts around it.
    public var mermaid: String { MermaidDiagram.text(pipeline, map) }
}
