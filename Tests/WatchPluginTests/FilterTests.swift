import RunnelKit
import Testing

@testable import WatchPlugin

@Suite("Watch patterns") struct FilterTests {
    @Test(
        "a pattern matches names, or paths when it holds a slash",
        arguments: [
            ("*.txt", "a.txt", true), ("*.txt", "sub/a.txt", true), ("*.txt", "a.txt.md", false),
            ("*.txt", "a.TXT", false), ("a?c", "abc", true), ("a?c", "ac", false), ("a?c", "aéc", true),
            ("sub/*.txt", "sub/a.txt", true), ("sub/*.txt", "a.txt", false), ("sub/*.txt", "sub/b/a.txt", false),
            ("**/a.txt", "a.txt", true), ("**/a.txt", "x/y/a.txt", true), ("x/**", "x/y/a", true),
            ("x/**", "y/x", false),
            ("x/**/z", "x/z", true), ("x/**/z", "x/y/y/z", true), ("**", "any/thing", true), ("**", "name", true),
            ("./a.txt", "a.txt", true), ("./a.txt", "sub/a.txt", false),
            ("[a-c]1", "b1", true), ("[a-c]1", "d1", false), ("[!a-c]1", "d1", true), ("[^a-c]1", "a1", false),
            ("[]]", "]", true), ("[a-]", "-", true), ("[{]a}", "{a}", true), ("*a*b", "xaxxb", true),
            ("*a*b", "xaxxbc", false),
        ] as [(String, String, Bool)])
    func matching(pattern: String, path: String, isMatch: Bool) throws {
        let names = FilePath(path).parts.map { Array($0) }
        #expect(try Glob(pattern).matches(names) == isMatch)
    }

    @Test("a pattern made to be slow is not", .timeLimit(.minutes(5)))
    func hostile() throws {
        let name = Array(String(repeating: "a", count: 250))
        #expect(try !Glob(String(repeating: "*a", count: 100) + "b").matches([name]))
        let deep = Array(repeating: Array("a"), count: 1000)
        #expect(try !Glob(String(repeating: "**/a/", count: 100) + "b").matches(deep))
    }

    @Test(
        "what is wrong with a pattern is said, with what to write instead",
        arguments: [
            ("", "the pattern is empty"),
            ("/a", "the pattern \"/a\" begins with a slash; write it relative to the folder: \"a\""),
            ("*.{a,b}", "the pattern \"*.{a,b}\" holds a brace; list the alternatives: [\"*.txt\", \"*.md\"]"),
            ("../a", "the pattern \"../a\" leads out of its folder"),
            ("a[b", "the pattern \"a[b\" has a \"[\" without \"]\"; write [[] for a literal \"[\""),
            ("./", "the pattern \"./\" matches nothing"),
        ])
    func wrong(pattern: String, message: String) throws {
        let error = try #require(throws: FieldError.self) { try Glob(pattern) }
        #expect([error.message, error.hint].compactMap(\.self).joined(separator: "; ") == message)
    }

    private func filter(
        root: String = "inbox", include: [String] = [], exclude: [String] = [], hidden: Bool = false,
        own: [String] = []
    ) throws -> FileFilter {
        FileFilter(
            root: FilePath(root), include: try include.map { try Glob($0) }, exclude: try exclude.map { try Glob($0) },
            temporary: [try Glob("*.part")], takesHidden: hidden, ownFolders: own.map { FilePath($0) })
    }

    @Test("excluded comes before included, and folders can be excluded")
    func precedence() throws {
        let filter = try filter(include: ["*.txt"], exclude: ["drafts", "x/*.txt"])
        #expect(filter.takes(file: FilePath("inbox/a.txt")))
        #expect(!filter.takes(file: FilePath("inbox/a.md")))
        #expect(!filter.takes(file: FilePath("inbox/x/a.txt")))
        #expect(!filter.enters(folder: FilePath("inbox/drafts")))
        #expect(!filter.enters(folder: FilePath("inbox/y/drafts")))
        #expect(filter.enters(folder: FilePath("inbox/x")))
        #expect(filter.enters(folder: FilePath("inbox")))
    }

    @Test("hidden names count only when asked for, what Runnel makes itself never")
    func hidden() throws {
        for hidden in [false, true] {
            let filter = try filter(hidden: hidden)
            #expect(filter.takes(file: FilePath("inbox/.a")) == hidden)
            #expect(filter.enters(folder: FilePath("inbox/.cache")) == hidden)
            #expect(!filter.takes(file: FilePath("inbox/.runnel-1.deleting")))
            #expect(!filter.takes(file: FilePath("inbox/a.part")))
        }
    }

    @Test("the project's own folder can be watched, without the folders files are moved into")
    func project() throws {
        let filter = try filter(root: "", own: ["done"])
        #expect(filter.takes(file: FilePath("a")))
        #expect(filter.takes(file: FilePath("done.txt")))
        #expect(!filter.enters(folder: FilePath("done")))
        #expect(!filter.takes(file: FilePath("done/a")))
    }
}
