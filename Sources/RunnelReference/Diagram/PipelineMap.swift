public import RunnelEngine
public import RunnelKit
import Templates
import YAML

/// A step with the data that it reads.
struct MappedStep: Sendable {
    /// The origin of a value of `input`.
    enum Origin: Hashable, Sendable {
        /// The input of the run.
        case start
        case step(String)
    }

    let step: PipelineStep
    /// The possible origins of `input`, most likely first; nil if it depends on how the run went.
    let input: [Origin]?
    let inner: [MappedStep]
    /// Whether the step uses its input by default.
    let worksOnInput: Bool

    /// The data that `with:` reads, and the input if it is used by default.
    var withReads: [DataRead] { adding(step.with.references.reads) }
    /// All data that it reads.
    var reads: [DataRead] { adding(step.references.reads) }

    private func adding(_ reads: [DataRead]) -> [DataRead] {
        worksOnInput && !reads.contains(.wholeInput) ? reads + [.wholeInput] : reads
    }
}

/// The steps of a pipeline with the origins of their `input`.
struct PipelineMap: Sendable {
    let steps: [MappedStep]
    let onFailure: [MappedStep]
    let finally: [MappedStep]
    /// The origin of `input` in `output`.
    let end: [MappedStep.Origin]

    init(_ pipeline: Pipeline, _ registry: StepRegistry) {
        func map(_ steps: [PipelineStep], from origins: inout [MappedStep.Origin]?) -> [MappedStep] {
            Self.map(steps, registry, isParallel: false, from: &origins)
        }
        var origins: [MappedStep.Origin]? = [.start]
        steps = map(pipeline.steps, from: &origins)
        end = origins ?? []
        var unknown: [MappedStep.Origin]?
        onFailure = map(pipeline.onFailure, from: &unknown)
        unknown = nil
        finally = map(pipeline.finally, from: &unknown)
    }

    /// - Parameter origins: On return, the origins of `input` after the steps.
    private static func map(
        _ steps: [PipelineStep], _ registry: StepRegistry, isParallel: Bool,
        from origins: inout [MappedStep.Origin]?
    ) -> [MappedStep] {
        let before = origins
        return steps.map { step in
            let input = isParallel ? before : origins
            var inside = input
            // What stands in an included file is drawn as one step.
            let inner = map(
                step.scope == nil ? step.group ?? [] : [], registry, isParallel: step.isParallel, from: &inside)
            if !isParallel {
                let own = MappedStep.Origin.step(step.id)
                origins = step.mayPassBy ? origins.map { [own] + $0 } : [own]
            }
            let keys = step.group == nil ? registry[step.uses]?.inputKeys ?? [] : []
            return MappedStep(
                step: step, input: input, inner: inner,
                worksOnInput: !keys.isEmpty && !keys.contains { step.gives($0) })
        }
    }
}

extension PipelineStep {
    /// Whether `with:` contains the key, or may after rendering.
    fileprivate func gives(_ key: String) -> Bool {
        switch with {
        case .literal(let value): value[key] != nil
        case .object(let members): members.contains { $0.key == key }
        case .template, .list: true
        }
    }

    /// Whether the run may continue with the step's own input: it is skipped, or its failure is ignored.
    fileprivate var mayPassBy: Bool {
        if condition != nil { return true }
        if forEach != nil { return false }
        if onError == .continue { return true }
        return !isParallel && (group?.allSatisfy(\.mayPassBy) ?? false)
    }
}

/// The labels of a step in a drawing.
struct StepFacts: Sendable {
    let step: PipelineStep

    /// `http.fetch`; `group` or `side by side` for a group.
    var kind: String {
        guard step.group != nil else { return PlainLine.text(step.uses) }
        if step.scope != nil { return PlainLine.text(step.usesNode.scalar?.text ?? "") }
        let limit = step.forEach == nil ? step.maxParallel.map { ", \($0) at once" } ?? "" : ""
        return step.isParallel ? "side by side\(limit)" : "one after another"
    }

    /// Labels for retry, timeout and error handling.
    var handling: [String] {
        var facts: [String] = []
        if let retry = step.retry { facts.append("\(retry.attempts.number) attempts") }
        if let timeout = step.timeout { facts.append("timeout \(DurationText.format(timeout))") }
        if step.onError == .continue { facts.append("may fail") }
        return facts
    }

    var condition: String? {
        step.condition.map { PlainLine.expression($0.expression.text) }
    }

    /// `for each item of steps.list, 4 at once`.
    var loop: String? {
        guard let list = step.forEach else { return nil }
        let what =
            switch list {
            case .template(_, let node): "item of " + PlainLine.expression(node.scalar?.text ?? "")
            case .list(let items): count(items.count)
            case .literal(let value): count(value.asList?.count ?? 0)
            case .object: "item"
            }
        return "for each \(what)" + (step.maxParallel.map { ", \($0) at once" } ?? "")
    }

