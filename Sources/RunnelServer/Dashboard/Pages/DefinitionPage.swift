import RunnelEngine
import RunnelKit
import RunnelSupport

/// The definition that a run began with, and how the file differs today.
struct DefinitionPage {
    let context: PageContext
    let run: RunRecord
    let file: String
    /// Redacted.
    let then: String?
    /// Redacted; nil: the pipeline is not served any more.
    let today: String?

    func html() -> String {
        let words = context.words
        return PageFrame(context: context, section: .runs, title: run.pipeline).html { html in
            html.element("div", .class("title")) { html in
                html.element("h1") { $0.outside(run.pipeline) }
                html.element("div", .class("actions")) { html in
                    html.element("a", .class("button"), .href(Link("runs", run.id)), text: words(.backToRun))
                }
            }
            html.element("p", .class("soft")) { html in
                html.outside(file)
                html.text(" · ")
                html.element("span", .class("mono"), text: String(run.definition.prefix(12)))
            }
            guard let then else { return html.empty(words(.noDefinition)) }
            if let today, today != then {
                html.sheet("diff", words(.changedSince)) { html in
                    html.element("pre", .class("diff"), .plain("tabindex", "0")) { html in
                        for line in LineDiff.lines(from: then, to: today) {
                            switch line.change {
                            case .same: html.element("span", text: "  \(line.text)\n")
                            case .removed: html.element("del", text: "- \(line.text)\n")
                            case .added: html.element("ins", text: "+ \(line.text)\n")
                            }
                        }
                    }
                }
            } else {
                html.element("p", text: words(today == nil ? .notServed : .unchangedSince))
            }
            html.sheet("then", words(.definitionThen)) { html in
                SourceView(text: then, problems: [:]).write(to: &html)
            }
        }
    }
}

/// A file with line numbers, and what is wrong with a line below it.
struct SourceView {
    let text: String
    /// By line, from 1.
    let problems: [Int: [String]]

    private static let maximumLines = 5000

    func write(to html: inout HTMLWriter) {
        html.element("ol", .class("source mono"), .plain("tabindex", "0")) { html in
            var lines = text.lineContents
            if lines.count > 1, lines.last?.isEmpty == true { lines.removeLast() }
            for (index, line) in lines.prefix(Self.maximumLines).enumerated() {
                let found = problems[index + 1] ?? []
                html.element("li", .id("L\(index + 1)"), found.isEmpty ? nil : .class("wrong")) { html in
                    html.element("code", text: line.isEmpty ? " " : String(line.prefix(4000)))
                    for problem in found { html.element("p", .class("problem")) { $0.outside(problem) } }
                }
            }
        }
    }
}

/// The difference of two texts by lines (longest common subsequence).
enum LineDiff {
    struct Line: Hashable {
        enum Change { case same, removed, added }
        var change: Change
        var text: String
    }

    /// Beyond it the middle is one removed and one added block.
    private static let maximumCells = 4_000_000

    static func lines(from old: String, to new: String) -> [Line] {
        let (old, new) = (split(old), split(new))
        var head = 0
        while head < min(old.count, new.count), old[head] == new[head] { head += 1 }
        var tail = 0
        while tail < min(old.count, new.count) - head, old[old.count - 1 - tail] == new[new.count - 1 - tail] {
            tail += 1
        }
        let middle = difference(Array(old[head..<(old.count - tail)]), Array(new[head..<(new.count - tail)]))
        return old[..<head].map { Line(change: .same, text: $0) } + middle
            + old[(old.count - tail)...].map { Line(change: .same, text: $0) }
    }

    private static func split(_ text: String) -> [String] {
        text.lineContents.map(String.init)
    }

    private static func difference(_ old: [String], _ new: [String]) -> [Line] {
        guard old.count * new.count <= maximumCells else {
            return old.map { Line(change: .removed, text: $0) } + new.map { Line(change: .added, text: $0) }
        }
        let width = new.count + 1
        var lengths = [Int32](repeating: 0, count: (old.count + 1) * width)
        for i in old.indices.reversed() {
            for j in new.indices.reversed() {
                lengths[i * width + j] =
                    old[i] == new[j]
                    ? lengths[(i + 1) * width + j + 1] + 1
                    : max(lengths[(i + 1) * width + j], lengths[i * width + j + 1])
            }
        }
        var lines: [Line] = []
        var (i, j) = (0, 0)
        while i < old.count || j < new.count {
            if i < old.count, j < new.count, old[i] == new[j] {
                lines.append(Line(change: .same, text: old[i]))
                (i, j) = (i + 1, j + 1)
            } else if j == new.count || i < old.count && lengths[(i + 1) * width + j] >= lengths[i * width + j + 1] {
                lines.append(Line(change: .removed, text: old[i]))
                i += 1
            } else {
                lines.append(Line(change: .added, text: new[j]))
                j += 1
            }
        }
        return lines
    }
}
