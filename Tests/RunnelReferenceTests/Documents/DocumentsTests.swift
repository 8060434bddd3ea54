import JSONSchema
import RunnelEngine
import RunnelReference
import Testing
import YAML

@Suite struct DocumentsTests {
    @Test("every pipeline in the documents is one that Runnel accepts")
    func pipelines() throws {
        let examples = try MarkdownExamples.pipelines()
        #expect(examples.count >= 2)
        for example in examples {
            let (_, diagnostics) = try Project.load(example.text)
            let found = diagnostics.map { diagnostic in
                let line = (diagnostic.range?.start.line).map { "\(example.line + $0 - 1)" } ?? "\(example.line)"
                return "\(example.file):\(line): \(diagnostic.message)"
            }
            #expect(found == [])
        }
    }

    @Test("every pipeline in the documents is valid by the schema")
    func schema() throws {
        let schema = try JSONSchema(PipelineSchema.pipeline(try Project.registry()))
        for example in try MarkdownExamples.pipelines() {
            #expect(schema.validate(try Project.data(example.text)).map(\.description) == [], "\(example)")
        }
    }

    @Test("every example of YAML in the documents can be read")
    func yaml() throws {
        for example in try MarkdownExamples.files().flatMap({ try MarkdownExamples.yaml(in: $0) }) {
            #expect(throws: Never.self, "\(example)") { try Project.data(example.text) }
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
