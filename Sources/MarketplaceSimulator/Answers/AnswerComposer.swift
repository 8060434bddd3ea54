/// Writes the text of an answer from the prompt alone, so that the same prompt always gets the same answer.
enum AnswerComposer {
    private static let mostSections = 8
    private static let mostSentences = 6
    private static let opening = "Simulated answer: no model has read this."

    /// An answer like a digest: the headings with the first sentence below each, or else the first sentences.
    static func answer(to message: String) -> String {
        let outline = TextOutline(of: FaultDirective.removed(from: message))
        let sections = outline.sections.filter { $0.heading != nil }
        guard !sections.isEmpty else { return digest(of: outline.sentences, words: outline.wordCount) }

        var paragraphs = [
            opening + " The message has \(counted(outline.wordCount, "word")) and "
                + "\(counted(sections.count, "heading"))."
        ]
        if let task = outline.sections.first, task.heading == nil, let sentence = task.sentences.first {
            paragraphs.append("It begins: \(sentence)")
        }
        for section in sections.prefix(mostSections) {
            let heading = "**\(section.heading ?? "")**"
            paragraphs.append(section.sentences.first.map { "\(heading)\n\($0)" } ?? heading)
        }
        if sections.count > mostSections {
            paragraphs.append("And \(counted(sections.count - mostSections, "more heading")).")
        }
        return paragraphs.joined(separator: "\n\n")
    }

    private static func digest(of sentences: [String], words: Int) -> String {
        let count = "The message has \(counted(words, "word"))"
        switch sentences.count {
        case 0: return "\(opening) \(count)."
        case 1: return "\(opening) \(count): \(sentences[0])"
        default:
            let lines = sentences.prefix(mostSentences).map { "- \($0)" }
            return "\(opening) \(count). Its main sentences:\n\n\(lines.joined(separator: "\n"))"
        }
    }

    private static func counted(_ count: Int, _ noun: String) -> String {
        "\(count) \(noun)\(count == 1 ? "" : "s")"
    }
}
