import RunnelKit
import RunnelTesting
import Templates
import Testing
import YAML

@testable import RunnelEngine

/// Waits for files of a folder, for calls, or for runs of another pipeline.
private struct Looker: FollowingTrigger {
    static let name = "looker"
    static let summary = "Looks."
    static let documentation = TriggerDocumentation(payload: [])
    @Field("A folder.") var folder: String?
    @Field("Patterns.") var include: [Glob] = []
    @Field("Whether it takes files away.") var takes: Bool = false
    @Field("Where files go after their runs.") var moveTo: String?
    @Field("A route.") var path: String?
    @Field("A pipeline.") var after: String?

    func run(_ context: TriggerContext) async throws {
        await context.report(.waiting("\(context.identity)"))
        try await context.clock.sleep(for: .seconds(3600))
    }

    func follows(_ pipeline: String, in own: String) -> Bool { pipeline == after }

    var namedPipelines: [(path: [FieldError.PathElement], name: String)] {
        after.map { [(path: [.key("after")], name: $0)] } ?? []
    }

    func identity() -> String? { folder ?? path }

    func claims(in context: ValidationContext) -> [TriggerClaim] {
        if let path { return [.route(path)] }
        guard let folder else { return [] }
        return [
            .files(
                FileClaim(
                    folder: folder, include: include, consumes: takes,
                    takes: { [include] path in
                        let names = path.split(separator: "/")
                        return names.dropLast().joined(separator: "/") == folder
                            && (include.isEmpty || include.contains { $0.matches([Array(names.last ?? "")]) })
                    }, covers: { $0 == folder },
                    moves: moveTo.map { [FileMove(key: "move_to", folder: $0, names: include)] } ?? []))
        ]
    }
}

private struct Pen: Step {
    static let name = "pen"
    static let summary = "Writes."
    static let documentation = StepDocumentation(output: "Nothing.")
    static let writtenPaths = ["path"]
    @Field("The file.") var path: ProjectPath
    func run(_ context: StepContext) async throws -> Value { .null }
}

struct LookerPlugin: Plugin {
    let name = "looker"
    var steps: [StepDefinition] { [StepDefinition(Pen.self), StepDefinition(Echo.self)] }
    var triggers: [TriggerDefinition] { [TriggerDefinition(Looker.self)] }
}

@Suite("The pipelines of a folder, checked together") struct FolderCheckerTests {
    private func check(
        _ pipelines: [String: (on: String, path: String)], isComplete: Bool = false
    ) throws -> [String] {
        let registry = try StepRegistry([LookerPlugin()])
        let loader = try PipelineLoader(registry: registry)
        let loaded = try pipelines.map { name, pipeline in
            let yaml =
                "name: \(name)\non: { looker: \(pipeline.on) }\nsteps: [ { uses: pen, with: { path: \"\(pipeline.path)\" } } ]\n"
            let (valid, report) = loader.load(Array(yaml.utf8), file: name + ".yaml")
            return (file: name + ".yaml", pipeline: try #require(valid, "\(report.diagnostics)"))
        }
        let checker = FolderChecker(
            registry: registry, project: ProjectDirectory(path: "/project"), scope: DictionaryScope([:]))
        return checker.check(loaded, isComplete: isComplete).map { finding in
            let diagnostic = finding.diagnostic
            let line = diagnostic.range?.start.line ?? 0
            return "\(diagnostic.file):\(line) \(finding.loser ?? "-") \(diagnostic.code): \(diagnostic.message)"
        }
    }

    @Test("of two hooks with one path the first file by name has it, also where the paths are written differently")
    func routes() throws {
        let findings = try check([
            "b": ("{ path: /same/ }", "out/b"), "a": ("{ path: same }", "out/a"), "c": ("{ path: other }", "out/c"),
        ])
        #expect(
            findings == [
                "b.yaml:2 looker same-route: the pipelines \"a\" and \"b\" both want /hooks/same; only \"a\" (a.yaml) gets it"
            ])
    }

