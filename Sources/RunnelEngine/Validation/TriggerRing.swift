public import RunnelKit
import YAML

/// Pipelines that start each other in a ring by the ends of their runs.
public struct TriggerRing: Sendable {
    /// The names, in the order in which they start each other, beginning with the first by name.
    public let pipelines: [String]
    /// At the trigger of the first of them.
    public let diagnostic: Diagnostic

    /// One edge: the end of a run of one pipeline starts another.
    private struct Edge {
        let to: String
        let trigger: TriggerDeclaration
    }

    /// The rings among the pipelines of a folder: of each group of pipelines that lead to each other the shortest one.
    public static func find(_ pipelines: [Pipeline], registry: StepRegistry) -> [TriggerRing] {
        let edges = edges(pipelines, registry)
        var rings: [TriggerRing] = []
        var covered: Set<String> = []
        for pipeline in pipelines.sorted(by: { $0.name < $1.name }) where !covered.contains(pipeline.name) {
            guard let path = shortestRing(from: pipeline.name, edges) else { continue }
            covered.formUnion(path.map(\.to))
            guard let last = path.last else { continue }
            let names = [pipeline.name] + path.map(\.to)
            let isConditional = path.contains { $0.trigger.condition != nil }
            let message =
                "the pipelines start each other in a ring: " + names.map { "\"\($0)\"" }.joined(separator: " starts ")
            var list = DiagnosticList(source: pipeline.source)
            // An `if` can end the ring, which validation cannot know.
            list.add(
                PipelineErrorCode.triggerRing, isConditional ? .warning : .error, last.trigger.keyNode.range, message,
                hint: "leave one of them out with `except`, or name fewer in `pipelines`")
            guard let diagnostic = list.items.first else { continue }
            rings.append(TriggerRing(pipelines: Array(names.dropLast()), diagnostic: diagnostic))
        }
        return rings
    }

    private static func edges(_ pipelines: [Pipeline], _ registry: StepRegistry) -> [String: [Edge]] {
        var edges: [String: [Edge]] = [:]
        for pipeline in pipelines {
            for trigger in pipeline.triggers {
                guard let follows = registry.trigger(named: trigger.kind)?.follows,
                    let entry = trigger.entry.literal?.asObject
                else { continue }
                for other in pipelines where follows(entry, other.name, pipeline.name) {
                    edges[other.name, default: []].append(Edge(to: pipeline.name, trigger: trigger))
                }
            }
        }
        return edges
    }

    /// Breadth-first search back to `start`.
    private static func shortestRing(from start: String, _ edges: [String: [Edge]]) -> [Edge]? {
        var paths: [[Edge]] = (edges[start] ?? []).map { [$0] }
        var seen: Set<String> = []
        var index = 0
        while index < paths.count {
            let path = paths[index]
            index += 1
            guard let last = path.last else { continue }
            if last.to == start { return path }
            guard seen.insert(last.to).inserted else { continue }
            paths += (edges[last.to] ?? []).map { path + [$0] }
        }
        return nil
    }
}
