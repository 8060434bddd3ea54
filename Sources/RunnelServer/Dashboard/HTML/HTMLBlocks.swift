/// Tables, lists of facts and bar charts, for several pages.
extension HTMLWriter {
    /// Adjacent columns of a table with the same style.
    struct ColumnGroup {
        fileprivate let titles: [Phrase]
        fileprivate var style: String?
        fileprivate var isHidden = false

        static func text(_ titles: Phrase...) -> ColumnGroup { ColumnGroup(titles: titles) }
        static func numbers(_ titles: Phrase...) -> ColumnGroup { ColumnGroup(titles: titles, style: "num") }
        /// A column whose title is for screen readers only.
        static func hidden(_ title: Phrase, class style: String? = nil) -> ColumnGroup {
            ColumnGroup(titles: [title], style: style, isHidden: true)
        }
    }

    /// A table with a caption for screen readers. Without columns it has no head.
    mutating func table(
        _ caption: String, _ words: Words, _ columns: ColumnGroup..., class name: String? = nil,
        rows: (inout HTMLWriter) -> Void
    ) {
        element("table", name.map { .class($0) }) { html in
            html.element("caption", .class("hidden"), text: caption)
            if !columns.isEmpty {
                html.element("thead") { html in
                    html.element("tr") { html in
                        for group in columns { html.headings(group, words) }
                    }
                }
            }
            html.element("tbody", content: rows)
        }
    }

    private mutating func headings(_ columns: ColumnGroup, _ words: Words) {
        for title in columns.titles {
            element("th", columns.style.map { .class($0) }, .plain("scope", "col")) { html in
                if columns.isHidden {
                    html.element("span", .class("hidden"), text: words(title))
                } else {
                    html.text(words(title))
                }
            }
        }
    }

    /// The pagination links of a list: to the first page and to the next one.
    ///
    /// - Parameter id: For those of a list that is rendered anew: they are, too.
    mutating func pages(
        _ label: String, live id: StaticString? = nil, first: (Link, String)?, next: (Link, String)?
    ) {
        element(
            "nav", .class("pages"), id.map { .id("\($0)") }, id.map { _ in .flag("data-live") }, .label(label)
        ) { html in
            if let (link, text) = first { html.element("a", .class("button"), .href(link), text: text) }
            if let (link, text) = next {
                html.element("a", .class("button"), .href(link), .plain("rel", "next"), text: text)
            }
        }
    }

    /// A name and its value in a list of facts (`dl`).
    mutating func fact(_ name: String, _ value: (inout HTMLWriter) -> Void) {
        element("div") { html in
            html.element("dt", text: name)
            html.element("dd", content: value)
        }
    }

    /// A bar chart without axes, 40 units high.
    mutating func bars(_ count: Int, label: String, content: (inout HTMLWriter) -> Void) {
        element(
            "svg", .class("bars"), .plain("viewBox", "0 0 \(count * 10) 40"), .plain("preserveAspectRatio", "none"),
            .role("img"), .label(label), content: content)
    }

    /// A bar of a chart: its index from 0, its height up to 40, and its CSS class.
    mutating func bar(_ index: Int, height: Int, _ kind: String) {
        shape(
            "rect", .class(kind), .plain("x", "\(index * 10)"), .plain("y", "\(40 - height)"), .plain("width", "8"),
            .plain("height", "\(height)"))
    }
}