    @Test("a trigger that names a pipeline which the folder does not have is a warning, where all are known")
    func unknownNames() throws {
        let pipelines = [
            "alert": ("{ after: imprt }", "out/a"), "import": ("{}", "out/b"), "report": ("{ after: import }", "out/c"),
        ]
        let findings = try check(pipelines, isComplete: true)
        #expect(
            findings == [
                "alert.yaml:2 - unknown-pipeline: there is no pipeline named \"imprt\" in this folder"
            ])
        let partly = try check(pipelines)
        #expect(partly.isEmpty)
    }

    @Test("two entries of one pipeline cannot have one path either")
    func entries() throws {
        #expect(
            try check(["a": ("[ { path: x }, { path: x } ]", "out/a")]) == [
                "a.yaml:2 looker[1] same-route: `looker[0]` and `looker[1]` of the pipeline \"a\" both want /hooks/x; only `looker[0]` gets it"
            ])
    }

    @Test("files that one pipeline takes away are not for another one, unless their patterns exclude each other")
    func files() throws {
        let keep = "{ folder: in }"
        let take = "{ folder: in, takes: true }"
        let words = "both want files of \"in\", which \"b\" moves away or deletes; only \"a\" (a.yaml) gets them"
        #expect(
            try check(["a": (keep, "out/a"), "b": (take, "out/b")]) == [
                "b.yaml:2 looker same-files: the pipelines \"a\" and \"b\" \(words)"
            ])
        #expect(try check(["a": (keep, "out/a"), "b": (keep, "out/b")]).isEmpty)
        #expect(try check(["a": (take, "out/a"), "b": ("{ folder: other, takes: true }", "out/b")]).isEmpty)
        func patterns(_ first: String, _ second: String) throws -> Int {
            try check([
                "a": ("{ folder: in, takes: true, include: ['\(first)'] }", "out/a"),
                "b": ("{ folder: in, takes: true, include: ['\(second)'] }", "out/b"),
            ]).count
        }
        #expect(try patterns("*.txt", "*.pdf") == 0)
        #expect(try patterns("a*", "*z") == 1)
        #expect(try patterns("[a-c]?.txt", "d*") == 0)
        #expect(try patterns("re*.txt", "*port.t?t") == 1)
    }

    @Test("a pipeline in a folder where another one receives files does not start, unless that one lies there too")
    func received() throws {
        let take = "{ folder: in, takes: true, move_to: done }"
        let found = try check([
            "pipelines/a": (take, "out/a"), "in/x/evil": ("{ path: x }", "out/b"),
            "done/more": ("{ path: y }", "out/c"),
        ])
        #expect(
            found
                == ["done", "in"].map {
                    "\($0 == "in" ? "in/x/evil" : "done/more").yaml:2 looker received-pipeline: "
                        + "`looker` does not start: the file lies in \"\($0)\", where \"pipelines/a\" receives files"
                })
        for (folder, entry) in [
            ("in", take), ("pipelines", "{ folder: in }"), ("pipelines", "{ folder: '.', takes: true }"),
        ] {
            #expect(try check(["\(folder)/a": (entry, "out/a"), "in/b": ("{ path: x }", "out/b")]).isEmpty)
        }
        let pipelines = "{ folder: pipelines, takes: true }"
        #expect(try check(["in/a": (pipelines, "out/a"), "pipelines/b": ("{ path: x }", "out/b")]).isEmpty)
    }

    @Test("a pipeline that writes where it watches is warned about, as far as the path is written out")
    func feedsItself() throws {
        #expect(
            try check(["a": ("{ folder: in }", "in/{{ run.id }}.md")]) == [
                "a.yaml:3 - feeds-itself: the step \"pen\" writes \"in/….md\", where \"a\" itself watches; "
                    + "what its own runs write starts no run"
            ])
        #expect(try check(["a": ("{ folder: in }", "out/../in/{{ run.id }}.md")]).count == 1)
        #expect(try check(["a": ("{ folder: in, include: ['*.txt'] }", "in/{{ run.id }}.md")]).isEmpty)
        #expect(try check(["a": ("{ folder: in }", "out/{{ run.id }}.md")]).isEmpty)
        #expect(try check(["a": ("{ folder: in }", "{{ run.id }}")]).isEmpty)
    }

    @Test("pipelines that feed each other in a ring are warned about, each with the way")
    func ring() throws {
        let findings = try check([
            "a": ("{ folder: x }", "y/1"), "b": ("{ folder: y }", "z/1"), "c": ("{ folder: z }", "x/1"),
            "d": ("{ folder: w }", "x/2"),
        ])
        func words(_ path: String, _ names: String) -> String {
            "feeds-in-a-ring: the step \"pen\" writes \"\(path)\": these pipelines feed each other, \(names); `runs.chain` ends that"
        }
        #expect(
            findings == [
                "a.yaml:3 - " + words("y/1", #""a" → "b" → "c" → "a""#),
                "b.yaml:3 - " + words("z/1", #""b" → "c" → "a" → "b""#),
                "c.yaml:3 - " + words("x/1", #""c" → "a" → "b" → "c""#),
            ])
    }

    @Test("folders that triggers move files to feed other entries, also those of the same pipeline")
    func ringOfMoves() throws {
        func words(_ key: String, _ folder: String, _ subject: String, _ names: String) -> String {
            "feeds-in-a-ring: `\(key)` moves files to \"\(folder)\" (`move_to`): these \(subject) feed each other, "
                + "\(names); `runs.chain` ends that"
        }
        #expect(
            try check([
                "a": ("{ folder: x, move_to: y }", "out/a"), "b": ("{ folder: y, move_to: x }", "out/b"),
                "c": ("{ folder: w, move_to: x }", "out/c"),
            ]) == [
                "a.yaml:2 - " + words("looker", "y", "pipelines", #""a" → "b" → "a""#),
                "b.yaml:2 - " + words("looker", "x", "pipelines", #""b" → "a" → "b""#),
            ])
        #expect(
            try check(["a": ("[ { folder: x, move_to: y }, { folder: y, move_to: x } ]", "out/a")]) == [
                "a.yaml:2 - " + words("looker[0]", "y", "triggers", "`looker[0]` → `looker[1]` → `looker[0]`")
            ])
        // One after the other, and a ring over a step.
        #expect(
            try check([
                "a": ("[ { folder: x, move_to: y }, { folder: z } ]", "out/a"),
                "b": ("{ folder: y, move_to: z }", "out/b"),
            ]).isEmpty)
        #expect(
            try check(["a": ("{ folder: x, move_to: y }", "out/a"), "b": ("{ folder: y }", "x/b")]) == [
                "a.yaml:2 - " + words("looker", "y", "pipelines", #""a" → "b" → "a""#),
                "b.yaml:3 - feeds-in-a-ring: the step \"pen\" writes \"x/b\": these pipelines feed each other, "
                    + #""b" → "a" → "b"; `runs.chain` ends that"#,
            ])
        #expect(
            try check([
                "a": ("{ folder: x, move_to: y, include: ['*.txt'] }", "out/a"),
                "b": ("{ folder: y, move_to: x, include: ['*.pdf'] }", "out/b"),
            ]).isEmpty)
    }

    @Test("a ring may lead over files and the ends of runs, or over ends alone")
    func ringOfEnds() throws {
        #expect(
            try check(["a": ("{ after: b }", "x/1"), "b": ("{ folder: x }", "out/b")]) == [
                "a.yaml:3 - feeds-in-a-ring: the step \"pen\" writes \"x/1\": these pipelines feed each other, "
                    + #""a" → "b" → "a"; `runs.chain` ends that"#
            ])
        #expect(
            try check(["a": ("{ after: b }", "out/a"), "b": ("{ after: a }", "out/b")]) == [
                #"a.yaml:2 - trigger-ring: the pipelines start each other in a ring: "a" starts "b" starts "a""#
            ])
        #expect(try check(["a": ("{ after: c }", "x/1"), "b": ("{ folder: x }", "out/b")]).isEmpty)
    }
}
