import RunnelEngine
import RunnelKit
import Templates

/// Draws a pipeline as a Mermaid flowchart.
///
/// Ids are generated, every label is quoted, and each statement is on its own line.
struct MermaidDiagram {
    private let pipeline: Pipeline
    private let map: PipelineMap
    private var nodes: [String] = []
    private var edges: [String] = []
    private var conditional: [String] = []
    /// The Mermaid id of each step, by the step's id.
    private var ids: [String: String] = [:]
    /// The Mermaid id of each input, secret and variable, by its template name.
    private var values: [String: String] = [:]

    static func text(_ pipeline: Pipeline, _ map: PipelineMap) -> String {
        var diagram = MermaidDiagram(pipeline: pipeline, map: map)
        diagram.draw()
        var lines = ["flowchart TD"] + diagram.nodes + diagram.edges
        if !diagram.conditional.isEmpty {
            lines.append("classDef conditional stroke-dasharray: 5 4")
            lines.append("class \(diagram.conditional.joined(separator: ",")) conditional")
        }
        return lines.enumerated().map { $0.offset == 0 ? $0.element : "    " + $0.element }.joined(separator: "\n")
            + "\n"
    }

    private init(pipeline: Pipeline, map: PipelineMap) {
        self.pipeline = pipeline
        self.map = map
        for (index, step) in pipeline.allSteps.enumerated() { ids[step.id] = "s\(index + 1)" }
    }

    private mutating func draw() {
        for (index, title) in titles.enumerated() {
            nodes.append("t\(index)([\(MermaidLabel.quoted(title))])")
        }
        section("main", "steps", map.steps)
        if let first = map.steps.first, let id = ids[first.step.id] {
            let arrow = arrow(into: first, from: .start)
            for start in titles.indices { edges.append("t\(start) \(arrow) \(id)") }
        }
        section("failure", "on failure", map.onFailure)
        section("last", "finally", map.finally)
        if !map.onFailure.isEmpty { edges.append("main -. \"a step fails\" .-> failure") }
        if !map.finally.isEmpty { edges.append("main -. \"at the end\" .-> last") }
        data(into: map.steps, follows: .start)
        data(into: map.onFailure, follows: nil)
        data(into: map.finally, follows: nil)
        output()
    }

    private var titles: [[String]] {
        [["by hand"]]
            + pipeline.triggers.map { trigger in
                let facts = TriggerFacts(trigger: trigger)
                return [facts.title] + facts.values.prefix(4)
            }
    }

    // MARK: - Steps

    private mutating func section(_ id: String, _ title: String, _ steps: [MappedStep]) {
        guard !steps.isEmpty else { return }
        nodes.append("subgraph \(id)[\(MermaidLabel.quoted([title]))]")
        for step in steps { node(step) }
        nodes.append("end")
        chain(steps)
    }

    private mutating func node(_ mapped: MappedStep) {
        guard let id = ids[mapped.step.id] else { return }
        let facts = StepFacts(step: mapped.step)
        let lines =
            [mapped.step.id, ([facts.kind] + facts.handling).joined(separator: ", ")]
            + [facts.loop, facts.repetition, facts.condition.map { "if \($0)" }].compactMap(\.self)
        if facts.condition != nil { conditional.append(id) }
        if mapped.inner.isEmpty {
            nodes.append("\(id)[\(MermaidLabel.quoted(lines))]")
        } else {
            // A title must be a single line.
            nodes.append("subgraph \(id)[\(MermaidLabel.quoted(lines, separator: ", "))]")
            for step in mapped.inner { node(step) }
            nodes.append("end")
            if !mapped.step.isParallel { chain(mapped.inner) }
        }
    }

    /// Connects steps in sequence.
    private mutating func chain(_ steps: [MappedStep]) {
        for (step, next) in zip(steps, steps.dropFirst()) {
            guard let from = ids[step.step.id], let to = ids[next.step.id] else { continue }
            edges.append("\(from) \(arrow(into: next, from: .step(step.step.id))) \(to)")
        }
    }

