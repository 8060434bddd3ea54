import RunnelKit
import RunnelTesting
import Testing

@Suite("Texts of the project for other steps") struct ProjectTextTests {
    @Test("a text is read without its byte order mark")
    func reading() async throws {
        try await withFiles { files in
            try files.write([0xEF, 0xBB, 0xBF] + Array("ä".utf8), "project/prompts/a.md")
            let text = try ProjectDirectory(path: files.project).text(of: "prompts/a.md")
            #expect(Array(text.utf8) == Array("ä".utf8))
        }
    }

    @Test(
        "a file that is missing, outside, linked, too large or not UTF-8 is an error",
        arguments: [
            ("b.md", "file-not-found", "cannot read \"b.md\": there is no such file"),
            ("link.md", "path-is-link", "\"link.md\" leads through a symbolic link"),
            ("latin.md", "not-utf8", "\"latin.md\" is not UTF-8 text: byte 0 is invalid"),
            ("large.md", "file-too-large", "\"large.md\" is larger than 16MiB"),
        ])
    func errors(path: String, code: String, message: String) async throws {
        try await withFiles { files in
            try files.write("x", "project/a.md")
            try files.link("project/link.md", to: "a.md")
            try files.write([0xE4], "project/latin.md")
            try files.write(Array(repeating: 0x61, count: (16 << 20) + 1), "project/large.md")
            let error = try #require(throws: StepError.self) {
                try ProjectDirectory(path: files.project).text(of: path)
            }
            #expect(error.code == code)
            #expect(error.message == message)
            #expect((error.hint == "save the file as UTF-8") == (code == "not-utf8"))
        }
    }
}
