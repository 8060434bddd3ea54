import Logging
import RunnelKit
import RunnelTesting
import Testing

@testable import RunnelEngine

/// Remembers up to when it is done, and what it has seen.
private struct Ticker: Trigger {
    static let name = "ticker"
    static let summary = "Ticks."
    static let documentation = TriggerDocumentation(payload: [])
    static let memoryWhileDeclared = ["watermark"]
    func run(_ context: TriggerContext) async throws {}
}

/// Is known by all that it listens to.
private struct Listener: Trigger {
    static let name = "listener"
    static let summary = "Listens."
    static let documentation = TriggerDocumentation(payload: [])
    static let keepsMemoryWhenEdited = true
    @Field("Whom it listens to.") var to: String
    func identity() -> String? { to }
    func run(_ context: TriggerContext) async throws {}
}

private struct TickerPlugin: Plugin {
    let name = "ticker"
    var steps: [StepDefinition] { [StepDefinition(Echo.self)] }
    var triggers: [TriggerDefinition] { [TriggerDefinition(Ticker.self), TriggerDefinition(Listener.self)] }
}

@Suite("Triggers that are taken out") struct TriggerDeclarationTests {
    private let journal = MemoryJournal()
    private let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    private func declarations(folder: String = "/project") throws -> TriggerDeclarations {
        TriggerDeclarations(
            folder: folder, registry: try StepRegistry([TickerPlugin()]), journal: journal, logger: logger)
    }

    private func hosted(_ on: String, name: String = "p", problem: String? = nil) throws -> PipelineHost.Hosted {
        let loader = try PipelineLoader(registry: StepRegistry([TickerPlugin()]))
        let yaml = "name: \(name)\n\(on)\nsteps: [ { uses: echo } ]\n"
        var hosted = PipelineHost.Hosted(file: "p.yaml")
        hosted.pipeline = loader.load(Array(yaml.utf8), file: "p.yaml").pipeline
        try #require(hosted.pipeline != nil)
        hosted.problem = problem
        return hosted
    }

    private func remember(_ key: String = "ticker") async throws {
        try await memory(key).set(["watermark": 1, "seen": 2])
    }

    private func memory(_ key: String = "ticker") -> any TriggerMemory {
        journal.memory(of: TriggerID(pipeline: "p", key: key))
    }

    /// Serves a file with this entry under `on:`, as the host does.
    private func update(_ on: String, of plugin: any Plugin) async throws {
        let registry = try StepRegistry([plugin])
        let identities = TriggerIdentities(registry: registry, values: ProjectValues(), seal: SecretSeal(secrets: [:]))
        var hosted = PipelineHost.Hosted(file: "p.yaml")
        let yaml = "name: p\non: { \(on) }\nsteps: [ { uses: echo } ]\n"
        hosted.pipeline = try PipelineLoader(registry: registry).load(Array(yaml.utf8), file: "p.yaml").pipeline
        try #require(hosted.pipeline != nil)
        let declarations = TriggerDeclarations(
            folder: "/project", registry: registry, journal: journal, logger: logger,
            identities: { identities.all(of: $0) }, former: { identities.former(of: $0) })
        await declarations.update([hosted], files: ["p.yaml"])
    }

    @Test("a trigger that is taken out forgets its watermark, and nothing else")
    func takenOut() async throws {
        let declarations = try declarations()
        await declarations.update([try hosted("on: { ticker: {} }")], files: ["p.yaml"])
        try await remember()
        await declarations.update([try hosted("on: { ticker: {} }")], files: ["p.yaml"])
        #expect(try await memory().value(for: "watermark") == 1)
        await declarations.update([try hosted("")], files: ["p.yaml"])
        #expect(try await memory().value(for: "watermark") == nil)
        #expect(try await memory().value(for: "seen") == 2)
    }

