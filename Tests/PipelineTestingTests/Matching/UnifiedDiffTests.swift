import Testing

@testable import PipelineTesting

@Suite("Differences of texts")
struct UnifiedDiffTests {
    private func lines(_ range: ClosedRange<Int>) -> [String] { range.map { "line \($0)" } }

    private func text(_ lines: [String]) -> String { lines.map { $0 + "\n" }.joined() }

    @Test("a changed line stands between three lines that are the same")
    func change() {
        var changed = lines(1...9)
        changed[4] = "another"
        #expect(
            UnifiedDiff.text(from: text(lines(1...9)), to: text(changed)) == """
                --- expected
                +++ found
                @@ -2,7 +2,7 @@
                 line 2
                 line 3
                 line 4
                -line 5
                +another
                 line 6
                 line 7
                 line 8
                """)
    }

    @Test("changes far from each other are shown apart, with where they begin")
    func twoHunks() {
        var changed = lines(1...20)
        changed.remove(at: 0)
        changed.append("line 21")
        let diff = UnifiedDiff.text(from: text(lines(1...20)), to: text(changed))
        #expect(diff.contains("@@ -1,4 +1,3 @@\n-line 1\n line 2"))
        #expect(diff.hasSuffix("@@ -18,3 +17,4 @@\n line 18\n line 19\n line 20\n+line 21"))
    }

    @Test("a missing line break at the end is a difference")
    func lineBreak() {
        #expect(
            UnifiedDiff.text(from: "a\n", to: "a") == """
                --- expected
                +++ found
                @@ -1 +1 @@
                -a
                +a
                \\ No newline at end of file
                """)
    }

    @Test("the carriage return is visible in a diff between LF and CRLF")
    func carriageReturn() {
        #expect(
            UnifiedDiff.text(from: "a\nb\n", to: "a\r\nb\n") == """
                --- expected
                +++ found
                @@ -1,2 +1,2 @@
                -a
                +a\\r
                 b
                """)
    }

    @Test("an empty text is named by the line before it")
    func empty() {
        #expect(UnifiedDiff.text(from: "", to: "a\n") == "--- expected\n+++ found\n@@ -0,0 +1 @@\n+a")
    }

    @Test("of very long texts the beginning is compared, and that is said")
    func long() {
        let diff = UnifiedDiff.text(from: text(lines(1...5000)), to: text(["x"] + lines(2...5000)))
        #expect(diff.hasSuffix("… (only the first 2000 lines are compared)"))
    }
}
