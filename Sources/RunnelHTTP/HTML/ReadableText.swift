public import RunnelKit
internal import RunnelSupport

/// What a person reads of an HTML page: its title and its text, line by line, without markup, scripts, styles and what is
/// hidden.
///
/// Paragraphs and headings stand behind an empty line, list items behind "- ", cells of a table behind " | ".
public struct ReadableText: Sendable, Hashable {
    /// The page's `<title>`; nil where there is none or it is empty.
    public let title: String?
    /// The text, in paragraphs.
    public let text: String

    /// Reads a page.
    /// - Parameter mainOnly: Whether only the main text is read, without navigation, side bars and the like; the whole
    ///   page where none stands out.
    public init(_ document: HTMLDocument, mainOnly: Bool = false) {
        let whole = document.nodes.indices
        let range = mainOnly ? MainText(document).range ?? whole : whole
        text = Self.text(of: document, in: range, isReduced: mainOnly && range != whole)
        title = Self.title(of: document)
    }

    private static let skipped: Set = [
        "audio", "canvas", "head", "iframe", "math", "noembed", "noframes", "noscript", "object", "script", "style",
        "svg",
        "template", "textarea", "title", "video",
    ]
    private static let lines: Set = [
        "address", "body", "caption", "dd", "div", "dt", "fieldset", "figcaption", "form", "html", "legend", "option",
        "summary", "tbody", "tfoot", "thead", "tr",
    ]
    private static let paragraphs: Set = [
        "article", "aside", "blockquote", "details", "dialog", "dl", "figure", "footer", "h1", "h2", "h3", "h4", "h5",
        "h6", "header", "hgroup", "hr", "main", "nav", "ol", "p", "pre", "search", "section", "table", "ul",
    ]

    /// - Parameter isReduced: Whether the parts around a main text are left out.
    private static func text(of document: HTMLDocument, in range: Range<Int>, isReduced: Bool) -> String {
        var writer = LineWriter()
        var path: [(name: String, end: Int)] = []
        var preDepth = 0
        func leave(upTo index: Int) {
            while let (name, end) = path.last, end <= index {
                path.removeLast()
                if name == "pre" { preDepth -= 1 }
                if name == "li" {
                    writer.endItem()
                } else if paragraphs.contains(name) {
                    writer.endParagraph()
                } else if lines.contains(name) {
                    writer.endLine()
                }
            }
        }
        var index = range.lowerBound
        while index < range.upperBound {
            leave(upTo: index)
            switch document.nodes[index] {
            case .text(let bytes): writer.write(Array(bytes), keepsSpace: preDepth > 0)
            case .element(let element):
                if skipped.contains(element.name) || element.isHidden || isReduced && MainText.isAround(element) {
                    index = max(element.end, index + 1)
                    continue
                }
                switch element.name {
                case "br": writer.forceBreak()
                case "li": writer.beginItem()
                case "td", "th": writer.beginCell()
                case let name where lines.contains(name): writer.endLine()
                case let name where paragraphs.contains(name): writer.endParagraph()
                default: break
                }
                if element.name == "pre" { preDepth += 1 }
                path.append((element.name, element.end))
            }
            index += 1
        }
        leave(upTo: .max)
        return String(decoding: writer.output, as: UTF8.self)
    }

    private static func title(of document: HTMLDocument) -> String? {
        for (index, node) in document.nodes.enumerated() {
            // A <title> in the body is one of a drawing.
            guard case .element(let element) = node, element.name != "body" else {
                if case .element = node { return nil }
                continue
            }
            guard element.name == "title" else { continue }
            var writer = LineWriter()
            for inner in document.nodes[(index + 1)..<max(element.end, index + 1)] {
                if case .text(let bytes) = inner { writer.write(Array(bytes), keepsSpace: false) }
            }
            return writer.output.isEmpty ? nil : String(decoding: writer.output, as: UTF8.self)
        }
        return nil
    }
}

extension StepContext {
    /// The readable text of a page.
    /// - Parameter mainOnly: See ``ReadableText/init(_:mainOnly:)``.
    /// - Throws: A `StepError` if the page is too complex to be parsed; `CancellationError`.
    public func readableText(of html: String, mainOnly: Bool = false) async throws -> ReadableText {
        let parser = try await services.get(HTMLParserService.self)
        return ReadableText(try await parser.parse(html), mainOnly: mainOnly)
    }
}
