internal import RunnelSupport

/// What a short answer can repeat of a text: its headings, and the first sentence of each paragraph.
struct TextOutline: Equatable {
    struct Section: Equatable {
        /// Nil before the first heading.
        var heading: String?
        /// The first sentence of each paragraph, in order.
        var sentences: [String] = []
    }

    private(set) var sections: [Section] = []
    private(set) var wordCount = 0

    private static let longestSentence = 240

    /// Reads plain text or Markdown. Code blocks, tables, images and HTML are passed over.
    init(of text: String) {
        var section = Section()
        var paragraph = ""
        var isCode = false
        func finishParagraph() {
            if let sentence = Self.firstSentence(of: paragraph) { section.sentences.append(sentence) }
            paragraph = ""
        }
        for line in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline) {
            wordCount += line.split(whereSeparator: \.isWhitespace).count { $0.contains { $0.isLetter || $0.isNumber } }
            let line = line.trimmed
            if line.hasPrefix("```") || line.hasPrefix("~~~") {
                isCode.toggle()
                finishParagraph()
            } else if isCode {
                continue
            } else if let heading = Self.heading(line) {
                finishParagraph()
                if section != Section() { sections.append(section) }
                section = Section(heading: heading)
            } else if line.isEmpty || "|<!>".contains(line.prefix(1)) {
                finishParagraph()
            } else {
                let item = Self.listItem(line)
                if item != nil { finishParagraph() }
                paragraph += (paragraph.isEmpty ? "" : " ") + (item ?? line)
            }
        }
        finishParagraph()
        if section != Section() { sections.append(section) }
    }

    /// All sentences of all sections.
    var sentences: [String] { sections.flatMap(\.sentences) }

    private static func heading(_ line: Substring) -> String? {
        let marks = line.prefix { $0 == "#" }
        let rest = line[marks.endIndex...]
        guard (1...6).contains(marks.count), rest.first?.isWhitespace == true else { return nil }
        let heading = rest.trimmed
        return heading.isEmpty ? nil : String(heading.prefix(longestSentence))
    }

    private static func listItem(_ line: Substring) -> Substring? {
        if let mark = line.first, "-*+".contains(mark), line.dropFirst().first == " " {
            return line.dropFirst(2).trimmed
        }
        let digits = line.prefix { $0.isASCII && $0.isNumber }
        let rest = line[digits.endIndex...]
        return !digits.isEmpty && digits.count <= 3 && rest.hasPrefix(". ") ? rest.dropFirst(2).trimmed : nil
    }

    /// Up to the first full stop, question or exclamation mark that ends a sentence.
    static func firstSentence(of text: String) -> String? {
        let text = text.trimmed
        guard text.contains(where: { $0.isLetter || $0.isNumber }) else { return nil }
        var end = text.startIndex
        while end < text.endIndex {
            let character = text[end]
            let next = text.index(after: end)
            if "。！？".contains(character) { return shortened(text[..<next]) }
            if ".!?".contains(character), next == text.endIndex || text[next].isWhitespace {
                return shortened(text[..<next])
            }
            end = next
        }
        return shortened(text)
    }

    private static func shortened(_ text: Substring) -> String {
        let head = text.prefix(longestSentence)
        return head.endIndex == text.endIndex ? String(text) : head.trimmed + "…"
    }
}