    @Test("so does one whose file is gone, also when that happened while nobody served")
    func fileGone() async throws {
        await (try declarations()).update([try hosted("on: { ticker: {} }")], files: ["p.yaml"])
        try await remember()
        await (try declarations(folder: "/other")).update([], files: [])
        #expect(try await memory().value(for: "watermark") == 1)
        await (try declarations()).update([], files: [])
        #expect(try await memory().value(for: "watermark") == nil)
    }

    @Test("a file that is renamed forgets nothing")
    func renamed() async throws {
        let declarations = try declarations()
        await declarations.update([try hosted("on: { ticker: {} }")], files: ["p.yaml"])
        try await remember()
        var renamed = try hosted("on: { ticker: {} }")
        renamed.file = "q.yaml"
        await declarations.update([renamed], files: ["q.yaml"])
        #expect(try await memory().value(for: "watermark") == 1)
        await declarations.update([], files: [])
        #expect(try await memory().value(for: "watermark") == nil)
    }

    @Test("a file that has errors for a while, or from the start, forgets nothing")
    func broken() async throws {
        let first = try declarations()
        await first.update([try hosted("on: { ticker: {} }")], files: ["p.yaml"])
        try await remember()
        await first.update([try hosted("", problem: "broken")], files: ["p.yaml"])
        await (try declarations()).update([PipelineHost.Hosted(file: "p.yaml", problem: "broken")], files: ["p.yaml"])
        #expect(try await memory().value(for: "watermark") == 1)
    }

    @Test("a file below a folder that cannot be read forgets nothing")
    func hidden() async throws {
        var file = try hosted("on: { ticker: {} }")
        file.file = "team/p.yaml"
        await (try declarations()).update([file], files: ["team/p.yaml"])
        try await remember()
        await (try declarations()).update([], files: ["team/"])
        #expect(try await memory().value(for: "watermark") == 1)
    }

    @Test("a pipeline with another name in its file hands on what its triggers know, and its dedupe keys")
    func pipelineRenamed() async throws {
        let declarations = try declarations()
        await declarations.update([try hosted("on: { ticker: {} }")], files: ["p.yaml"])
        try await remember()
        _ = await journal.accept(
            RunRecord(id: "r1", pipeline: "p", definition: "d", dedupeKey: "k", trigger: .null, createdAt: 1),
            memory: nil)
        await declarations.update([try hosted("on: { ticker: {} }", name: "q")], files: ["p.yaml"])
        let memory = journal.memory(of: TriggerID(pipeline: "q", key: "ticker"))
        #expect(try await memory.value(for: "watermark") == 1)
        let again = RunRecord(id: "r2", pipeline: "q", definition: "d", dedupeKey: "k", trigger: .null, createdAt: 2)
        #expect(await journal.accept(again, memory: nil) == .duplicate(runID: "r1"))
    }

    @Test("so does a pipeline whose name the journal has in decomposed form")
    func decomposedName() async throws {
        let (before, name) = ("カ\u{3099}", "ガ")
        var old = try hosted("on: { ticker: {} }")
        old.pipeline?.name = before
        try await declarations().update([old], files: ["p.yaml"])
        let new = try hosted("on: { ticker: {} }", name: before)
        #expect(new.pipeline?.name.utf8.elementsEqual(name.utf8) == true)
        try await declarations().update([new], files: ["p.yaml"])
        let folder = journal.memory(of: TriggerID(pipeline: "", key: "folder /project"))
        let kept = try await folder.value(for: "declared/p.yaml")
        #expect(kept?["pipeline"]?.asString?.utf8.elementsEqual(name.utf8) == true)
    }

    @Test("so does a pipeline that is named after its file, when the file is renamed")
    func defaultNameRenamed() async throws {
        let loader = try PipelineLoader(registry: StepRegistry([TickerPlugin()]))
        func hosted(_ file: String) throws -> PipelineHost.Hosted {
            var hosted = PipelineHost.Hosted(file: file)
            let yaml = "on: { ticker: {} }\nsteps: [ { uses: echo } ]\n"
            hosted.pipeline = loader.load(Array(yaml.utf8), file: file).pipeline
            try #require(hosted.pipeline != nil)
            return hosted
        }
        await (try declarations()).update([try hosted("p.yaml")], files: ["p.yaml"])
        try await remember()
        await (try declarations()).update([try hosted("q.yaml")], files: ["q.yaml"])
        #expect(try await journal.memory(of: TriggerID(pipeline: "q", key: "ticker")).value(for: "watermark") == 1)
    }

