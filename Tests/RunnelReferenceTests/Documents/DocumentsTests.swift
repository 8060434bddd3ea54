import ArgumentParser
import JSONSchema
import RunnelEngine
import RunnelKit
import RunnelReference
import Testing
import YAML

@testable import RunnelCLI

@Suite struct DocumentsTests {
    @Test("fences and indented blocks are read, also in lists")
    func examples() {
        let document = """
            - item

              ```yaml
              a:
                b: 1
              ```

            Text.

                # c
                c: 2

                d: 3
            1. item

                    runnel run "a b" | runnel ask 'c' >d   # runnel e
                continued
            """
        let examples = MarkdownExamples.read(document, file: "a.md")
        #expect(examples.map(\.line) == [4, 10, 16])
        #expect(examples.map(\.language) == ["yaml", nil, nil])
        #expect(examples.map(\.isYAML) == [true, true, false])
        #expect(examples[0].text == "a:\n  b: 1\n")
        #expect(examples[1].text == "# c\nc: 2\n\nd: 3\n")
        #expect(examples[2].calls == [["run", "a b"], ["ask", "c"]])
    }

    @Test("every fence in the documents is in a language that these tests check")
    func languages() throws {
        // In indented blocks YAML, JSON and calls of `runnel` are recognised; other programs, their output, Swift, nginx and
        // templates are not checked.
        #expect(try Set(MarkdownExamples.all().compactMap(\.language)) == ["json", "yaml"])
    }

    @Test("every pipeline in the documents is one that Runnel accepts")
    func pipelines() throws {
        let registry = try MarkdownExamples.registry()
        let examples = try MarkdownExamples.all().filter(\.isPipeline)
        #expect(examples.count >= 8)
        for example in examples {
            let (_, diagnostics) = try Project.load(example.text, registry: registry)
            let found = diagnostics.map { diagnostic in
                let line = (diagnostic.range?.start.line).map { "\(example.line + $0 - 1)" } ?? "\(example.line)"
                return "\(example.file):\(line): \(diagnostic.message)"
            }
            #expect(found == [])
        }
    }

    @Test("every example of YAML in the documents is valid by a schema for editors, but for missing keys")
    func schemas() throws {
        let registry = try MarkdownExamples.registry()
        let schemas = try EditorSchema.allCases.map { kind -> JSONSchema in
            var schema = try #require(kind.value(registry).asObject)
            schema["required"] = nil
            return try JSONSchema(.object(schema))
        }
        // The configuration of Prometheus is checked where a real one reads it.
        let examples = try MarkdownExamples.all().filter { $0.isYAML && !$0.text.hasPrefix("scrape_configs:") }
        #expect(examples.count > 90)
        for example in examples {
            let value = try #require(try? Project.data(example.text), "\(example) is not YAML")
            let whole: Value = value.asList == nil ? value : ["steps": value]
            let issues = schemas.map { $0.validate(whole).map(\.description) }.min { $0.count < $1.count }
            #expect(issues == [], "\(example)")
        }
    }

    @Test("every example of JSON in the documents can be read, as a whole or line by line")
    func json() throws {
        for example in try MarkdownExamples.all() where example.isJSON {
            let lines = example.text.split(separator: "\n").map(String.init)
            let isRead = [[example.text], lines].contains { texts in texts.allSatisfy { (try? Value.json($0)) != nil } }
            #expect(isRead, "\(example)")
        }
    }

    @Test("every command of runnel in the documents is there, with its options and arguments")
    func commands() throws {
        let calls = try MarkdownExamples.all().flatMap { example in example.calls.map { (example, $0) } }
        #expect(calls.count > 60)
        for (example, arguments) in calls {
            do {
                _ = try RunnelCommand.parseAsRoot(arguments)
            } catch {
                // A completion script is an error that means success.
                let message = RunnelCommand.message(for: error)
                #expect(RunnelCommand.exitCode(for: error).isSuccess, "\(example): \(message)")
            }
        }
    }

    @Test("every standard filter has an example in the reference, with its result")
    func filters() throws {
        let page = try #require(try ReferencePages.all(Project.registry())["filters.md"])
        let rows = page.split(separator: "\n").filter { $0.hasPrefix("| `") }
        #expect(rows.count > 40)
        #expect(rows.filter { !$0.contains("` is `") } == [])
    }

    @Test("the names that the reference shows are those that templates know")
    func names() throws {
        let page = try #require(try ReferencePages.all(Project.registry())["pipeline.md"])
        for root in ["run", "error"] {
            let keys = page.split(separator: "\n").compactMap { row -> String? in
                guard row.hasPrefix("| `\(root).") else { return nil }
                return String(row.dropFirst("| `\(root).".count).prefix { $0 != "`" })
            }
            let (_, diagnostics) = try Project.load(
                """
                steps: [ { uses: chat } ]
                on_failure: [ { uses: log, with: { message: "{{ \(root).zzzzzzzzzzz }}" } } ]
                """)
            #expect(diagnostics.map(\.hint) == ["known: " + keys.joined(separator: ", ")])
        }
    }
}
