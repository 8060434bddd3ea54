/// Finds the element that holds a page's main text, by the measure of Readability (Arc90, Mozilla): paragraphs score by
/// their length and commas for the elements around them; links, and names such as "sidebar", count against them.
struct MainText {
    /// The element with its descendants; nil where no text stands out.
    let range: Range<Int>?

    private static let containers: Set = ["article", "body", "div", "main", "section", "td"]
    private static let paragraphs: Set = ["blockquote", "dd", "h2", "h3", "li", "p", "pre", "td"]
    private static let around: Set = ["aside", "button", "fieldset", "footer", "form", "nav", "select"]
    private static let unlikely = [
        "ad-", "advert", "banner", "breadcrumb", "combx", "comment", "community", "cookie", "disqus", "footer",
        "masthead",
        "menu", "nav", "newsletter", "pager", "popup", "promo", "related", "share", "sidebar", "social", "sponsor",
        "widget",
    ]
    private static let likely = [
        "article", "body", "content", "entry", "hentry", "main", "page", "post", "story", "text",
    ]
    /// Shorter texts are captions and buttons.
    private static let shortest = 25

    /// Whether an element inside of the main text belongs to what stands around it.
    static func isAround(_ element: HTMLDocument.Element) -> Bool {
        if around.contains(element.name) { return true }
        if ["navigation", "complementary", "contentinfo", "search"].contains(element.attributes["role"] ?? "") {
            return true
        }
        return containers.contains(element.name) && weight(of: element) < 0
    }

    init(_ document: HTMLDocument) {
        var measures = [Int: Measure]()
        var path: [(index: Int, element: HTMLDocument.Element)] = []
        var skippedTo = 0
        for (index, node) in document.nodes.enumerated() where index >= skippedTo {
            while let last = path.last, last.element.end <= index {
                path.removeLast()
                Self.finish(last.index, last.element, path.map(\.index), &measures)
            }
            switch node {
            case .element(let element):
                if element.isHidden || element.name == "script" || element.name == "style" || Self.isAround(element) {
                    skippedTo = max(element.end, index + 1)
                    continue
                }
                path.append((index, element))
            case .text(let bytes):
                let length = bytes.count { $0 > 0x20 && $0 & 0xC0 != 0x80 }
                let commas = Self.commas(in: bytes)
                let isLink = path.contains { $0.element.name == "a" }
                for (index, _) in path {
                    measures[index, default: Measure()].length += length
                    if isLink { measures[index, default: Measure()].linkLength += length }
                }
                if let (index, _) = path.last { measures[index, default: Measure()].commas += commas }
            }
        }
        while let last = path.popLast() { Self.finish(last.index, last.element, path.map(\.index), &measures) }
        let best = measures.max { ($0.value.final, -$0.key) < ($1.value.final, -$1.key) }
        guard let best, best.value.final > 0, case .element(let element) = document.nodes[best.key] else {
            range = nil
            return
        }
        range = best.key..<max(element.end, best.key + 1)
    }

    private struct Measure {
        var length = 0
        var linkLength = 0
        var commas = 0
        /// What paragraphs below have earned.
        var score = 0.0
        var final = 0.0
    }

    /// Scores an element when all below it is known; a paragraph scores for the two containers around it.
    private static func finish(
        _ index: Int, _ element: HTMLDocument.Element, _ ancestors: [Int], _ measures: inout [Int: Measure]
    ) {
        guard var measure = measures[index] else { return }
        if paragraphs.contains(element.name), measure.length >= shortest, measure.linkLength * 2 < measure.length {
            let earned = 1 + Double(measure.commas) + min(Double(measure.length) / 100, 3)
            for (distance, ancestor) in ancestors.reversed().prefix(3).enumerated() {
                measures[ancestor, default: Measure()].score += earned / Double(distance == 0 ? 1 : distance * 2)
            }
        } else if let parent = ancestors.last, !containers.contains(element.name) {
            measures[parent, default: Measure()].commas += measure.commas
        }
        guard containers.contains(element.name), measure.score > 0, measure.length > 0 else { return }
        let links = Double(measure.linkLength) / Double(measure.length)
        measure.final = (measure.score + Double(weight(of: element))) * (1 - links)
        measures[index] = measure
    }

    private static func weight(of element: HTMLDocument.Element) -> Int {
        var weight = element.name == "article" || element.name == "main" ? 25 : 0
        for key in ["class", "id"] {
            guard let name = element.attributes[key]?.lowercased() else { continue }
            let isLikely = likely.contains { name.contains($0) }
            if isLikely { weight += 25 }
            if !isLikely, unlikely.contains(where: { name.contains($0) }) { weight -= 25 }
        }
        return weight
    }

    /// Also those of Chinese, Japanese and Arabic, each of three bytes or two.
    private static func commas(in text: Substring.UTF8View) -> Int {
        Substring(text).unicodeScalars.count { [",", "、", "，", "،"].contains($0) }
    }
}
