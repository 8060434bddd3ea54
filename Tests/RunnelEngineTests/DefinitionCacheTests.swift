import RunnelKit
import Testing

@testable import RunnelEngine

@Suite("Cached definitions") struct DefinitionCacheTests {
    private let loader: PipelineLoader

    init() throws {
        loader = try PipelineLoader(registry: StepRegistry([FakePlugin(), GaugePlugin()]))
    }

    private func cache(_ journal: MemoryJournal) -> DefinitionCache {
        DefinitionCache(
            journal: journal, loader: loader, registry: loader.registry, seal: SecretSeal(secrets: [:]),
            folder: FilePath.absolute("project"))
    }

    private func pipeline(_ text: String, _ file: String) throws -> Pipeline {
        let (pipeline, _) = loader.load(Array(text.utf8), file: file)
        return try #require(pipeline)
    }

    @Test("two files with the same text are two definitions if they have their names from their files")
    func sameText() async throws {
        let (text, named) = ("steps: [{ uses: echo }]\n", "name: n\nsteps: [{ uses: echo }]\n")
        let (a, b) = (try pipeline(text, "a.yaml"), try pipeline(text, "b.yaml"))
        #expect(a.definition != b.definition)
        #expect(a.textHash == b.textHash)
        #expect(try pipeline(text, "other/a.yaml").definition == a.definition)
        #expect(try pipeline(named, "a.yaml").definition == pipeline(named, "b.yaml").definition)
        let cache = cache(MemoryJournal())
        #expect(cache.insert(a).declaration.name == "a")
        #expect(cache.insert(b).declaration.name == "b")
    }

    @Test("the journal has the newest path of a definition, relative to the project if it is below it")
    func path() async throws {
        let journal = MemoryJournal()
        let cache = cache(journal)
        let paths = [
            ("project/a.yaml", "a.yaml"), (FilePath.absolute("project/sub/b.yaml"), "sub/b.yaml"),
            ("other/../project/c.yaml", "c.yaml"), ("/nowhere/d.yaml", "/nowhere/d.yaml"), ("e.yaml", "e.yaml"),
        ]
        for (given, stored) in paths {
            let pipeline = try pipeline("name: n\nsteps: [{ uses: echo }]\n", given)
            try await cache.keep(pipeline)
            #expect(await journal.definition(pipeline.definition)?.file == stored)
        }
    }

    @Test("a run of an older journal, which keeps equal texts once, has its own name and its current definition")
    func olderJournal() async throws {
        let b = try pipeline("steps: [{ uses: echo }]\n", "b.yaml")
        let journal = MemoryJournal()
        await journal.keep(
            DefinitionRecord(hash: b.textHash, pipeline: "a", file: "a.yaml", text: b.definitionText))
        let run = RunRecord(id: "r", pipeline: "b", definition: b.textHash, trigger: .null, createdAt: 1)
        #expect(try await cache(journal).pipeline(of: run).declaration.name == "b")
        #expect(b.isDefinition(of: run))
    }

    @Test(
        "a run continues with a definition that only an earlier version of Runnel accepted",
        arguments: [
            "name: \" \"\nsteps: [{ uses: echo }]", "timeout: 0s\nsteps: [{ uses: echo }]",
            "steps: [{ uses: echo, timeout: 0s }]",
            "inputs: { a: { enum: [1, b], required: false } }\nsteps: [{ uses: echo }]",
            "inputs: { a: { enum: [], required: false } }\nsteps: [{ uses: echo }]",
            "on: { gauge: { number: 0123 } }\nsteps: [{ uses: echo }]",
        ])
    func acceptedEarlier(text: String) async throws {
        #expect(loader.load(Array(text.utf8), file: "p.yaml").pipeline?.name == nil)
        let journal = MemoryJournal()
        await journal.keep(DefinitionRecord(hash: "h", pipeline: "p", file: "p.yaml", text: text))
        let run = RunRecord(id: "r", pipeline: "p", definition: "h", trigger: .null, createdAt: 1)
        #expect(try await cache(journal).pipeline(of: run).declaration.name == "p")
    }
}

/// A trigger whose schema accepts a string or an integer, as the schema of a plugin process can.
private struct GaugePlugin: Plugin {
    let name = "gauges"
    var triggers: [TriggerDefinition] {
        let schema: Value = ["type": "object", "properties": ["number": ["type": ["string", "integer"]]]]
        return [
            TriggerDefinition(
                name: "gauge", summary: "", documentation: TriggerDocumentation(payload: []), schema: schema
            ) { _, _ in }
        ]
    }
}
