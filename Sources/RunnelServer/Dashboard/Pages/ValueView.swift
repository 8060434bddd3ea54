import RunnelKit

/// A value that can be unfolded: a text as text, JSON as a tree. A long one shows its beginning and leads to the whole.
struct ValueFold {
    let title: String
    let value: Value
    /// The page of the whole value.
    let link: Link
    let context: PageContext
    var isOpen = false

    /// In characters.
    private static let limit = 6000

    func write(to html: inout HTMLWriter) {
        guard !value.isNull, value.asObject?.isEmpty != true else { return }
        html.element("details", isOpen ? .flag("open") : nil) { html in
            html.element("summary") { html in
                html.text(title)
                html.text(" ")
                html.element("span", .class("soft"), text: summary)
            }
            html.element("div", .class("value")) { html in
                if let text = value.asString {
                    html.element(
                        "pre", .plain("dir", "auto"), .plain("tabindex", "0"), text: String(text.prefix(Self.limit)))
                    if text.unicodeScalars.count > Self.limit { whole(&html) }
                } else {
                    var tree = ValueTree(context: context)
                    tree.write(value, to: &html)
                    if tree.isCut { whole(&html) }
                }
            }
        }
    }

    private var summary: String {
        switch value {
        case .string(let text): context.words.bytes(text.utf8.count)
        case .list(let items): context.words(.items, items.count)
        case .object(let members): context.words(.keys, members.count)
        default: ""
        }
    }

    private func whole(_ html: inout HTMLWriter) {
        html.element("p") { html in
            html.element("a", .href(link), text: context.words(.showWhole))
        }
    }
}

/// JSON as nested lists that can be folded, within limits.
struct ValueTree {
    let context: PageContext
    /// Whether something was left out.
    private(set) var isCut = false
    private var left = 400

    private static let depth = 8
    private static let children = 100
    private static let text = 2000

    init(context: PageContext) {
        self.context = context
    }

    mutating func write(_ value: Value, to html: inout HTMLWriter, depth: Int = 0) {
        let members: [(name: String, value: Value)]
        switch value {
        case .object(let object): members = object.map { ($0.key, $0.value) }
        case .list(let items): members = items.enumerated().map { ("\($0.offset)", $0.element) }
        case .string(let text):
            if text.count > Self.text { isCut = true }
            return html.element("span", .class("string")) { $0.outside(String(text.prefix(Self.text))) }
        default: return html.element("span", .class("atom"), text: value.json())
        }
        guard !members.isEmpty else { return html.element("span", .class("atom"), text: value.json()) }
        guard depth < Self.depth, left > 0 else {
            isCut = true
            return html.text("…")
        }
        if members.count > Self.children { isCut = true }
        html.element("ul", .class("tree")) { html in
            for member in members.prefix(Self.children) {
                guard left > 0 else {
                    isCut = true
                    break
                }
                left -= 1
                html.element("li") { html in
                    if isNested(member.value) {
                        html.element("details", depth < 1 ? .flag("open") : nil) { html in
                            html.element("summary") { html in
                                key(member.name, &html)
                                html.element("span", .class("soft"), text: count(member.value))
                            }
                            write(member.value, to: &html, depth: depth + 1)
                        }
                    } else {
                        key(member.name, &html)
                        write(member.value, to: &html, depth: depth + 1)
                    }
                }
            }
        }
    }

    private func key(_ name: String, _ html: inout HTMLWriter) {
        html.element("span", .class("key")) { $0.outside(String(name.prefix(200))) }
        html.text(" ")
    }

    private func isNested(_ value: Value) -> Bool {
        value.asObject?.isEmpty == false || value.asList?.isEmpty == false
    }

    private func count(_ value: Value) -> String {
        if let list = value.asList { return context.words(.items, list.count) }
        return context.words(.keys, value.asObject?.count ?? 0)
    }
}

/// A whole value as text, in windows.
struct ValuePage {
    let context: PageContext
    let run: String
    let title: String
    let value: Value
    /// The page without the window.
    let link: Link
    /// The first character of the window.
    let start: Int

    /// In characters.
    static let window = 65_536

    func html() -> String {
        let words = context.words
        let text = Array((value.asString ?? value.json(pretty: true)).unicodeScalars)
        let start = min(max(0, self.start), text.count)
        let end = min(text.count, start + Self.window)
        var shown = String.UnicodeScalarView()
        shown.append(contentsOf: text[start..<end])
        return PageFrame(context: context, section: .runs, title: title).html { html in
            html.element("div", .class("title")) { html in
                html.element("h1") { $0.outside(title) }
                html.element("div", .class("actions")) { html in
                    html.element("a", .class("button"), .href(Link("runs", run)), text: words(.backToRun))
                }
            }
            html.element("section", .class("sheet"), .label(title)) { html in
                html.element("div", .class("value")) { html in
                    html.element("pre", .plain("dir", "auto"), .plain("tabindex", "0"), text: String(shown))
                }
            }
            html.element("nav", .class("pages"), .label(words(.navPages))) { html in
                html.element(
                    "span", .class("soft"),
                    text: words(
                        .charactersOf,
                        words.number(text.isEmpty ? 0 : start + 1), words.number(end), words.number(text.count)))
                if start > 0 {
                    html.element(
                        "a", .class("button"), .href(link.with("from", "\(max(0, start - Self.window))")),
                        text: words(.previous))
                }
                if end < text.count {
                    html.element("a", .class("button"), .href(link.with("from", "\(end)")), text: words(.next))
                }
            }
        }
    }
}
