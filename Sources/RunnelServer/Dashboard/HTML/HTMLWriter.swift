import RunnelSupport

/// Builds HTML. It escapes every text and every attribute value, and the names of elements and attributes are literals:
/// what came from outside cannot become markup.
struct HTMLWriter: Sendable {
    /// What was written so far. Only this type appends to it.
    private(set) var html = ""

    /// An attribute of an element.
    struct Attribute: Sendable {
        fileprivate let name: StaticString
        /// nil: the attribute stands without a value, such as `checked`.
        fileprivate let value: String?

        private init(_ name: StaticString, _ value: String?) {
            (self.name, self.value) = (name, value)
        }

        static func `class`(_ names: String) -> Attribute { Attribute("class", names) }
        static func id(_ id: String) -> Attribute { Attribute("id", id) }
        static func role(_ role: StaticString) -> Attribute { Attribute("role", "\(role)") }
        static func label(_ text: String) -> Attribute { Attribute("aria-label", text) }
        static func labelled(by id: String) -> Attribute { Attribute("aria-labelledby", id) }
        static func title(_ text: String) -> Attribute { Attribute("title", text) }
        static func href(_ link: Link) -> Attribute { Attribute("href", link.text) }
        static func src(_ link: Link) -> Attribute { Attribute("src", link.text) }
        static func action(_ link: Link) -> Attribute { Attribute("action", link.text) }
        static func name(_ name: String) -> Attribute { Attribute("name", name) }
        static func value(_ value: String) -> Attribute { Attribute("value", value) }
        static func `for`(_ id: String) -> Attribute { Attribute("for", id) }
        /// An attribute whose value cannot be a script or a style: those for geometry, forms, ARIA and `data-`.
        static func plain(_ name: StaticString, _ value: String = "") -> Attribute { Attribute(name, value) }
        static func flag(_ name: StaticString) -> Attribute { Attribute(name, nil) }
    }

    init() {}

    /// A document type and nothing else before the first element.
    static func document(_ body: (inout HTMLWriter) throws -> Void) rethrows -> String {
        var writer = HTMLWriter()
        writer.html = "<!doctype html>\n"
        try body(&writer)
        return writer.html
    }

    mutating func element(
        _ name: StaticString, _ attributes: Attribute?..., content: (inout HTMLWriter) throws -> Void
    ) rethrows {
        open(name, attributes)
        try content(&self)
        close(name)
    }

    mutating func element(_ name: StaticString, _ attributes: Attribute?..., text: String) {
        open(name, attributes)
        // Browsers drop a line break at the beginning of these.
        if text.utf8.first == UInt8(ascii: "\n"), ["pre", "textarea"].contains("\(name)") { html += "\n" }
        self.text(text)
        close(name)
    }

    /// An element without content and end tag: `input`, `br`, `meta`, `link`.
    mutating func void(_ name: StaticString, _ attributes: Attribute?...) {
        open(name, attributes)
    }

    /// An empty element of SVG.
    mutating func shape(_ name: StaticString, _ attributes: Attribute?...) {
        open(name, attributes)
        close(name)
    }

    mutating func text(_ text: String) {
        Self.escape(text, into: &html)
    }

    /// A text from outside, such as a name or an answer: its direction of writing does not reach beyond it.
    mutating func outside(_ text: String) {
        element("bdi", text: text)
    }

    private mutating func open(_ name: StaticString, _ attributes: [Attribute?]) {
        html += "<\(name)"
        for case let attribute? in attributes {
            html += " \(attribute.name)"
            guard let value = attribute.value else { continue }
            html += "=\""
            Self.escape(value, into: &html)
            html += "\""
        }
        html += ">"
    }

    private mutating func close(_ name: StaticString) {
        html += "</\(name)>"
    }

    /// Escapes for text and for attribute values in double quotes. Control characters, which HTML does not allow, become
    /// U+FFFD.
    private static func escape(_ text: String, into html: inout String) {
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": html += "&amp;"
            case "<": html += "&lt;"
            case ">": html += "&gt;"
            case "\"": html += "&quot;"
            case "'": html += "&#39;"
            case "\t", "\n": html.unicodeScalars.append(scalar)
            case "\r": html += "&#13;"
            case _ where scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value): html += "\u{FFFD}"
            default: html.unicodeScalars.append(scalar)
            }
        }
    }
}

/// A link to a place of this server. It cannot lead anywhere else.
struct Link: Sendable, Hashable {
    let path: String
    private var query: [(name: String, value: String)] = []
    private var fragment: String?

    /// - Parameter segments: The parts of the path; they may hold anything.
    init(_ segments: String...) {
        path =
            "/"
            + segments.map { PercentEncoding.encode($0, allowed: PercentEncoding.unreserved) }.joined(separator: "/")
    }

    /// The link with a parameter; without one if the value is nil or empty.
    func with(_ name: String, _ value: String?) -> Link { with(name, each: value.map { [$0] } ?? []) }

    /// The link with a parameter for each value that is not empty.
    func with(_ name: String, each values: [String]) -> Link {
        var copy = self
        copy.query.removeAll { $0.name == name }
        copy.query += values.filter { !$0.isEmpty }.map { (name: name, value: $0) }
        return copy
    }

    func at(_ fragment: String) -> Link {
        var copy = self
        copy.fragment = fragment
        return copy
    }

    var text: String {
        let pairs = query.map { "\(Self.encode($0.name))=\(Self.encode($0.value))" }.joined(separator: "&")
        return path + (pairs.isEmpty ? "" : "?" + pairs) + (fragment.map { "#" + Self.encode($0) } ?? "")
    }

    private static func encode(_ text: String) -> String {
        PercentEncoding.encode(text, allowed: PercentEncoding.unreserved)
    }

    static func == (one: Link, other: Link) -> Bool { one.text == other.text }
    func hash(into hasher: inout Hasher) { hasher.combine(text) }
}
