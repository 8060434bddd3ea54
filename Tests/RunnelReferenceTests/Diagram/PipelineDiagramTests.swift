import RunnelEngine
import RunnelReference
import Testing

@Suite struct PipelineDiagramTests {
    static let yaml = """
        name: pages
        description: Fetch pages and tell about them.
        on:
          schedule: { cron: "0 7 * * MON-FRI", timezone: Europe/Berlin }
          webhook: { path: pages, verify: { scheme: github, secret: "{{ secrets.hook }}" } }
        inputs:
          urls: { type: list, default: [a, b] }
          tone: { enum: [warm, cold], default: warm }
        concurrency: { limit: 2, overlap: skip }
        timeout: 1h
        steps:
          - id: pages
            for_each: "{{ inputs.urls }}"
            max_parallel: 4
            steps:
              - id: page
                uses: http.fetch
                with: { url: "{{ item }}", auth: { bearer: "{{ secrets.token }}" } }
                retry: { attempts: 3 }
              - id: save
                uses: file.write
                if: steps.page.status == 200
                with: { path: "out/{{ index }}.html", content: "{{ input.body }}" }
          - id: both
            parallel: true
            max_parallel: 2
            steps:
              - { id: a, uses: chat, with: { prompt: "{{ input }} {{ env.LANG }}" }, on_error: continue, timeout: 5m }
              - { id: b, uses: chat, with: { prompt: "{{ steps.pages[0].path }}" } }
          - id: tell
            uses: log
            if: inputs.tone == "warm"
            with: { message: "{{ steps.a.text }} {{ input }}" }
        on_failure:
          - { uses: log, with: { message: "{{ error.message }}" } }
        finally:
          - { uses: log, with: { message: "{{ run.id }}" } }
        output: "{{ input }}"
        """

    private func diagram(_ yaml: String = Self.yaml) throws -> PipelineDiagram {
        let (pipeline, diagnostics) = try Project.load(yaml)
        #expect(!diagnostics.hasErrors)
        return PipelineDiagram(try #require(pipeline), try Project.registry())
    }

    @Test("a loop is drawn with its condition, its pause and its limit")
    func loops() throws {
        let diagram = try diagram(
            """
            name: p
            steps:
              - { id: one, uses: template, with: { text: x }, until: "{{ steps.one == 'x' }}", every: 30s, max_rounds: 5 }
              - { id: two, uses: template, with: { text: x }, while: steps.two == 'y', max_rounds: 1 }
            """)
        #expect(
            diagram.text().hasSuffix(
                """
                ├─ one: template
                │     until steps.one == 'x', every 30s, 5 rounds at most
                └─ two: template
                      while steps.two == 'y', every 10s, 1 round at most

                """), "\(diagram.text())")
        #expect(
            diagram.mermaid.contains("<br/>until steps.one == 'x', every 30s, 5 rounds at most\"]"),
            "\(diagram.mermaid)")
    }

    @Test("a step that works on its input because nothing else is given to it is said to read it")
    func worksOnInput() throws {
        let text = try diagram(
            """
            name: p
            steps:
              - { id: one, uses: transform, with: { jq: .a } }
              - { id: two, uses: transform, with: { jq: ., from: "{{ inputs.x | default(1) }}" } }
              - { id: three, uses: log }
              - { id: four, uses: log, with: { message: done } }
            inputs: { x: { type: string, default: "" } }
            """
        ).text()
        #expect(
            text.hasSuffix(
                """
                ├─ one: transform
                │     reads input (from the start)
                ├─ two: transform
                │     reads inputs.x
                ├─ three: log
                │     reads input (from two)
                └─ four: log

                """), "\(text)")
    }

    @Test("a drawing shows what starts a pipeline, its steps, and what each reads")
    func text() throws {
        #expect(
            try diagram().text() == """
                pages: Fetch pages and tell about them.

                started  by hand
                         on schedule: cron 0 7 * * MON-FRI, timezone Europe/Berlin
                         on webhook: path pages
                inputs   urls (list, default ["a","b"])
                         tone (string, default "warm", one of "warm", "cold")
                secrets  hook, token
                env      LANG
                at once  2, then skip
                timeout  1h

                steps
                ├─ pages: one after another
                │  │  for each item of inputs.urls, 4 at once
                │  ├─ page: http.fetch, 3 attempts
                │  │     reads item, secrets.token
                │  └─ save: file.write
                │        if steps.page.status == 200
                │        reads index, input.body (from page)
                ├─ both: side by side, 2 at once
                │  ╞═ a: chat, timeout 5m, may fail
                │  │     reads input (from pages), env.LANG
                │  ╘═ b: chat
                │        reads steps.pages[0].path
                ├─ tell: log
                │     if inputs.tone == "warm"
                │     reads steps.a.text, input (from both)
                └─ output: input (from tell or both)

                on failure
                └─ log: log
                      reads error.message

                finally
                └─ log-2: log
                      reads run.id

                """)
    }

    @Test("a narrow drawing breaks its lines between words")
    func narrow() throws {
        let lines = try diagram().text(width: 46).split(separator: "\n")
        #expect(lines.allSatisfy { $0.count <= 46 })
        #expect(
            lines.contains("         timezone Europe/Berlin") || lines.contains("           timezone Europe/Berlin"))
    }

    @Test("the drawing for a terminal without Unicode is ASCII")
    func ascii() throws {
        let text = try diagram().text(glyphs: .ascii)
        #expect(text.utf8.allSatisfy { $0 < 0x80 })
        #expect(text.contains("`= b: chat\n"))
    }

    @Test("what an author wrote cannot move the cursor, and a secret that is written out is not shown")
    func hostile() throws {
        let text = try diagram(
            """
            name: "a\\e[31m\\nb\\u202Ec"
            on: { webhook: { path: x, verify: { scheme: bearer, secret: very-secret-value } } }
            steps: [ { uses: log, if: '"\\n" == input', with: { message: "{{ input }}" } } ]
            """
        ).text()
        #expect(text.hasPrefix("a[31m bc\n"))
        #expect(!text.contains("very-secret"))
        #expect(!text.unicodeScalars.contains { $0.value < 0x20 && $0 != "\n" })
    }

    @Test("the first step's input is what the run was started with, and a skipped step's input goes on")
    func inputs() throws {
        let text = try diagram(
            """
            steps:
              - { id: a, uses: log, if: "false", with: { message: "{{ input }}" } }
              - { id: b, uses: log, on_error: continue, with: { message: "{{ input }}" } }
              - { id: c, uses: log, with: { message: "{{ input }}" } }
            """
        ).text()
        #expect(text.contains("reads input (from the start)\n"))
        #expect(text.contains("reads input (from a or the start)\n"))
        #expect(text.contains("reads input (from b or a or the start)\n"))
    }
}
