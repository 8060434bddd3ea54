import Logging
import RunnelKit
import RunnelTesting
import Testing

@testable import RunnelEngine

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// A step of somebody else, which knows nothing of confinement beyond its fields' type.
private struct Store: Step {
    struct Copy: FieldGroup {
        @Field("Where.") var to: ProjectPath
    }

    static let name = "store"
    static let summary = "Stores."
    static let documentation = StepDocumentation(output: "Where it stored.")
    @Field("The main place.") var path: ProjectPath?
    @Field("More places.") var more: [ProjectPath] = []
    @Field("Places by name.") var named: [String: ProjectPath] = [:]
    @Field("Copies.") var copies: [Copy] = []

    func run(_ context: StepContext) async throws -> Value {
        .string(try context.project.absolutePath(of: path ?? more.first ?? ProjectPath("none")))
    }
}

private struct StorePlugin: Plugin {
    let name = "stores"
    var steps: [StepDefinition] {
        [
            StepDefinition(Store.self),
            // As a program in another language declares it.
            StepDefinition(
                name: "program.put", summary: "Puts.", documentation: StepDocumentation(output: "null"),
                schema: [
                    "type": "object",
                    "properties": [
                        "folder": ["type": "string", "format": "project-path"],
                        "file": ["type": "string", "format": "project-path", "x-relative-to": "folder"],
                    ],
                ]
            ) { with, _ in with["file"] ?? .null },
        ]
    }
}

@Suite("Paths of the project in any step") struct ProjectPathTests {
    private static let project = ProjectDirectory(path: "/p", grantedFiles: ["/tmp/granted.txt"])

    private func load(
        _ yaml: String, in project: ProjectDirectory = project
    ) throws -> (pipeline: Pipeline?, report: LoadReport, loader: PipelineLoader) {
        let loader = try PipelineLoader(registry: StepRegistry([StorePlugin()]), project: project)
        let (pipeline, report) = loader.load(Array(yaml.utf8), file: "p.yaml")
        return (pipeline, report, loader)
    }

    private func problems(_ yaml: String) throws -> [String] {
        try load(yaml).report.diagnostics.map(DiagnosticPrinter.line)
    }

    /// The outcome of a run whose input is `input`.
    private func result(
        _ yaml: String, _ input: Value, in project: ProjectDirectory = project
    ) async throws -> RunResult {
        let (pipeline, report, loader) = try load(yaml, in: project)
        let found = try #require(pipeline, "\(report.diagnostics)")
        let runner = PipelineRunner(
            registry: loader.registry, environment: loader.environment, services: Services(), project: project,
            values: ProjectValues(secrets: [:]), redactor: Redactor(),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, now: { 0 })
        return await runner.run(found, RunRequest(id: "run-1", input: input)) { _ in }
    }

