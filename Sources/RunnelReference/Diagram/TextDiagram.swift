import RunnelEngine
import RunnelKit
import Templates

/// Draws a pipeline for a terminal.
struct TextDiagram {
    private let pipeline: Pipeline
    private let map: PipelineMap
    private let width: Int
    private let glyphs: DiagramGlyphs
    private var lines: [String] = []

    static func text(_ pipeline: Pipeline, _ map: PipelineMap, width: Int, glyphs: DiagramGlyphs) -> String {
        var diagram = TextDiagram(pipeline: pipeline, map: map, width: max(width, 40), glyphs: glyphs)
        diagram.draw()
        return diagram.lines.map { line in String(line.reversed().drop { $0 == " " }.reversed()) }
            .joined(separator: "\n") + "\n"
    }

    private init(pipeline: Pipeline, map: PipelineMap, width: Int, glyphs: DiagramGlyphs) {
        self.pipeline = pipeline
        self.map = map
        self.width = width
        self.glyphs = glyphs
    }

    private mutating func draw() {
        let help = pipeline.description.map { ": " + PlainLine.text($0, limit: 200) } ?? ""
        wrap(PlainLine.text(pipeline.name) + help, first: "", rest: "")
        lines.append("")
        head()
        section("steps", map.steps, output: pipeline.output, end: map.end)
        section("on failure", map.onFailure)
        section("finally", map.finally)
    }

    // MARK: - What is above the steps

    private mutating func head() {
        let triggers = pipeline.triggers.map { trigger in
            let facts = TriggerFacts(trigger: trigger)
            return ([facts.title] + [facts.values.joined(separator: ", ")].filter { !$0.isEmpty })
                .joined(separator: ": ")
        }
        row("started", ["by hand"] + triggers)
        row("inputs", pipeline.inputs.map(words))
        let reads = pipeline.everyReference.reads
        for (label, root) in [("secrets", "secrets"), ("env", "env")] {
            let names = reads.filter { $0.root == root }.compactMap(\.member).map { PlainLine.text($0) }
            row(label, names.isEmpty ? [] : [names.withoutRepeats.joined(separator: ", ")])
        }
        if let concurrency = pipeline.concurrency {
            row("at once", ["\(concurrency.limit.number), then \(concurrency.overlap.rawValue)"])
        }
        if pipeline.priority != 0 { row("priority", ["\(pipeline.priority)"]) }
        if let timeout = pipeline.timeout { row("timeout", [DurationText.format(timeout)]) }
    }

    private func words(_ input: InputDeclaration) -> String {
        var facts = [input.kind.rawValue]
        if let value = input.defaultValue {
            facts.append("default \(PlainLine.text(value.quoted()))")
        } else if input.isRequired {
            facts.append("required")
        }
        if let choices = input.choices {
            facts.append("one of \(PlainLine.text(choices.map { $0.quoted() }.joined(separator: ", ")))")
        }
        return "\(PlainLine.text(input.name)) (\(facts.joined(separator: ", ")))"
    }

    private mutating func row(_ label: String, _ values: [String]) {
        for (index, value) in values.enumerated() {
            let margin = String(repeating: " ", count: 9)
            wrap(value, first: index == 0 ? label.padded(to: 9) : margin, rest: margin + "  ")
        }
    }

    // MARK: - Steps

    private mutating func section(
        _ title: String, _ steps: [MappedStep], output: TemplateTree? = nil, end: [MappedStep.Origin] = []
    ) {
        guard !steps.isEmpty else { return }
        lines += ["", title]
        for (index, step) in steps.enumerated() {
            draw(step, indent: "", isLast: index == steps.count - 1 && output == nil, isParallel: false)
        }
        guard let output else { return }
        let reads = output.references.reads.map { read($0, input: end) }
        wrap(
            "output" + (reads.isEmpty ? "" : ": \(reads.joined(separator: ", "))"), first: glyphs.last,
            rest: glyphs.gap + "  ")
    }