    /// `until steps.page.status == 200, every 10s, 100 rounds at most`.
    var repetition: String? {
        step.loop.map { loop in
            let condition = PlainLine.expression(loop.condition.expression.text)
            let rounds = loop.limit == 1 ? "1 round" : "\(loop.limit) rounds"
            return "\(loop.isWhile ? "while" : "until") \(condition), every \(DurationText.format(loop.pause)), "
                + "\(rounds) at most"
        }
    }

    private func count(_ number: Int) -> String { number == 1 ? "of 1 item" : "of \(number) items" }
}

/// The labels of a trigger in a drawing.
struct TriggerFacts: Sendable {
    let trigger: TriggerDeclaration

    var title: String { "on \(PlainLine.text(trigger.key))" }

    /// The scalar settings of the entry: `cron 0 9 * * MON-FRI`. Fields that may hold a literal secret are omitted.
    var values: [String] {
        guard case .object(let members) = trigger.entry else { return [] }
        return members.compactMap { key, value in
            let name = key.lowercased()
            guard !Self.sensitive.contains(where: name.contains), let shown = Self.shown(value) else { return nil }
            return "\(PlainLine.text(key)) \(shown)"
        }
    }

    private static let sensitive = ["secret", "token", "password", "passphrase", "key", "auth", "credential"]

    private static func shown(_ tree: TemplateTree) -> String? {
        switch tree {
        case .template(_, let node): node.scalar.map { PlainLine.text($0.text, limit: 60) }
        case .literal(.object), .literal(.null), .object: nil
        case .literal(.list(let items)): PlainLine.text(items.map(\.text).joined(separator: " "), limit: 60)
        case .literal(let value): PlainLine.text(value.text, limit: 60)
        case .list(let items): PlainLine.text(items.compactMap(shown).joined(separator: " "), limit: 60)
        }
    }
}

/// A value that a template reads, by the static part of its path: `steps.page.title`.
struct DataRead: Hashable, Sendable {
    /// The first name: `steps`, `inputs`, `input`.
    let root: String
    let path: [Reference.Element]

    /// The step's input, read implicitly.
    static let wholeInput = DataRead(root: "input", path: [])

    private init(root: String, path: [Reference.Element]) {
        self.root = root
        self.path = path
    }

    init(_ reference: Reference) {
        root = reference.root
        path = reference.path
    }

    /// The name after the first dot: the step's id, the input's name.
    var member: String? {
        if case .key(let name)? = path.first { name } else { nil }
    }

    /// The path in template syntax.
    var text: String { Self.text(path, behind: root) }

    /// The part of the member: `title` of `steps.page.title`; empty for the whole.
    var part: String {
        let text = Self.text(Array(path.dropFirst()), behind: "")
        return text.hasPrefix(".") ? String(text.dropFirst()) : text
    }

    private static func text(_ path: [Reference.Element], behind root: String) -> String {
        path.reduce(into: root) { text, element in
            switch element {
            case .key(let key) where key.allSatisfy({ $0.isLetter || $0.isNumber || $0 == "_" || $0 == "-" }):
                text += ".\(key)"
            case .key(let key): text += "[\"\(key)\"]"
            case .index(let index): text += "[\(index)]"
            }
        }
    }
}

extension [Reference] {
    /// The values without duplicates, in text order.
    var reads: [DataRead] {
        var seen: Set<DataRead> = []
        return map(DataRead.init).filter { seen.insert($0).inserted }
    }
}

extension TemplateTree {
    var references: [Reference] { templates.flatMap(\.template.references) }
}

extension PipelineStep {
    /// All references of the step, in any of its keys.
    var references: [Reference] {
        (forEach?.references ?? []) + (condition?.expression.references ?? []) + with.references
    }
}

/// A drawing of a pipeline: triggers, steps and data flow.
///
/// Secrets are shown by name, never by value. Texts of the author are truncated to one line and escaped for terminals
/// and web pages.
public struct PipelineDiagram: Sendable {
    private let pipeline: Pipeline
    private let map: PipelineMap

    /// Creates a drawing of a valid pipeline.
    ///
    /// - Parameter registry: The registered steps.
    public init(_ pipeline: Pipeline, _ registry: StepRegistry) {
        self.pipeline = pipeline
        map = PipelineMap(pipeline, registry)
    }

    /// The drawing for a terminal.
    /// - Parameter width: The width in columns, at least 40. Single words may exceed it.
    public func text(width: Int = 100, glyphs: DiagramGlyphs = .unicode) -> String {
        TextDiagram.text(pipeline, map, width: width, glyphs: glyphs)
    }

    /// The drawing as a Mermaid flowchart, without a Markdown fence.
    public var mermaid: String { MermaidDiagram.text(pipeline, map) }
}