    @Test(
        "what a caller sends does not lead out of the literal part",
        arguments: ["../evil.yaml", "../../etc/passwd", "a/../../plugins/x.py", "..", ".", "/../evil", "x\0y"])
    func caller(name: String) async throws {
        let result = try await result(#"steps: [{ uses: store, with: { path: "out/{{ input }}" } }]"#, .string(name))
        #expect(["path-outside", "path-protected", "bad-path"].contains(result.error?.code), "\(result.outcome)")
    }

    @Test("what stays inside runs, and an absolute path that was granted does")
    func inside() async throws {
        let yaml = #"steps: [{ uses: store, with: { path: "out/{{ input }}" } }]"#
        #expect(try await result(yaml, "a/b.txt").output == "/p/out/a/b.txt")
        let whole = #"steps: [{ uses: store, with: { path: "{{ input }}" } }]"#
        #expect(try await result(whole, "/tmp/granted.txt").output == "/tmp/granted.txt")
        #expect(try await result(whole, "/tmp/other.txt").error?.code == "path-outside")
        #expect(try await result(whole, "anywhere/a.txt").output == "/p/anywhere/a.txt")
        #expect(try await result(whole, "plugins/x.py").error?.code == "path-protected")
        #expect(try await result(whole, ".GIT/config").error?.code == "path-protected")
    }

    @Test("lists, maps, groups and whole settings that come from a template are looked at too")
    func nested() async throws {
        for with in [
            #"{ more: [a, "out/{{ input }}"] }"#, #"{ named: { x: "out/{{ input }}" } }"#,
            #"{ copies: [{ to: "out/{{ input }}" }] }"#,
        ] {
            let result = try await result("steps: [{ uses: store, with: \(with) }]", "../evil")
            #expect(result.error?.code == "path-outside", "\(with)")
        }
        let list = try await result(#"steps: [{ uses: store, with: { more: "{{ input }}" } }]"#, ["a", ".git/config"])
        #expect(list.error?.code == "path-protected")
    }

    @Test("a program's step that declares its paths gets the same")
    func program() async throws {
        let yaml = #"steps: [{ uses: program.put, with: { folder: out, file: "a/{{ input }}" } }]"#
        #expect(try await result(yaml, "b.txt").output == "a/b.txt")
        #expect(try await result(yaml, "../b.txt").error?.message == "\"a/../b.txt\" leads out of \"a\"")
        let bare = #"steps: [{ uses: program.put, with: { folder: out, file: "{{ input }}" } }]"#
        #expect(try await result(bare, "plugins/x").output == "plugins/x")
        #expect(try await result(bare, "../plugins/x").error?.code == "path-outside")
    }

    @Test("a program's step gets no path that leads through a link, or to a protected place by another name")
    func links() async throws {
        try await withTemporaryDirectory { directory in
            let manager = FileManager.default
            for folder in ["drop", "out", "real"] {
                try manager.createDirectory(atPath: "\(directory)/\(folder)", withIntermediateDirectories: true)
            }
            for file in [".env", "real/a.txt"] {
                #expect(manager.createFile(atPath: "\(directory)/\(file)", contents: nil))
            }
            try manager.createSymbolicLink(atPath: directory + "/drop/report.pdf", withDestinationPath: "../.env")
            try manager.createSymbolicLink(atPath: directory + "/inbox", withDestinationPath: "real")
            try manager.linkItem(atPath: directory + "/.env", toPath: directory + "/drop/copy.pdf")
            let yaml = #"steps: [{ uses: program.put, with: { folder: ".", file: "{{ input }}" } }]"#
            func code(_ path: String, links: Set<String> = []) async throws -> String? {
                let project = ProjectDirectory(path: directory, followedLinks: links)
                return try await result(yaml, .string(path), in: project).error?.code
            }
            #expect(try await code("drop/report.pdf") == "path-is-link")
            #expect(try await code("drop/copy.pdf") == "path-protected")
            #expect(try await code("inbox/a.txt") == "path-is-link")
            #expect(try await code("inbox/a.txt", links: ["inbox"]) == nil)
            #expect(try await code("out/new.txt") == nil)
        }
    }

    @Test("what is written out is checked before anything runs, with its place")
    func literal() throws {
        let yaml = """
            steps:
              - uses: store
                with:
                  path: plugins/x.py
                  more:
                    - ok.txt
                    - ../outside
                    - /etc/passwd
                    - "pipelines/{{ input }}.yaml"
                    - ".git/{{ input }}"
                    - "../{{ input }}"
                    - "{{ input }}/../runnel.yaml"
                    - "{{ input }}"
                    - "out/{{ input }}"
              - uses: program.put
                with: { folder: plugins, file: x }
              - uses: program.put
                with: { folder: "{{ input }}", file: plugins }
            """
        #expect(
            try problems(yaml).map { $0.prefix { $0 != ";" } } == [
                "p.yaml:4:13: pipelines do not touch \"plugins/x.py\": \"plugins\" holds programs that Runnel starts [path-protected]",
                "p.yaml:7:11: \"../outside\" leads out of \"/p\" [path-outside]",
                "p.yaml:8:11: \"/etc/passwd\" leads out of \"/p\" [path-outside]",
                "p.yaml:9:11: pipelines do not touch \"pipelines/….yaml\": \"pipelines/….yaml\" is a pipeline: Runnel serves the folder \"pipelines\" [path-protected]",
                "p.yaml:10:11: pipelines do not touch \".git/…\": \".git\" belongs to Git, which runs programs in it [path-protected]",
                "p.yaml:11:11: \"../…\" leads out of \"/p\" [path-outside]",
                "p.yaml:12:11: pipelines do not touch \"runnel.yaml\": \"runnel.yaml\" is the configuration of a project [path-protected]",
                "p.yaml:16:21: pipelines do not touch \"plugins\": \"plugins\" holds programs that Runnel starts [path-protected]",
                "p.yaml:16:36: pipelines do not touch \"plugins/x\": \"plugins\" holds programs that Runnel starts [path-protected]",
            ])
    }

    @Test("where the project's folder is not known, absolute paths are left to the run")
    func unknownProject() throws {
        let loader = try PipelineLoader(registry: StepRegistry([StorePlugin()]))
        let yaml = "steps: [{ uses: store, with: { path: /p/a.txt, more: [.git/x] } }]"
        let diagnostics = loader.load(Array(yaml.utf8), file: "p.yaml").report.diagnostics
        #expect(diagnostics.map(\.code) == ["path-protected"])
    }
}

@Suite("What a server may ask for") struct RetryNoteTests {
    @Test("a wait that is cut short is told, one that is not is not")
    func note() {
        var error = RunError(reported: "busy", "busy")
        error.retryAfter = .seconds(365 * 86_400)
        #expect(
            RetryPlan.note(error, wait: .seconds(60), longest: .seconds(60))
                == "asked to wait 365d; `max_backoff` allows 1m")
        error.retryAfter = .seconds(30)
        #expect(RetryPlan.note(error, wait: .seconds(30), longest: .seconds(60)) == nil)
        error.retryAfter = nil
        #expect(RetryPlan.note(error, wait: .seconds(30), longest: .seconds(60)) == nil)
    }

