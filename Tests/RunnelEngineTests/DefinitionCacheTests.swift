import RunnelKit
import Testing

@testable import RunnelEngine

@Suite("Cached definitions") struct DefinitionCacheTests {
    @Test("two files with the same text keep the names that they have from their files")
    func sameText() async throws {
        let loader = try PipelineLoader(registry: StepRegistry([FakePlugin()]))
        let cache = DefinitionCache(
            journal: MemoryJournal(), loader: loader, registry: loader.registry, seal: SecretSeal(secrets: [:]))
        let text = Array("steps: [{ uses: echo }]\n".utf8)
        let (first, second) = (loader.load(text, file: "a.yaml").pipeline, loader.load(text, file: "b.yaml").pipeline)
        let (a, b) = (try #require(first), try #require(second))
        #expect(a.definition == b.definition)
        #expect(cache.insert(a).declaration.name == "a")
        #expect(cache.insert(b).declaration.name == "b")
        let run = RunRecord(id: "r", pipeline: "b", definition: b.definition, trigger: .null, createdAt: 1)
        #expect(try await cache.pipeline(of: run).declaration.name == "b")
    }
}
