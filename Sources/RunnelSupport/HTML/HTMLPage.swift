/// The words of a short HTML page, such as a proxy's error, for a message: its title and its text, line by line.
///
/// For the pages of a pipeline there is a parser that follows the standard, in a process of its own; see `HTMLParser` in
/// RunnelHTTP. This one runs where the error is made, also on an event loop. Paragraphs and headings stand behind an empty line, list items behind "- ", cells of a table behind " | ". The time
/// grows with the length of the page and with nothing else.
package struct HTMLPage: Sendable {
    /// The page's `<title>`; nil where there is none or it is empty.
    package let title: String?
    package let text: String

    private static let skipped: Set = [
        "audio", "canvas", "iframe", "noembed", "noframes", "noscript", "object", "script", "style", "svg", "template",
        "textarea", "video",
    ]
    private static let lines: Set = [
        "address", "body", "caption", "dd", "div", "dt", "fieldset", "figcaption", "form", "head", "html", "legend",
        "option", "summary", "tbody", "tfoot", "thead", "tr",
    ]
    private static let paragraphs: Set = [
        "article", "aside", "blockquote", "details", "dialog", "dl", "figure", "footer", "h1", "h2", "h3", "h4", "h5",
        "h6",
        "header", "hgroup", "hr", "main", "nav", "ol", "p", "pre", "search", "section", "table", "ul",
    ]

    package init(_ html: String) {
        let bytes = Array(html.utf8)
        var writer = LineWriter()
        var title: [UInt8]?
        var skipping: (name: String, depth: Int)?
        var preDepth = 0
        for token in HTMLTokenizer(bytes) {
            if let (name, depth) = skipping {
                switch token {
                case .open(name): skipping = (name, depth + 1)
                case .close(name): skipping = depth == 1 ? nil : (name, depth - 1)
                default: break
                }
                continue
            }
            switch token {
            case .text(let range):
                writer.write(HTMLEntities.decode(bytes[range]), keepsSpace: preDepth > 0)
            case .raw(let name, let range):
                if name == "title", title == nil { title = HTMLEntities.decode(bytes[range]) }
                if name == "xmp" { writer.write(Array(bytes[range]), keepsSpace: true) }
            case .open(let name) where Self.skipped.contains(name): skipping = (name, 1)
            case .open(let name):
                Self.begin(name, &writer)
                if name == "pre" { preDepth += 1 }
            case .close(let name):
                if name == "pre", preDepth > 0 { preDepth -= 1 }
                Self.end(name, &writer)
            }
        }
        text = String(decoding: writer.output, as: UTF8.self)
        var titleWriter = LineWriter()
        titleWriter.write(title ?? [], keepsSpace: false)
        self.title = titleWriter.output.isEmpty ? nil : String(decoding: titleWriter.output, as: UTF8.self)
    }

    private static func begin(_ name: String, _ writer: inout LineWriter) {
        switch name {
        case "br": writer.forceBreak()
        case "li": writer.beginItem()
        case "td", "th": writer.beginCell()
        case _ where lines.contains(name): writer.endLine()
        case _ where paragraphs.contains(name): writer.endParagraph()
        default: break
        }
    }

    private static func end(_ name: String, _ writer: inout LineWriter) {
        if name == "li" {
            writer.endItem()
        } else if paragraphs.contains(name) {
            writer.endParagraph()
        } else if lines.contains(name) {
            writer.endLine()
        }
    }
}