    private mutating func draw(_ mapped: MappedStep, indent: String, isLast: Bool, isParallel: Bool) {
        let facts = StepFacts(step: mapped.step)
        let branch =
            isParallel ? (isLast ? glyphs.lastParallel : glyphs.parallel) : (isLast ? glyphs.last : glyphs.branch)
        let below = indent + (isLast ? glyphs.gap : glyphs.line)
        let title = "\(PlainLine.text(mapped.step.id)): \(facts.kind)"
        wrap(([title] + facts.handling).joined(separator: ", "), first: indent + branch, rest: below + "  ")
        let detail = below + (mapped.inner.isEmpty ? glyphs.gap : glyphs.line)
        for loop in [facts.loop, facts.repetition].compactMap(\.self) {
            wrap(loop, first: detail, rest: detail + "  ")
        }
        if let condition = facts.condition { wrap("if " + condition, first: detail, rest: detail + "  ") }
        let reads = mapped.withReads.map { read($0, input: mapped.input) }
        if !reads.isEmpty {
            wrap("reads " + reads.joined(separator: ", "), first: detail, rest: detail + "      ")
        }
        for (index, step) in mapped.inner.enumerated() {
            draw(
                step, indent: below, isLast: index == mapped.inner.count - 1, isParallel: mapped.step.isParallel)
        }
    }

    /// `input` with its origin; other values as written.
    private func read(_ read: DataRead, input: [MappedStep.Origin]?) -> String {
        guard read.root == "input", let input else { return PlainLine.text(read.text) }
        let origins = input.map { origin in
            switch origin {
            case .start: "the start"
            case .step(let id): PlainLine.text(id)
            }
        }
        return "\(PlainLine.text(read.text)) (from \(origins.joined(separator: " or ")))"
    }

    // MARK: - Lines

    /// Adds the text, wrapped to the width.
    private mutating func wrap(_ text: String, first: String, rest: String) {
        var line = first
        var isEmpty = true
        for word in text.split(separator: " ") {
            if !isEmpty, line.count + 1 + word.count > width {
                lines.append(line)
                (line, isEmpty) = (rest, true)
            }
            line += isEmpty ? String(word) : " \(word)"
            isEmpty = false
        }
        lines.append(line)
    }
}

extension Pipeline {
    /// The references of all templates of the file.
    var everyReference: [Reference] {
        triggers.flatMap(\.entry.references) + allSteps.flatMap(\.references) + (output?.references ?? [])
    }
}

extension String {
    func padded(to width: Int) -> String { self + String(repeating: " ", count: Swift.max(0, width - count)) }
}

/// The glyphs of a drawing in a terminal.
public struct DiagramGlyphs: Sendable, Hashable {
    let branch: String
    let last: String
    let line: String
    let parallel: String
    let lastParallel: String
    let gap: String

    /// Unicode box-drawing characters.
    public static let unicode = DiagramGlyphs(
        branch: "├─ ", last: "└─ ", line: "│  ", parallel: "╞═ ", lastParallel: "╘═ ", gap: "   ")
    /// ASCII characters only.
    public static let ascii = DiagramGlyphs(
        branch: "+- ", last: "`- ", line: "|  ", parallel: "+= ", lastParallel: "`= ", gap: "   ")
}

/// Sanitises an author's text for a drawing: one line, no control characters, truncated.
enum PlainLine {
    static func text(_ text: String, limit: Int = 100) -> String {
        let words = text.split { $0.isWhitespace || $0.isNewline }.joined(separator: " ")
        let plain = String(String.UnicodeScalarView(words.unicodeScalars.filter { !hides($0) }))
        return plain.count <= limit ? plain : plain.prefix(max(1, limit) - 1) + "…"
    }

    /// Whether it is a control character or changes the text direction.
    private static func hides(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate: true
        default: false
        }
    }

    /// An expression without optional braces around it.
    static func expression(_ text: String, limit: Int = 100) -> String {
        var line = self.text(text, limit: .max)
        let inside = line.dropFirst(2).dropLast(2)
        if line.hasPrefix("{{"), line.hasSuffix("}}"), !inside.contains("{{") {
            line = self.text(String(inside), limit: .max)
        }
        return self.text(line, limit: limit)
    }
}
