import RunnelEngine
import RunnelReference
import Testing

@Suite struct MermaidDiagramTests {
    private func mermaid(_ yaml: String) throws -> String {
        let (pipeline, diagnostics) = try Project.load(yaml)
        #expect(diagnostics.map(\.message) == [])
        return PipelineDiagram(try #require(pipeline), try Project.registry()).mermaid
    }

    @Test("a flowchart has a node for each step and value, and a line for all data")
    func flowchart() throws {
        #expect(
            try mermaid(PipelineDiagramTests.yaml) == """
                flowchart TD
                    t0(["by hand"])
                    t1(["on schedule<br/>cron 0 7 * * MON-FRI<br/>timezone Europe/Berlin"])
                    t2(["on webhook<br/>path pages"])
                    subgraph main["steps"]
                    subgraph s1["pages, one after another, for each item of inputs.urls, 4 at once"]
                    s2["page<br/>http.fetch, 3 attempts"]
                    s3["save<br/>file.write<br/>if steps.page.status == 200"]
                    end
                    subgraph s4["both, side by side, 2 at once"]
                    s5["a<br/>chat, timeout 5m, may fail"]
                    s6["b<br/>chat"]
                    end
                    s7["tell<br/>log<br/>if inputs.tone == #34;warm#34;"]
                    end
                    subgraph failure["on failure"]
                    s8["log<br/>log"]
                    end
                    subgraph last["finally"]
                    s9["log-2<br/>log"]
                    end
                    d1[/"inputs.urls"/]
                    d2[/"secrets.token"/]
                    d3[/"env.LANG"/]
                    d4[/"inputs.tone"/]
                    result(["output"])
                    s2 -- "input" --> s3
                    s1 --> s4
                    s4 -- "input" --> s7
                    t0 --> s1
                    t1 --> s1
                    t2 --> s1
                    main -. "a step fails" .-> failure
                    main -. "at the end" .-> last
                    d1 -.-> s1
                    d2 -.-> s2
                    s2 -. "status" .-> s3
                    s1 -. "input" .-> s5
                    d3 -.-> s5
                    s1 -. "#91;0#93;.path" .-> s6
                    d4 -.-> s7
                    s5 -. "text" .-> s7
                    s7 -. "input" .-> result
                    s4 -. "input" .-> result
                    classDef conditional stroke-dasharray: 5 4
                    class s3,s7 conditional

                """)
    }

    @Test("every line is one of a few forms, whatever the names are")
    func forms() throws {
        let hostile = #"""
            on: { watch: { path: "a\"] --> b;`<i> %% c" } }
            inputs: { "a-->b <script>": { default: x } }
            steps:
              - id: end
                uses: log
                if: 'input == "x]) --> y #35; {|} \\ $ & @"'
                with: { message: '{{ inputs["a-->b <script>"] }}' }
              - { id: graph, steps: [ { id: subgraph, uses: log, with: { message: "{{ steps.end }}" } } ] }
            """#
        let pipelines = try [hostile, PipelineDiagramTests.yaml] + Project.pipelines().map { try Project.text($0) }
        for yaml in pipelines {
            for line in try mermaid(yaml).split(separator: "\n").dropFirst() {
                #expect(try isKnown(line), "\(line)")
            }
        }
    }

    /// Whether a line is a node, an edge, a beginning or end of a group, or a class; labels hold plain words only.
    private func isKnown(_ line: Substring) throws -> Bool {
        let label = /"(?:[^"#<>\[\]{}|;&`%\\@$]|<br\/>|#[0-9]+;)*"/
        let bare = String(line).replacing(label, with: "L").drop { $0 == " " }
        let forms: [Regex<Substring>] = [
            /[a-z]+[0-9]*\[L\]/, /[a-z]+[0-9]*\(\[L\]\)/, /d[0-9]+\[\/L\/\]/, /subgraph [a-z]+[0-9]*\[L\]/, /end/,
            /[a-z]+[0-9]* (?:-->|-- L -->|-\.->|-\. L \.->) [a-z]+[0-9]*/,
            /classDef conditional stroke-dasharray: 5 4/, /class s[0-9]+(?:,s[0-9]+)* conditional/,
        ]
        return try forms.contains { try $0.wholeMatch(in: bare) != nil }
    }
}
