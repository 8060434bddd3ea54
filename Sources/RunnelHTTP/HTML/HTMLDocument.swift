public import RunnelKit
internal import RunnelSupport

/// Parses HTML as browsers do (WHATWG HTML, section 13.2). The plugin that provides it does so in a process of its own,
/// because a hostile page decides how much time and memory a parser takes.
public protocol HTMLParser: Sendable {
    /// - Throws: A `StepError` with the code `html-too-complex` or another of the parser's process; `CancellationError`.
    func parse(_ html: String) async throws -> HTMLDocument
}

/// Gives the parser of HTML.
public enum HTMLParserService: ServiceKey {
    /// What parses.
    public typealias Service = any HTMLParser
    /// For errors.
    public static let name = "the HTML parser"
}

/// A parsed page: its elements and texts, in order.
public struct HTMLDocument: Sendable {
    /// A node; an element's descendants follow it directly.
    enum Node: Sendable {
        case text(Substring.UTF8View)
        case element(Element)
    }

    struct Element: Sendable {
        /// In lower case.
        var name: String
        var attributes: [String: String]
        /// The index behind its last descendant.
        var end: Int

        /// Whether a person does not see it: by an attribute, or by a style of its own.
        var isHidden: Bool {
            if name == "dialog", attributes["open"] == nil { return true }
            // Pages hide their whole body until a script has run.
            guard name != "body", name != "html", !attributes.isEmpty else { return false }
            if attributes["hidden"] != nil || attributes["aria-hidden"]?.lowercased() == "true" { return true }
            guard let style = attributes["style"]?.lowercased().filter({ !$0.isWhitespace }) else { return false }
            return style.split(separator: ";").contains { declaration in
                let rule = declaration.split(separator: "!").first ?? declaration
                return [
                    "display:none", "visibility:hidden", "visibility:collapse", "opacity:0", "font-size:0",
                    "font-size:0px",
                ]
                .contains { rule == $0 } || Self.isAside(rule) || Self.isClipped(rule)
            }
        }

        /// Whether a declaration without spaces moves the element out of the page: `left:-9999px`.
        private static func isAside(_ rule: Substring) -> Bool {
            let parts = rule.split(separator: ":", maxSplits: 1)
            let places = ["left", "right", "top", "bottom", "margin-left", "margin-top", "text-indent"]
            guard parts.count == 2, parts[1].first == "-", places.contains(String(parts[0])) else { return false }
            let number = parts[1].dropFirst().prefix { $0.isNumber || $0 == "." }
            guard let value = Double(number) else { return false }
            switch parts[1].dropFirst(1 + number.count) {
            case "px": return value >= 999
            case "em", "rem": return value >= 99
            default: return false
            }
        }

        /// Whether a declaration without spaces cuts the element down to nothing: `clip:rect(0000)`.
        private static func isClipped(_ rule: Substring) -> Bool {
            if rule == "clip-path:inset(50%)" || rule == "clip-path:inset(100%)" { return true }
            guard rule.hasPrefix("clip:rect("), rule.hasSuffix(")") else { return false }
            let sides = rule.dropFirst("clip:rect(".count).dropLast().replacing("px", with: "").replacing(",", with: "")
            return sides == "0000" || sides == "1111"
        }
    }

    let nodes: [Node]

    private static let (open, begin, close, attribute): (UInt8, UInt8, UInt8, UInt8) = (1, 2, 3, 4)

    /// Reads the events of a parser: byte 1 and the name open an element; bytes 4, `name=value` follow for attributes;
    /// byte 2 begins its contents and byte 3 ends them; all else is text. Nothing is an error.
    public init(events: String) {
        var nodes: [Node] = []
        var path: [Int] = []
        let bytes = events.utf8
        var place = bytes.startIndex
        while place < bytes.endIndex {
            switch bytes[place] {
            case Self.open:
                let start = bytes.index(after: place)
                place = bytes[start...].firstIndex(of: Self.begin) ?? bytes.endIndex
                let parts = events[start..<place].split(separator: "\u{4}", omittingEmptySubsequences: false)
                var attributes: [String: String] = [:]
                for part in parts.dropFirst() {
                    let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                    attributes[String(pair[0])] = pair.count > 1 ? String(pair[1]) : ""
                }
                path.append(nodes.count)
                nodes.append(.element(Element(name: String(parts.first ?? ""), attributes: attributes, end: 0)))
                if place < bytes.endIndex { bytes.formIndex(after: &place) }
            case Self.close:
                if let index = path.popLast() { Self.end(index, &nodes) }
                bytes.formIndex(after: &place)
            default:
                let end = bytes[place...].firstIndex { $0 == Self.open || $0 == Self.close } ?? bytes.endIndex
                nodes.append(.text(events[place..<end].utf8))
                place = end
            }
        }
        for index in path { Self.end(index, &nodes) }
        self.nodes = nodes
    }

    private static func end(_ index: Int, _ nodes: inout [Node]) {
        guard case .element(var element) = nodes[index] else { return }
        element.end = nodes.count
        nodes[index] = .element(element)
    }
}