    private struct Greedy: Step {
        static let name = "greedy"
        static let summary = "Asks for a year the first time."
        static let documentation = StepDocumentation(output: "The attempt.")

        func run(_ context: StepContext) async throws -> Value {
            if context.identity.attempt > 1 { return .int(Int64(context.identity.attempt)) }
            throw StepError(reported: "busy", "busy", isTransient: true, retryAfter: .seconds(365 * 86_400))
        }
    }

    private struct GreedyPlugin: Plugin {
        let name = "greedy"
        var steps: [StepDefinition] { [StepDefinition(Greedy.self)] }
    }

    @Test("a stranger's year of Retry-After is a minute where max_backoff says so, and the run says that")
    func bounded() async throws {
        let loader = try PipelineLoader(registry: StepRegistry([GreedyPlugin()]))
        let yaml = "steps: [{ uses: greedy, retry: { attempts: 2, max_backoff: 1m } }]"
        let pipeline = try #require(loader.load(Array(yaml.utf8), file: "p.yaml").pipeline)
        let (clock, log) = (ManualClock(), EventLog())
        let runner = PipelineRunner(
            registry: loader.registry, environment: loader.environment, services: Services(),
            project: ProjectDirectory(path: "/nonexistent"), values: ProjectValues(secrets: [:]), redactor: Redactor(),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, clock: clock, now: { 0 })
        async let running = runner.run(pipeline, RunRequest(id: "run-1")) { log.append($0) }
        await clock.waitForSleepers()
        clock.advance(by: .seconds(60))
        #expect(await running.output == 2)
        let note = log.all.compactMap { event in
            if case .stepNote(_, let text) = event.kind { text } else { nil }
        }
        #expect(note == ["asked to wait 365d; `max_backoff` allows 1m"])
    }
}
