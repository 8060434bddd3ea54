import RunnelKit
import RunnelTesting
import Testing
import YAML

@testable import RunnelEngine

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

@Suite("Steps in files of their own") struct IncludeTests {
    private static let notify = """
        inputs:
          text: { type: string }
          channel: { type: string, enum: [ops, dev], default: ops }
        steps:
          - { id: line, uses: echo, with: { value: "{{ inputs.channel }}: {{ inputs.text }}" } }
          - { id: loud, uses: echo, with: { value: "{{ steps.line | upper }}" } }
        """

    /// Loads `p.yaml` in a folder with these files.
    private func load(
        _ pipeline: String, _ files: [String: String] = ["steps/notify.yaml": notify],
        _ body: (
            _ pipeline: Pipeline?, _ report: LoadReport, _ loader: PipelineLoader, _ folder: String
        ) throws -> Void
    ) async throws {
        try await withTemporaryDirectory { folder in
            for (name, text) in files { try Self.write(text, to: name, in: folder) }
            let loader = try PipelineLoader(
                registry: StepRegistry([FakePlugin()]), project: ProjectDirectory(path: folder))
            let (loaded, report) = loader.load(Array(pipeline.utf8), file: "p.yaml")
            try body(loaded, report, loader, folder)
        }
    }

    private static func write(_ text: String, to name: String, in folder: String) throws {
        let path = "\(folder)/\(name)"
        let parent = path.split(separator: "/").dropLast().joined(separator: "/")
        try FileManager.default.createDirectory(atPath: "/" + parent, withIntermediateDirectories: true)
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    }

    private func errors(_ pipeline: String, _ files: [String: String]? = nil) async throws -> [String] {
        var lines: [String] = []
        try await load(pipeline, files ?? ["steps/notify.yaml": Self.notify]) { _, report, _, _ in
            lines = report.diagnostics.filter { $0.severity == .error }.map(DiagnosticPrinter.line)
        }
        return lines
    }

    @Test("what is shown hides credentials in the file and in those that it includes, and keeps their lines")
    func shown() async throws {
        let step = "{ id: a, uses: echo, with: { value: \"https://ada:hunter2@a.example\" } }"
        let text = "steps:\n  - \(step)\n  - { id: b, uses: ./steps/a.yaml }\n"
        try await load(text, ["steps/a.yaml": "steps:\n  - \(step)\n"]) { pipeline, report, _, _ in
            let lines = try #require(pipeline?.definitionText).split(separator: "\n", omittingEmptySubsequences: false)
            let shown = report.shownDefinition.split(separator: "\n", omittingEmptySubsequences: false)
            #expect(lines.count { $0.contains("hunter2") } == 2)
            #expect(shown.count { $0.contains("hunter2") } == 0)
            #expect(shown.count { $0.contains("*@a.example") } == 2)
            #expect(shown.filter { !$0.contains("a.example") } == lines.filter { !$0.contains("a.example") })
        }
    }

