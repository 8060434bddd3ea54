import Testing
import YAML

@Suite("Excerpts")
struct ExcerptTests {
    private func excerpt(_ text: String, _ line: Int, _ start: Int, _ end: Int) -> String {
        YAMLSource(name: "p.yaml", text: text).excerpt(
            YAMLRange(
                start: YAMLPosition(line: line, column: start), end: YAMLPosition(line: line, column: end)))
    }

    @Test("the marks stand under the range")
    func marks() {
        #expect(excerpt("retry: { attemps: 3 }", 1, 10, 17) == "   1 | retry: { attemps: 3 }\n     |          ^~~~~~~")
    }

    @Test("a range of several lines is marked to the end of its first line")
    func severalLines() {
        let source = YAMLSource(name: "p.yaml", text: "a: [x,\n  y]")
        let range = YAMLRange(start: YAMLPosition(line: 1, column: 4), end: YAMLPosition(line: 2, column: 5))
        #expect(source.excerpt(range) == "   1 | a: [x,\n     |    ^~~")
    }

    @Test("wide characters take two cells, combining ones none, and tabs stay tabs")
    func widths() {
        #expect(excerpt("日本\te\u{301}: x", 1, 7, 8) == "   1 | 日本\te\u{301}: x\n     |     \t  ^")
        #expect(excerpt("日本: x", 1, 1, 3) == "   1 | 日本: x\n     | ^~~~")
    }

    @Test("a long line is cut around the place")
    func longLine() {
        let text = String(repeating: "a", count: 500) + "X" + String(repeating: "b", count: 500)
        let shown = excerpt(text, 1, 501, 502)
        let a = String(repeating: "a", count: 80)
        let b = String(repeating: "b", count: 39)
        #expect(shown == "   1 | …\(a)X\(b)…\n     | \(String(repeating: " ", count: 81))^")
    }

    @Test("past the end of a line, the caret stands after it; without such a line there is no excerpt")
    func outside() {
        #expect(excerpt("ab\n", 1, 3, 3) == "   1 | ab\n     |   ^")
        #expect(excerpt("ab\n", 2, 1, 1) == "   2 | \n     | ^")
        #expect(excerpt("ab\n", 9, 1, 1) == "")
    }
}
