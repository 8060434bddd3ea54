import Foundation
import RunnelKit
import Testing

@Suite("The workshop for authors") struct WorkshopTests {
    @Test("the alert of a new project is the one that ships")
    func alert() async throws {
        let shipped = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../pipelines")
        try await withProject([:]) { runnel in
            #expect(try await runnel.run(["init", "alert"]).status == 0)
            for name in ["alert.yaml", "alert.test.yaml"] {
                let made = try String(contentsOfFile: "\(runnel.directory)/pipelines/\(name)", encoding: .utf8)
                let own = try String(contentsOf: shipped.appending(path: name), encoding: .utf8)
                // The line for editors comes first.
                #expect(made.hasSuffix(own), "\(name)")
            }
            #expect(try await runnel.run(["test"]).status == 0)
        }
    }

    @Test(
        "what init makes is valid, passes its own test, and runs or says when it will",
        arguments: ["hello", "hook", "folder", "schedule"])
    func templates(name: String) async throws {
        try await withProject([:]) { runnel in
            #expect(try await runnel.run(["init", name]).status == 0)
            let checked = try await runnel.run(["validate", "pipelines", "--simulate"])
            #expect(checked.error == "1 pipeline checked, all valid\n")
            let tested = try await runnel.run(["test"])
            #expect(tested.status == 0, "\(tested.output)\(tested.error)")
            #expect(tested.output.contains("1 passed in "))
        }
    }

    @Test("the alert is added to an existing project, with what it needs in runnel.yaml where that is missing")
    func addedAlert() async throws {
        try await withProject(["runnel.yaml": "env: [HOME]\n"]) { runnel in
            let added = try await runnel.run(["new", "pipeline", "alert", "--template", "alert"])
            #expect(added.status == 0, "\(added.error)")
            #expect(added.output.contains("It needs this in runnel.yaml:\n"), "\(added.output)")
            #expect(added.output.hasSuffix("secrets:\n  alerts: { env: ALERT_WEBHOOK }\n"), "\(added.output)")
            try "secrets: { alerts: { env: ALERT_WEBHOOK } }\n".write(
                toFile: runnel.directory + "/runnel.yaml", atomically: true, encoding: .utf8)
            let second = try await runnel.run(["new", "pipeline", "other", "--template", "alert"])
            #expect(!second.output.contains("It needs"), "\(second.output)")
            let tested = try await runnel.run(["test"])
            #expect(tested.status == 0, "\(tested.output)\(tested.error)")
        }
    }

