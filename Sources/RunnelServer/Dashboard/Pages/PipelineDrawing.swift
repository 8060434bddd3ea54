import RunnelEngine
import RunnelKit
import Templates

/// A drawing of a pipeline as SVG: what starts it, its steps in order, groups as frames, parallel steps side by side.
struct PipelineDrawing {
    let pipeline: Pipeline
    let words: Words

    private static let gap = 28
    private static let padding = 14
    private static let maximumSteps = 300

    /// A part of the drawing with its size.
    private indirect enum Block {
        case box(title: String, detail: String, kind: StaticString)
        case row([Block])
        case column([Block])
        case frame(title: String, Block)

        var width: Int {
            switch self {
            case .box(let title, let detail, _):
                max(120, PipelineDrawing.width(title, 8), PipelineDrawing.width(detail, 7)) + 28
            case .row(let blocks): blocks.reduce(0) { $0 + $1.width } + max(0, blocks.count - 1) * PipelineDrawing.gap
            case .column(let blocks): blocks.map(\.width).max() ?? 0
            case .frame(let title, let inner):
                max(inner.width, PipelineDrawing.width(title, 8)) + 2 * PipelineDrawing.padding
            }
        }

        var height: Int {
            switch self {
            case .box: 48
            case .row(let blocks): blocks.map(\.height).max() ?? 0
            case .column(let blocks):
                blocks.reduce(0) { $0 + $1.height } + max(0, blocks.count - 1) * PipelineDrawing.gap
            case .frame(_, let inner): inner.height + 2 * PipelineDrawing.padding + 16
            }
        }
    }

    func write(to html: inout HTMLWriter) {
        guard pipeline.allSteps.count <= Self.maximumSteps else {
            return html.empty(words(.tooManySteps, pipeline.allSteps.count))
        }
        var all: [Block] = []
        let triggers = pipeline.triggers.map { Block.box(title: $0.key, detail: "", kind: "node trigger") }
        all.append(
            .row(triggers.isEmpty ? [.box(title: words(.byHand), detail: "", kind: "node trigger")] : triggers))
        all += pipeline.steps.map(block)
        for (steps, title) in [(pipeline.onFailure, "on_failure"), (pipeline.finally, "finally")] where !steps.isEmpty {
            all.append(.frame(title: title, .column(steps.map(block))))
        }
        let drawing = Block.column(all)
        let (width, height) = (drawing.width + 8, drawing.height + 8)
        let steps = pipeline.allSteps.map { "\($0.id) \($0.uses)" }.joined(separator: ", ")
        html.element("div", .class("drawing"), .plain("tabindex", "0"), .role("group"), .label(words(.drawing))) {
            html in
            html.element(
                "svg", .plain("viewBox", "0 0 \(width) \(height)"), .plain("width", "\(width)"),
                .plain("height", "\(height)"), .role("img"), .label(words(.drawingOf, steps))
            ) { html in
                draw(drawing, x: 4, y: 4, width: drawing.width, &html)
            }
        }
    }

    private func block(_ step: PipelineStep) -> Block {
        var detail = step.uses
        if let condition = step.condition {
            detail = "\(words(.drawingIf)) \(condition.expression.text)".truncated(to: 48)
        }
        if let group = step.group {
            let inner = group.map(block)
            let title = step.id + (step.forEach == nil ? "" : " · " + words(.drawingForEach))
            return .frame(title: title.truncated(to: 60), step.isParallel ? .row(inner) : .column(inner))
        }
        let box = Block.box(title: step.id.truncated(to: 40), detail: detail.truncated(to: 48), kind: "node")
        return step.forEach == nil ? box : .frame(title: words(.drawingForEach), box)
    }

    private func draw(_ block: Block, x: Int, y: Int, width: Int, _ html: inout HTMLWriter) {
        switch block {
        case .box(let title, let detail, let kind):
            let own = block.width
            let left = x + (width - own) / 2
            rect(left, y, own, block.height, "\(kind)", &html)
            text(title, left + own / 2, y + (detail.isEmpty ? 29 : 21), "label", &html)
            if !detail.isEmpty { text(detail, left + own / 2, y + 38, "detail", &html) }
        case .row(let blocks):
            var left = x + (width - block.width) / 2
            for inner in blocks {
                draw(inner, x: left, y: y + (block.height - inner.height) / 2, width: inner.width, &html)
                left += inner.width + Self.gap
            }
        case .column(let blocks):
            var top = y
            for (index, inner) in blocks.enumerated() {
                draw(inner, x: x, y: top, width: width, &html)
                top += inner.height
                if index < blocks.count - 1 {
                    arrow(x + width / 2, top + 3, top + Self.gap - 3, &html)
                    top += Self.gap
                }
            }
        case .frame(let title, let inner):
            let own = block.width
            let left = x + (width - own) / 2
            rect(left, y, own, block.height, "frame", &html)
            html.element(
                "text", .class("frame-title"), .plain("x", "\(left + Self.padding)"), .plain("y", "\(y + 18)"),
                text: title)
            draw(inner, x: left + Self.padding, y: y + Self.padding + 16, width: own - 2 * Self.padding, &html)
        }
    }

    private func rect(_ x: Int, _ y: Int, _ width: Int, _ height: Int, _ kind: String, _ html: inout HTMLWriter) {
        html.shape(
            "rect", .class(kind), .plain("x", "\(x)"), .plain("y", "\(y)"), .plain("width", "\(width)"),
            .plain("height", "\(height)"), .plain("rx", "8"))
    }

    private func text(_ text: String, _ x: Int, _ y: Int, _ kind: String, _ html: inout HTMLWriter) {
        html.element(
            "text", .class(kind), .plain("x", "\(x)"), .plain("y", "\(y)"), .plain("text-anchor", "middle"), text: text)
    }

    private func arrow(_ x: Int, _ from: Int, _ to: Int, _ html: inout HTMLWriter) {
        html.shape(
            "path", .class("arrow"), .plain("fill", "none"),
            .plain("d", "M\(x) \(from)V\(to)M\(x - 4) \(to - 5)L\(x) \(to)L\(x + 4) \(to - 5)"))
    }

    /// The approximate width of a text in pixels; characters of East Asian scripts are twice as wide.
    fileprivate static func width(_ text: String, _ size: Int) -> Int {
        text.unicodeScalars.reduce(0) { $0 + ($1.value >= 0x1100 ? 2 * size : size) }
    }
}
