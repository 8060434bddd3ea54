import RunnelKit
import Testing

@Suite("Globs of paths") struct GlobTests {
    @Test(
        "match the whole path, and names that begin with a dot only where the pattern does",
        arguments: [
            ("*.md", "a.md", true), ("*.md", "n/a.md", false), ("**/*.md", "n/o/a.md", true), ("**", "n/a.md", true),
            ("[ab].md", "b.md", true), ("[!ab].md", "b.md", false), ("*", ".rc", false), (".*", ".rc", true),
            ("[.]rc", ".rc", false), ("**/*.md", ".h/a.md", false), ("**", ".h/a.md", false),
            ("**/.h/*", "n/.h/a.md", true), (".h/**/a", ".h/x/a", true), ("**/a", "x/.h/a", false),
            ("**/.h/**/b", ".h/a/.h/b", false), ("n/**", "n", true),
        ] as [(String, String, Bool)])
    func matching(pattern: String, path: String, isMatch: Bool) throws {
        #expect(try Glob(pattern).matches(path: path) == isMatch)
    }

    @Test("a pattern made to be slow is not", .timeLimit(.minutes(5)))
    func hostile() throws {
        let deep = Array(repeating: "a", count: 2000).joined(separator: "/")
        #expect(try !Glob(String(repeating: "**/a/", count: 200) + "b").matches(path: deep))
        #expect(try !Glob(String(repeating: "*a", count: 200) + "b").matches(path: String(repeating: "a", count: 2000)))
    }
}