    @Test("what a trigger knew by its place, or before it had an id, it knows by its identity")
    func adopted() async throws {
        func update(_ on: String) async throws { try await self.update("looker: \(on)", of: LookerPlugin()) }
        func memory(_ key: String) async throws -> Value? { try await self.memory(key).value(for: "seen") }
        try await journal.memory(of: TriggerID(pipeline: "p", key: "looker")).set(["seen": 1])
        try await update("{ folder: in }")
        #expect(try await memory("looker in") == 1)
        // A second entry, in front of the first.
        try await update("[ { folder: other }, { folder: in } ]")
        #expect(try await memory("looker in") == 1)
        #expect(try await memory("looker other") == nil)
        try await update("[ { folder: in, id: tickets }, { folder: other } ]")
        #expect(try await memory("looker#tickets") == 1)
        // With an id, what it listens to may change.
        try await update("{ folder: elsewhere, id: tickets }")
        #expect(try await memory("looker#tickets") == 1)
    }

    @Test("the only entry and the first of several take over what the other knew by its place")
    func counted() async throws {
        try await remember()
        for (on, key) in [("[{}, {}]", "ticker[0]"), ("{}", "ticker"), ("[{}]", "ticker[0]")] {
            try await update("ticker: \(on)", of: TickerPlugin())
            #expect(try await memory(key).value(for: "watermark") == 1)
        }
        #expect(try await memory("ticker[1]").value(for: "watermark") == nil)
    }

    @Test("an entry that is known by all its settings keeps what it remembers when it alone is edited")
    func edited() async throws {
        func update(_ on: String) async throws { try await self.update("listener: \(on)", of: TickerPlugin()) }
        func seen(_ name: String) async throws -> Value? {
            try await memory("listener " + name).value(for: "seen")
        }
        // As an earlier version kept it.
        try await memory("listener").set(["seen": 1])
        try await update("{ to: a }")
        #expect(try await seen("a") == 1)
        try await update("[ { to: b }, { to: a } ]")
        #expect(try await seen("a") == 1)
        #expect(try await seen("b") == nil)
        try await update("[ { to: b }, { to: c } ]")
        #expect(try await seen("c") == 1)
        // Which is which cannot be known.
        try await update("[ { to: d }, { to: e } ]")
        #expect(try await seen("d") == nil)
        #expect(try await seen("e") == nil)
    }

    @Test("a trigger is known by what it listens to, also where a variable says what that is")
    func variable() throws {
        let registry = try StepRegistry([LookerPlugin()])
        let vars: [String: Value] = ["folder": "in"]
        let loader = try PipelineLoader(registry: registry, names: ProjectNames(secrets: [], env: [], vars: vars))
        let yaml = "name: p\non: { looker: { folder: '{{ vars.folder }}' } }\nsteps: [ { uses: echo } ]\n"
        let pipeline = try #require(loader.load(Array(yaml.utf8), file: "p.yaml").pipeline)
        let identities = TriggerIdentities(
            registry: registry, values: ProjectValues(vars: vars), seal: SecretSeal(secrets: [:]))
        #expect(identities.all(of: pipeline) == ["looker in"])
    }

    @Test("of several entries only those forget that are gone")
    func several() async throws {
        let declarations = try declarations()
        await declarations.update([try hosted("on: { ticker: [{}, {}] }")], files: ["p.yaml"])
        for key in ["ticker[0]", "ticker[1]"] { try await remember(key) }
        await declarations.update([try hosted("on: { ticker: [{}] }")], files: ["p.yaml"])
        #expect(try await memory("ticker[0]").value(for: "watermark") == 1)
        #expect(try await memory("ticker[1]").value(for: "watermark") == nil)
    }
}
