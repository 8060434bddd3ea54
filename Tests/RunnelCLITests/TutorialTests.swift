import Foundation
import Testing

@Suite("The tutorial", .timeLimit(.minutes(5))) struct TutorialTests {
    @Test(
        "what it says about failures finds the run that failed, also where others ended after it",
        arguments: [("tutorial.md", "## When something fails"), ("tutorial.ja.md", "## 失敗したとき")])
    func failures(page: String, heading: String) async throws {
        let text = try Self.text(of: page)
        let part = try #require(text.components(separatedBy: heading + "\n").last)
        let commands = part.split(separator: "\n").filter { $0.hasPrefix("    runnel ") }.map { line in
            line.prefix { $0 != "#" }.split(separator: " ").dropFirst().map(String.init)
        }
        #expect(commands.map { $0[1] } == ["list", "show", "retry"])
        let files = [
            "runnel.yaml": "",
            "broken.yaml": "steps: [ { uses: file.read, with: { path: nothing.txt } } ]",
            "alert.yaml": "steps: [ { uses: log } ]",
        ]
        try await withProject(files) { runnel in
            #expect(try await runnel.run(["run", "broken"]).status == 1)
            #expect(try await runnel.run(["run", "alert"]).status == 0)
            for command in commands {
                let ended = try await runnel.run(command)
                #expect(ended.status == (command[1] == "retry" ? 1 : 0), "\(command): \(ended.error)")
                #expect((ended.output + ended.error).contains("broken"), "\(command): \(ended.output)\(ended.error)")
            }
            let runs = try await runnel.run(["runs", "list", "--state", "failed"]).output
            #expect(runs.components(separatedBy: "broken").count > 2, "\(runs)")
            let other = try await runnel.run(["runs", "show", "last", "--pipeline", "alert", "--state", "failed"])
            #expect(other.error == "error: there is no such run\n")
            let wrong = try await runnel.run(["runs", "show", "01a2188c", "--state", "failed"])
            #expect(wrong.status == 2)
            #expect(wrong.error.contains("--state and --pipeline go with `last`"), "\(wrong.error)")
        }
    }

    @Test("has the same commands and files in both languages")
    func languages() throws {
        // The comments are in the language of the page.
        let lines = try ["tutorial.md", "tutorial.ja.md"].map { try Self.text(of: $0) }.map { text in
            text.split(separator: "\n").filter { $0.hasPrefix("    ") }.map { $0.prefix { $0 != "#" } }
        }
        #expect(lines[0].count > 20)
        #expect(lines[0] == lines[1])
    }

    @Test("typed as it stands, it works", arguments: ["tutorial.md", "tutorial.ja.md"])
    func typed(page: String) async throws {
        let ended = try await Self.typing(Self.text(of: page))
        #expect(ended.status == 0, "\(ended.output)\n\(ended.error)")
        #expect(ended.output.contains("runnel run pipelines/hello --simulate --input-file notes.txt\n"))
        #expect(ended.output.contains("cat >pipelines/greeting.test.yaml <<'END OF FILE'\npipeline: greeting.yaml\n"))
        #expect(ended.output.hasSuffix("END OF FILE\nrunnel test\n"))
    }

    @Test(
        "a page that says something else than what comes is found",
        arguments: [
            ("Hello, Ada!", "Hello, Eve!", "typed as it stands, it fails"),
            ("runnel steps greet.hello ", "runnel steps greet.goodbye ", "typed as it stands, it fails"),
            ("`pipelines/greeting.test.yaml`", "the file", "expected at least 2 files to write in it"),
            ("`runnel logs last`", "`runnel logs`", "expected it to name `runnel logs last`"),
        ])
    func wrong(found: String, written: String, message: String) async throws {
        let ended = try await Self.typing(Self.text(of: "tutorial.md").replacingOccurrences(of: found, with: written))
        #expect(ended.status == 1)
        #expect(ended.error.contains(": \(message)\n"), "\(ended.error)")
    }

    private static let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..")

    private static func text(of page: String) throws -> String {
        try String(contentsOf: root.appending(path: "docs/\(page)"), encoding: .utf8)
    }

    /// Types what a page says by the script that also tries the packages.
    private static func typing(_ page: String) async throws -> RunnelProcess.Ended {
        try await withProject(["page.md": page]) { runnel in
            var shell = runnel
            shell.program = "/bin/sh"
            let script = root.appending(path: "scripts/tutorial.sh").path
            return try await shell.run([script, RunnelProcess.path, "page.md"])
        }
    }
}
