public import RunnelKit
import YAML

/// Checks that every trigger exists and that its keys match its declaration.
struct TriggerChecker {
    let registry: StepRegistry
    let paths: PathChecker

    func check(_ pipeline: Pipeline, into diagnostics: inout DiagnosticList) {
        if let trigger = pipeline.triggers.first {
            for input in pipeline.inputs where input.isRequired && input.defaultValue == nil {
                diagnostics.error(
                    PipelineErrorCode.missingDefault, input.node.firstKeyOrSelf,
                    "the input \"\(input.name)\" needs a `default`: runs started by `\(trigger.kind)` cannot set it"
                )
            }
        }
        checkIDs(pipeline, into: &diagnostics)
        for (index, trigger) in pipeline.triggers.enumerated() {
            guard let definition = registry.trigger(named: trigger.kind) else {
                let names = registry.triggerNames + ["manual"]
                diagnostics.error(
                    PipelineErrorCode.unknownKey, trigger.keyNode, "unknown trigger \"\(trigger.kind)\"",
                    hint: ForeignKeys(registry: registry).hint(forTrigger: trigger.kind)
                        ?? Suggestion.hint(for: trigger.kind, among: names)
                        ?? "valid triggers: \(names.joined(separator: ", "))")
                continue
            }
            guard trigger.node.isMapping || trigger.node.isNull else {
                diagnostics.error(
                    PipelineErrorCode.wrongType, trigger.node,
                    "`\(trigger.kind)`: expected a mapping, found \(trigger.node.found)",
                    hint: definition.fields.form(accepting: Value(trigger.node)).map {
                        "write `\(trigger.kind): \($0)`"
                    })
                continue
            }
            let before = diagnostics.items.count
            KeyChecker(
                subject: trigger.kind, schema: Self.withSharedKeys(definition.schema), problems: definition.problems,
                advice: "its keys are "
                    + (definition.fields.map(\.key) + TriggerDeclaration.sharedKeys).joined(separator: ", "),
                hints: definition.nameHints
            ).check(
                trigger.entry, node: trigger.node.isNull ? nil : trigger.node, place: trigger.keyNode,
                into: &diagnostics)
            if diagnostics.items.count == before, let places = definition.paths {
                paths.check(places, trigger.entry, node: trigger.node, into: &diagnostics)
            }
            // Checks across keys, as far as values are known.
            let context = ValidationContext(pipeline: pipeline.name, project: paths.project)
            if diagnostics.items.count == before,
                let problem = definition.partialCheck(trigger.entry.partialSettings, context)
            {
                let node = trigger.node.isNull ? trigger.keyNode : trigger.node
                diagnostics.groupError(problem, of: trigger.kind, in: node)
            }
            if diagnostics.items.count == before {
                let others = pipeline.triggers[..<index].filter { $0.kind == trigger.kind }
                // Claims of two entries that exclude each other are reported for the whole folder.
                if let twin = others.first(where: { Value($0.node) == Value(trigger.node) }),
                    definition.claims(trigger.entry.literal?.asObject ?? [:], context).isEmpty
                {
                    diagnostics.warning(
                        PipelineErrorCode.doubtfulValue, trigger.node, "`\(trigger.key)` is the same as `\(twin.key)`",
                        hint: "leave one of them out")
                }
                for warning in definition.warnings(trigger.entry.partialSettings) {
                    diagnostics.warning(
                        PipelineErrorCode.doubtfulValue, trigger.node.nearest(to: warning.path),
                        "`\(warning.place)`: \(warning.message)", hint: warning.hint)
                }
            }
        }
    }

    /// The schema of an entry with the keys that every trigger has. So a misspelled key can mean one of them, and their
    /// values are not hidden in messages like those of unknown keys, which may be secrets.
    private static func withSharedKeys(_ schema: Value) -> Value {
        var schema = schema.asObject ?? ValueObject()
        var properties = schema["properties"]?.asObject ?? ValueObject()
        for key in TriggerDefinition.sharedKeys where properties[key] == nil {
            properties[key] = .object(ValueObject())
        }
        schema["properties"] = .object(properties)
        return .object(schema)
    }

    private func checkIDs(_ pipeline: Pipeline, into diagnostics: inout DiagnosticList) {
        var seen: Set<String> = []
        for trigger in pipeline.triggers {
            guard let id = trigger.id, !seen.insert(trigger.kind + " " + id).inserted else { continue }
            diagnostics.error(
                PipelineErrorCode.duplicateID, trigger.node["id"],
                "two `\(trigger.kind)` triggers have the id \"\(id)\"",
                hint: "give each its own")
        }
    }
}

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