    @Test("init touches nothing that is there")
    func careful() async throws {
        try await withProject(["runnel.yaml": "env: [HOME]\n"]) { runnel in
            let ended = try await runnel.run(["init"])
            #expect(ended.status == 2)
            #expect(
                ended.error == """
                    error: "runnel.yaml" is there already; nothing was written
                      = `runnel new pipeline NAME` adds to an existing project

                    """)
            #expect(try FileManager.default.contentsOfDirectory(atPath: runnel.directory) == ["runnel.yaml"])
            let alert = try await runnel.run(["init", "alert"])
            #expect(alert.error.contains("= `runnel new pipeline NAME --template alert` adds to an existing project"))
            let unknown = try await runnel.run(["init", "hok"])
            #expect(unknown.error == "error: unknown template \"hok\"\n  = did you mean \"hook\"?\n")
        }
    }

    @Test("a plugin with a trigger works as it is made, passes its own test and keeps its promises")
    func trigger() async throws {
        try await withProject(["runnel.yaml": "", "inbox/old.txt": ""]) { runnel in
            #expect(try await runnel.run(["new", "plugin", "mine", "--trigger"]).status == 0)
            var python = runnel
            python.program = "/usr/bin/python3"
            let tested = try await python.run(["plugins/mine/test_main.py"])
            #expect(tested.status == 0, "\(tested.error)")
            var made = 0
            let checked = try await runnel.interrupt(
                ["plugins", "check", "mine", "-e", "folder=inbox", "-e", "every=0.05"],
                when: { error in
                    // A file for each event that is asked for.
                    while made < error.split(separator: "happen now").count - 1 {
                        made += 1
                        try? Data().write(to: URL(fileURLWithPath: "\(runnel.directory)/inbox/\(made).txt"))
                    }
                    return false
                })
            #expect(checked.error.hasSuffix("mine keeps its promises\n"), "\(checked.error)")
            #expect(checked.status == 0)
            #expect(
                checked.output.split(separator: "\n").map { $0.split(separator: "  ").last }
                    == (1...4).map {
                        "{\"name\":\"\($0).txt\",\"size\":0}"
                    })
            #expect(
                try await runnel.run(["triggers"]).output.contains(
                    "mine      Starts a run for each new file of a folder.\n"))
            let reference = try await runnel.run(["triggers", "mine"]).output
            #expect(reference.contains("on: mine:\n  folder  (string, required)\n"))
            #expect(reference.contains("  trigger.size: Its size in bytes.\n"))
            #expect(reference.contains("  mine: { folder: inbox }\n"))
        }
    }

    @Test("an entry of a plugin's trigger is checked where the pipeline is, and drawn")
    func entry() async throws {
        try await withProject(["runnel.yaml": ""]) { runnel in
            #expect(try await runnel.run(["new", "plugin", "mine", "--trigger"]).status == 0)
            func pipeline(_ entry: String) throws {
                let text = "name: p\non:\n  mine: { \(entry) }\nsteps:\n  - { uses: template, with: { text: a } }\n"
                try Data(text.utf8).write(to: URL(fileURLWithPath: runnel.directory + "/p.yaml"))
            }
            try pipeline("foldr: inbox")
            let wrong = try await runnel.run(["validate", "p.yaml"])
            #expect(
                wrong.error.contains("p.yaml:3:11: error: mine has no key \"foldr\" [unknown-key]"), "\(wrong.error)")
            #expect(wrong.error.contains("= did you mean \"folder\"?"))
            try pipeline("folder: inbox, if: trigger.nmae == 1")
            #expect(try await runnel.run(["validate", "p.yaml"]).error.contains("did you mean \"name\"?"))
            try pipeline("folder: inbox")
            #expect(try await runnel.run(["validate", "p.yaml"]).status == 0)
            #expect(try await runnel.run(["explain", "p"]).output.contains("mine"))
        }
    }

    @Test("plugins of each language work as they are made", arguments: ["python", "shell"])
    func plugins(language: String) async throws {
        try await withProject(["runnel.yaml": ""]) { runnel in
            #expect(try await runnel.run(["new", "plugin", "mine", "--language", language]).status == 0)
            let pipeline = "name: p\nsteps:\n  - { uses: mine.hello, with: { name: Bob } }\n"
            try Data(pipeline.utf8).write(to: URL(fileURLWithPath: runnel.directory + "/p.yaml"))
            #expect(try await runnel.run(["run", "p"]).output == "{\n  \"greeting\": \"Hello, Bob!\"\n}\n")
        }
    }

    @Test("a new plugin in Python accepts names with quotes and backslashes")
    func namesOfPython() async throws {
        try await withProject(["runnel.yaml": ""]) { runnel in
            #expect(try await runnel.run(["new", "plugin", "mine", "--language", "python"]).status == 0)
            let pipeline = #"steps: [ { uses: mine.hello, with: { name: 'Bob "B\ob" Ito' } } ]"#
            try Data(pipeline.utf8).write(to: URL(fileURLWithPath: runnel.directory + "/p.yaml"))
            let ended = try await runnel.run(["run", "p"])
            #expect(ended.output.contains(#""greeting": "Hello, Bob \"B\\ob\" Ito!""#), "\(ended.error)")
        }
    }

    @Test("a test that fails shows the difference, is the exit status, and stands in the JUnit file")
    func failing() async throws {
        let files = [
            "p.yaml": "name: p\nsteps:\n  - { uses: template, with: { text: \"one\\ntwo\\n\" } }\n",
            "p.test.yaml": """
            pipeline: p.yaml
            tests:
              - { name: right, expect: { output: { contains: one } } }
              - { name: wrong, expect: { output: "one\\nthree\\n" } }
            """,
        ]
        try await withProject(files) { runnel in
            let ended = try await runnel.run(["test", "--junit", "out.xml"])
            #expect(ended.status == 1)
            #expect(ended.output.contains("✓ right"))
            #expect(ended.output.contains("✗ wrong"))
            #expect(ended.output.contains("-three") && ended.output.contains("+two"))
            #expect(ended.output.contains("1 passed, 1 failed"))
            #expect(try await runnel.run(["test", "p"]).output.contains("1 passed, 1 failed"))
            let xml = try String(contentsOfFile: runnel.directory + "/out.xml", encoding: .utf8)
            #expect(xml.contains("<testsuites") && xml.contains("failures=\"1\""))
            let broken = "pipeline: p.yaml\ntests:\n  - { nmae: x }\n"
            try Data(broken.utf8).write(to: URL(fileURLWithPath: runnel.directory + "/b.test.yaml"))
            let second = try await runnel.run(["test", "b.test.yaml"])
            #expect(second.status == 2)
            #expect(second.output.contains("did you mean \"name\"?") || second.error.contains("did you mean \"name\"?"))
        }
    }

    @Test("a test sees no real secret, and a plugin's program works in the test's copy of the project")
    func worlds() async throws {
        let files = [
            "runnel.yaml": "secrets: { key: { env: THE_KEY } }\n",
            "plugins/where/plugin.yaml": """
            name: where
            protocol: exec
            command: [sh, where.sh]
            env: [ { KEY: { secret: key } } ]
            steps: { am-i: { summary: Tells. } }
            """,
            "plugins/where/where.sh": #"""
            cat >/dev/null
            printf '{"type":"result","output":{"project":"%s","key":"%s"}}\n' "$RUNNEL_PROJECT" "$KEY"
            """#,
            "p.yaml": "name: p\nsteps:\n  - { id: w, uses: where.am-i }\n",
            "p.test.yaml": """
            pipeline: p.yaml
            tests:
              - name: t
                secrets: { key: stand-in-key }
                expect: { output: { json: { key: stand-in-key } }, outputs: { w.project: nowhere } }
            """,
        ]
        try await withProject(files, environment: ["THE_KEY": "s3cr3t-real"]) { runnel in
            let ended = try await runnel.run(["test"])
            #expect(ended.status == 1)
            #expect(!ended.output.contains("s3cr3t-real"))
            #expect(!ended.output.contains("\(runnel.directory)\""), "\(ended.output)")
        }
    }

    @Test("explain draws the pipeline, as text and for Mermaid")
    func explain() async throws {
        let pipeline = """
            name: p
            inputs: { city: {} }
            steps:
              - { id: ask, uses: template, with: { text: "{{ inputs.city }}" } }
              - { id: keep, uses: file.write, if: "steps.ask", with: { path: a, content: "{{ steps.ask }}" } }
            """
        try await withProject(["p.yaml": pipeline]) { runnel in
            let text = try await runnel.run(["explain", "p"]).output
            for part in ["inputs   city", "├─ ask: template", "reads inputs.city", "file.write", "reads steps.ask"] {
                #expect(text.contains(part), "\(part)\n\(text)")
            }
            #expect(try await runnel.run(["explain", "p", "--format", "mermaid"]).output.hasPrefix("flowchart TD\n"))
        }
    }

    @Test("the manual page names every command, and shells complete pipelines and runs")
    func manual() async throws {
        try await withProject(["good.yaml": "name: good\nsteps:\n  - { uses: template, with: { text: a } }\n"]) {
            runnel in
            let page = try await runnel.run(["docs", "man"]).output
            #expect(page.hasPrefix(".TH RUNNEL 1 "))
            for command in ["init", "new pipeline", "run", "runs resume", "serve", "doctor", "test", "explain"] {
                #expect(page.contains("runnel \(command)"), "\(command)")
            }
            for shell in ["bash", "zsh", "fish"] {
                #expect(try await runnel.run(["--generate-completion-script", shell]).output.contains("runnel"))
            }
            _ = try await runnel.run(["run", "good"])
            let runs = try await runnel.run(["---completion", "runs", "show", "--", "positional@0", "3", "0", ""])
                .output
            #expect(runs.hasPrefix("last\n0"))
            let files = try await runnel.run(["---completion", "run", "--", "positional@0", "2", "0", ""]).output
            #expect(files == "good.yaml\n")
        }
    }
}