    @Test("a file becomes a group, whose steps have ids below that of the step")
    func expanded() async throws {
        try await load("steps:\n  - { uses: ./steps/notify.yaml, with: { text: a } }\n") {
            pipeline, _, _, _ in
            #expect(
                pipeline?.allSteps.map(\.id) == ["notify", "notify.@inputs", "notify.line", "notify.loud"])
            #expect(pipeline?.steps.first?.scope == "notify.")
        }
    }

    @Test(
        "what is wrong with the values of the inputs is said where they stand",
        arguments: [
            ("{}", "p.yaml:2:40: ./steps/notify.yaml needs the key \"text\" [missing-key]"),
            (
                "{ text: a, chanel: dev }",
                "p.yaml:2:51: ./steps/notify.yaml has no key \"chanel\" [unknown-key]"
            ),
            ("{ text: 1 }", "p.yaml:2:48: `text`: "),
            ("{ text: a, channel: x }", "p.yaml:2:60: `channel`: "),
        ])
    func values(with: String, words: String) async throws {
        let found = try await errors("steps:\n  - { uses: ./steps/notify.yaml, with: \(with) }\n")
        #expect(found.count == 1)
        #expect(found.first?.hasPrefix(words) == true, "\(found)")
    }

    @Test(
        "what is wrong in the file is said with its name, line and column, once for all that include it"
    )
    func inside() async throws {
        let file =
            "inputs:\n  text: {}\nsteps:\n  - { id: a, uses: ehco, with: { value: \"{{ inputs.txet }}\" } }\n"
        let pipeline =
            "steps:\n  - { uses: ./steps/a.yaml, with: { text: a } }\n  - { uses: ./steps/a.yaml, with: { text: b } }\n"
        let found = try await errors(pipeline, ["steps/a.yaml": file])
        #expect(
            found == [
                "steps/a.yaml:4:20: unknown step \"ehco\" [unknown-step]; did you mean \"echo\"?",
                "steps/a.yaml:4:45: there is no input \"txet\" [unknown-reference]; did you mean \"text\"?",
            ])
    }

    @Test("templates of a file see its own inputs and steps, and nothing of the pipeline")
    func scope() async throws {
        let file =
            "steps:\n  - { uses: echo, with: { value: \"{{ steps.before }} {{ inputs.tone }}\" } }\n"
        let pipeline = """
            inputs: { tone: { default: a } }
            steps:
              - { id: before, uses: echo }
              - { id: x, uses: ./steps/a.yaml }
              - { uses: echo, with: { value: "{{ steps.x }}" } }
            """
        let found = try await errors(pipeline, ["steps/a.yaml": file])
        #expect(found.count == 2)
        #expect(found.allSatisfy { $0.hasPrefix("steps/a.yaml:2:") }, "\(found)")
    }

    @Test("after a crash, the steps of a file that has ended are as hidden as before")
    func hiddenAfterCrash() async throws {
        let files = [
            "steps/notify.yaml": Self.notify,
            "steps/twice.yaml": """
            steps:
              - { id: first, uses: ./steps/notify.yaml, with: { text: a } }
              - { id: second, uses: echo }
            """,
        ]
        let text = "steps: [ { id: twice, uses: ./steps/twice.yaml }, { id: after, uses: echo } ]"
        try await load(text, files) { pipeline, _, _, _ in
            var driver = MachineDriver(RunPlan(try #require(pipeline)))
            var seen: [String: ValueObject] = [:]
            while !driver.isOver, let choice = driver.choices.first {
                let resumed = driver.crashed().machine
                for key in driver.running.keys {
                    let visible = resumed.visible(from: key)
                    #expect(visible.outputs == driver.machine.visible(from: key).outputs)
                    #expect(visible.inputs == driver.machine.visible(from: key).inputs)
                    seen[key.description] = visible.outputs
                }
                driver.choose(choice)
            }
            #expect(seen["twice.second"] == ["first": "twice.first.loud"])
            #expect(seen["after"] == ["twice": "twice.second"])
        }
    }

    @Test("a ring of files is found, and named")
    func rings() async throws {
        let found = try await errors(
            "steps: [ { uses: ./a.yaml } ]",
            ["a.yaml": "steps: [ { uses: ./b.yaml } ]", "b.yaml": "steps: [ { uses: ./a.yaml } ]"])
        #expect(
            found == [
                "b.yaml:1:18: \"./a.yaml\" includes itself: a.yaml → b.yaml → a.yaml [include-cycle]; "
                    + "take one of these steps out"
            ])
    }

    @Test("files that include each other many times over are refused before they are expanded")
    func explosion() async throws {
        var files: [String: String] = [:]
        for number in 0..<30 {
            let next = number == 29 ? "echo" : "./\(number + 1).yaml"
            files["\(number).yaml"] = "steps: [ { id: a, uses: \(next) }, { id: b, uses: \(next) } ]"
        }
        #expect(
            try await errors("steps: [ { id: a, uses: ./0.yaml } ]", files) == [
                "p.yaml:1:25: \"./0.yaml\" has more than 5000 steps with all that it includes [too-many-steps]"
            ])
    }

    @Test(
        "a path stays inside of the project",
        arguments: [
            ("../x.yaml", "path-outside"), ("/etc/x.yaml", "path-outside"),
            ("./.runnel/x.yaml", "path-protected"),
            ("./none.yaml", "file-not-found"), ("./link.yaml", "path-is-link"),
        ])
    func confined(path: String, code: String) async throws {
        try await withTemporaryDirectory { folder in
            try FileManager.default.createSymbolicLink(
                atPath: folder + "/link.yaml", withDestinationPath: "/etc/hostname")
            let loader = try PipelineLoader(
                registry: StepRegistry([FakePlugin()]), project: ProjectDirectory(path: folder))
            let (_, report) = loader.load(Array("steps: [ { uses: \(path) } ]".utf8), file: "p.yaml")
            #expect(report.diagnostics.map(\.code) == [code])
            #expect(report.diagnostics.first?.range?.start.column == 18)
        }
    }

    @Test("what belongs to a step cannot stand where a file is included")
    func keys() async throws {
        let found = try await errors(
            "steps:\n  - { uses: ./steps/notify.yaml, retry: {}, with: { text: a } }\n")
        #expect(
            found == [
                "p.yaml:2:34: a step that includes a file has no `retry` [bad-keys]; set it on a step in ./steps/notify.yaml"
            ])
    }

    @Test("the journal's text holds the files, so that a run goes on with those that it began with")
    func stored() async throws {
        try await load("steps:\n  - { uses: ./steps/notify.yaml, with: { text: a } }\n") {
            pipeline, _, loader, folder in
            let pipeline = try #require(pipeline)
            try FileManager.default.removeItem(atPath: folder + "/steps")
            let (again, report) = loader.load(
                Array(pipeline.definitionText.utf8), file: "p.yaml", isStored: true)
            #expect(report.diagnostics.isEmpty)
            #expect(again?.allSteps.map(\.id) == pipeline.allSteps.map(\.id))
            #expect(again?.definition == pipeline.definition)
            #expect(
                DefinitionBundle(joined: pipeline.definitionText).included == [
                    "steps/notify.yaml": Self.notify
                ])
        }
    }

    @Test("a pipeline is loaded anew when a file that it includes changes, comes or goes")
    func changes() async throws {
        let text = "name: p\nsteps:\n  - { uses: ./steps/notify.yaml, with: { text: a } }\n"
        try await load(text) { _, _, loader, folder in
            var catalog = PipelineCatalog(loader: loader, isServed: true) {
                [("p.yaml", Array(text.utf8))]
            }
            func look() -> [String] {
                catalog.look().changes.map {
                    switch $0 {
                    case .updated(_, let pipeline, _, _): "\(pipeline.allSteps.count) steps"
                    case .problem(_, let problem, _): String(problem.prefix { $0 != "\n" })
                    default: "\($0)"
                    }
                }
            }
            #expect(look() == ["4 steps"])
            #expect(look() == [])
            try Self.write(Self.notify + "\n  - { uses: echo }\n", to: "steps/notify.yaml", in: folder)
            #expect(look() == ["5 steps"])
            try FileManager.default.removeItem(atPath: folder + "/steps/notify.yaml")
            #expect(look().first?.hasPrefix("p.yaml:3:13: error: ") == true)
            #expect(look() == [])
            try Self.write("steps: [ { uses: ehco } ]", to: "steps/notify.yaml", in: folder)
            #expect(look().first?.hasPrefix("p.yaml:3:") == true)
            try Self.write(Self.notify, to: "steps/notify.yaml", in: folder)
            #expect(look() == ["4 steps"])
        }
    }
}
