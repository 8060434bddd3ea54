import Foundation
import RunnelKit
import Testing

@Suite("Steps in files of their own, typed") struct IncludeTests {
    private static let files = [
        "runnel.yaml": "",
        "steps/notify.yaml": """
        inputs:
          text: { type: string }
          times: { type: integer, default: 1 }
        steps:
          - { id: line, uses: template, with: { text: "{{ inputs.text }} x{{ inputs.times }}" } }
          - { uses: ./steps/loud.yaml, with: { text: "{{ steps.line }}!" } }
        """,
        "steps/loud.yaml": """
        inputs: { text: {} }
        steps:
          - { id: line, uses: template, with: { text: "{{ inputs.text | upper }}" } }
        output: "<{{ steps.line }}>"
        """,
    ]

    private func project(_ steps: String, _ body: (RunnelProcess) async throws -> Void) async throws {
        var files = Self.files
        files["p.yaml"] = "name: p\nsteps:\n\(steps)\n"
        try await withProject(files) { runnel in try await body(runnel) }
    }

    @Test("despite an error in runnel.yaml, included files are read, and a missing plugin is explained")
    func brokenConfiguration() async throws {
        var files = Self.files
        files["runnel.yaml"] = "bogus: 1\n"
        files["plugins/greet/plugin.yaml"] = "name: greet\n"
        files["p.yaml"] = """
            name: p
            steps:
              - { uses: ./steps/notify.yaml, with: { text: x } }
              - { uses: greet.hello }

            """
        try await withProject(files) { runnel in
            let ended = try await runnel.run(["validate", "p.yaml"])
            let text = ended.output + ended.error
            #expect(ended.status == 2)
            #expect(!text.contains("notify.yaml\" cannot be read"), "\(text)")
            #expect(
                text.contains("the step \"greet.hello\" is not available: the plugin \"greet\" was not loaded")
                    && text.contains("= correct runnel.yaml first"), "\(text)")
        }
    }

    @Test("the inputs are rendered where the file is included, and its output is that of the step")
    func run() async throws {
        let steps = """
              - { id: who, uses: template, with: { text: Ada } }
              - { id: a, uses: ./steps/notify.yaml, with: { text: "Hello {{ steps.who }} {{ input }}" } }
              - { id: b, uses: ./steps/notify.yaml, for_each: [x, y], with: { text: "{{ item }}", times: 2 } }
              - { uses: template, with: { text: "{{ steps.a }} {{ steps.b | join(' ') }}" } }
            """
        try await project(steps) { runnel in
            let ended = try await runnel.run(["run", "p"])
            #expect(ended.output == "<HELLO ADA ADA X1!> <X X2!> <Y X2!>\n", "\(ended.error)")
            let again = try await runnel.run(["run", "p", "--dry-run"])
            #expect(again.status == 0, "\(again.error)")
        }
    }

    @Test("without inputs, `input` passes into the file, and what is skipped inside is passed by")
    func piped() async throws {
        var files = Self.files
        files["steps/pipe.yaml"] = "steps:\n  - { uses: template, if: 'false', with: { text: b } }\n"
        files["p.yaml"] = """
            steps:
              - { uses: template, with: { text: a } }
              - { uses: ./steps/pipe.yaml }
              - { uses: template, with: { text: "{{ input }}" } }
            """
        try await withProject(files) { runnel in
            let result = try await runnel.run(["run", "p"])
            #expect(result.output == "a\n")
        }
    }

    @Test(
        "an error of a run is shown at its line in the file that is included, and one of an input where it stands"
    )
    func errors() async throws {
        var files = Self.files
        files["steps/bad.yaml"] =
            "inputs:\n  n: { type: integer }\nsteps:\n  - uses: template\n    with: { text: \"{{ 1 / (inputs.n - 1) }}\" }\n"
        files["p.yaml"] = "steps:\n  - { uses: ./steps/bad.yaml, with: { n: 1 } }\n"
        files["q.yaml"] =
            "steps:\n  - { id: s, uses: template, with: { text: a } }\n  - { uses: ./steps/bad.yaml, with: { n: \"{{ steps.s }}\" } }\n"
        try await withProject(files) { runnel in
            let inside = try await runnel.run(["run", "p"])
            #expect(inside.status == 1)
            #expect(inside.error.contains("steps/bad.yaml:5:"), "\(inside.error)")
            #expect(
                inside.error.contains("    with: { text: \"{{ 1 / (inputs.n - 1) }}\" }"), "\(inside.error)")
            let input = try await runnel.run(["run", "q"])
            #expect(input.status == 1)
            #expect(
                input.error.contains("the input \"n\": expected a whole number, found \"a\""),
                "\(input.error)")
            #expect(input.error.contains("q.yaml:3:"), "\(input.error)")
        }
    }

    @Test("a step that includes a file is drawn as one, and what it executes is listed with the file")
    func drawn() async throws {
        var files = Self.files
        files["steps/disk.yaml"] = "steps:\n  - uses: shell\n    with: { run: df -h }\n"
        files["p.yaml"] = "steps:\n  - { id: room, uses: ./steps/disk.yaml }\n"
        try await withProject(files) { runnel in
            let drawn = try await runnel.run(["explain", "p"]).output
            #expect(drawn.contains("./steps/disk.yaml"), "\(drawn)")
            #expect(drawn.hasSuffix("line 3 of steps/disk.yaml executes shell: df -h\n"), "\(drawn)")
        }
    }
}
