import Foundation
import Testing

@Suite("The tutorial", .timeLimit(.minutes(5))) struct TutorialTests {
    private static func text(of page: String) throws -> String {
        let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../docs/\(page)")
        return try String(contentsOf: file, encoding: .utf8)
    }

    /// What a reader types up to the explanation of a pipeline, as a script of the shell: indented lines are commands, or
    /// the content of the file that the sentence before names.
    private static func script(of page: String, until heading: String) throws -> String {
        let parts = try text(of: page).components(separatedBy: heading + "\n")
        #expect(parts.count == 2, "\(page) has no \"\(heading)\"")
        let part = try #require(parts.first)
        var script: [String] = []
        for block in part.components(separatedBy: "\n\n") {
            let lines = block.split(separator: "\n").map(String.init)
            if lines.allSatisfy({ $0.hasPrefix("    ") }) {
                let inner = lines.map { String($0.dropFirst(4)) }
                guard let last = script.last, last.hasPrefix("# into ") else {
                    script += inner
                    continue
                }
                let words = script.removeLast().split(separator: "\t").map(String.init)
                script += ["cat > \(words[1]) <<'END'"] + inner + ["END", words[2]]
            } else if let match = block.firstMatch(of: #/(?:Write this into|次の内容を) `([^`]+)`[^`]*`(runnel [^`]+)`/#) {
                script.append("# into \t\(match.1)\t\(match.2)")
            }
        }
        return script.joined(separator: "\n")
    }

    @Test(
        "what it says about failures finds the run that failed, also where others ended after it",
        arguments: [("tutorial.md", "## When something fails"), ("tutorial.ja.md", "## 失敗したとき")])
    func failures(page: String, heading: String) async throws {
        let part = try #require(try Self.text(of: page).components(separatedBy: heading + "\n").last)
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
        let lines = try ["tutorial.md", "tutorial.ja.md"].map { try Self.text(of: $0) }.map { text in
            text.split(separator: "\n").filter { $0.hasPrefix("    ") }
        }
        #expect(lines[0].count > 20)
        #expect(lines[0] == lines[1])
    }

    @Test(
        "typed as it stands, it works",
        arguments: [
            ("tutorial.md", "## A pipeline, line by line"), ("tutorial.ja.md", "## パイプラインを 1 行ずつ"),
        ])
    func typed(page: String, heading: String) async throws {
        try await withProject([:]) { runnel in
            var shell = runnel
            shell.program = "/bin/sh"
            let folder = (RunnelProcess.path as NSString).deletingLastPathComponent
            shell.environment["PATH"] = "\(folder):\(ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin")"
            let script = try Self.script(of: page, until: heading)
            #expect(script.split(separator: "\n").count > 12)
            let ended = try await shell.run(["-ec", script])
            #expect(ended.status == 0, "\(script)\n\(ended.output)\n\(ended.error)")
            #expect(ended.output.contains("{\n  \"greeting\": \"Hello, Ada!\"\n}\n"))
            #expect(ended.output.contains("✓ it greets"))
            #expect(FileManager.default.fileExists(atPath: runnel.directory + "/notes/out/notes.md"))
        }
    }
}