    /// The arrow to the next step, labelled if the step reads the previous output.
    private func arrow(into mapped: MappedStep, from origin: MappedStep.Origin) -> String {
        let isRead = mapped.input?.contains(origin) == true && mapped.reads.contains { $0.root == "input" }
        return isRead ? "-- \"input\" -->" : "-->"
    }

    // MARK: - Data

    /// The dotted lines of the data that steps read.
    /// - Parameter follows: The origin of the arrow to the first step.
    private mutating func data(into steps: [MappedStep], follows: MappedStep.Origin?, isParallel: Bool = false) {
        var previous = follows
        for mapped in steps {
            guard let id = ids[mapped.step.id] else { continue }
            // The arrow to the step already shows it.
            let others = (mapped.input ?? []).filter { $0 != previous }
            draw(mapped.reads, into: id, input: others)
            data(into: mapped.inner, follows: nil, isParallel: mapped.step.isParallel)
            previous = isParallel ? nil : .step(mapped.step.id)
        }
    }

    private mutating func draw(_ reads: [DataRead], into id: String, input: [MappedStep.Origin]) {
        var labels: [(from: String, parts: [String])] = []
        for read in reads {
            let (origins, part) = sources(of: read, input: input)
            for from in origins {
                if let index = labels.firstIndex(where: { $0.from == from }) {
                    labels[index].parts.append(part)
                } else {
                    labels.append((from, [part]))
                }
            }
        }
        for (from, parts) in labels {
            let words = parts.filter { !$0.isEmpty }.joined(separator: ", ")
            edges.append("\(from) \(words.isEmpty ? "-.->" : "-. \(MermaidLabel.quoted([words])) .->") \(id)")
        }
    }

    /// The source nodes of a value, and the labels of their lines.
    private mutating func sources(of read: DataRead, input: [MappedStep.Origin]) -> ([String], part: String) {
        switch read.root {
        case "steps":
            return ([read.member.flatMap { ids[$0] }].compactMap(\.self), read.part)
        case "inputs", "secrets", "env":
            return ([read.member.map { value("\(read.root).\($0)") }].compactMap(\.self), "")
        case "trigger":
            // Manual runs have no trigger event.
            let starts = pipeline.triggers.indices.map { "t\($0 + 1)" }
            return (starts.isEmpty ? ["t0"] : starts, read.text)
        case "input":
            let origins = input.flatMap { origin in
                switch origin {
                case .start: titles.indices.map { "t\($0)" }
                case .step(let id): [ids[id]].compactMap(\.self)
                }
            }
            return (origins, read.text)
        default: return ([], "")
        }
    }

    /// The node of an input, secret or variable, created on first use.
    private mutating func value(_ name: String) -> String {
        if let id = values[name] { return id }
        let id = "d\(values.count + 1)"
        values[name] = id
        nodes.append("\(id)[/\(MermaidLabel.quoted([name]))/]")
        return id
    }

    private mutating func output() {
        guard let output = pipeline.output else { return }
        nodes.append("result([\"output\"])")
        draw(output.references.reads, into: "result", input: map.end)
    }
}

/// A text inside the quotes of a Mermaid label.
///
/// Characters that are special in Mermaid or HTML are escaped as character codes (`#35;`).
enum MermaidLabel {
    static func text(_ text: String, limit: Int = 60) -> String {
        PlainLine.text(text, limit: limit).unicodeScalars.map(escaped).joined()
    }

    /// Several lines, quoted.
    static func quoted(_ lines: [String], separator: String = "<br/>") -> String {
        "\"" + lines.map { text($0) }.joined(separator: separator) + "\""
    }

    private static func escaped(_ scalar: Unicode.Scalar) -> String {
        let isPlain =
            scalar.properties.isAlphabetic || ("0"..."9").contains(scalar)
            || " .,:_-/=+*'()…".unicodeScalars.contains(scalar)
        return isPlain ? String(scalar) : "#\(scalar.value);"
    }
}
