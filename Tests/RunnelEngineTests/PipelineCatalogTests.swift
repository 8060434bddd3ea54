import RunnelKit
import Synchronization
import Testing

@testable import RunnelEngine

@Suite("The catalogue of a folder") struct PipelineCatalogTests {
    private final class Files: Sendable {
        private let texts = Mutex<[(key: String, value: String)]>([])

        func set(_ texts: [(key: String, value: String)]) { self.texts.withLock { $0 = texts } }

        func read() -> [(file: String, bytes: [UInt8]?)] {
            texts.withLock(\.self).map { ($0.key, Array($0.value.utf8)) }
        }
    }

    private let files = Files()

    private func catalog(isServed: Bool) throws -> PipelineCatalog {
        try PipelineCatalog(loader: PipelineLoader(registry: StepRegistry([FakePlugin()])), isServed: isServed) {
            [files] in files.read()
        }
    }

    private static func pipeline(_ name: String) -> String { "name: \(name)\nsteps: [ { uses: echo } ]\n" }

    private func look(_ texts: [String: String], _ catalog: inout PipelineCatalog) -> [String] {
        look(texts.sorted { $0.key < $1.key }, &catalog)
    }

    private func look(_ texts: [(key: String, value: String)], _ catalog: inout PipelineCatalog) -> [String] {
        files.set(texts)
        return catalog.look().changes.map { change in
            switch change {
            case .updated(let file, let pipeline, _, _): "\(file) is \(pipeline.name)"
            case .problem(let file, _, _): "\(file) has a problem"
            case .unreadable(let file): "\(file) is unreadable"
            case .readable(let file): "\(file) is readable"
            case .removed(let file): "\(file) is gone"
            case .displaced(let file, let other): "\(file) gives way to \(other)"
            case .folderUnreadable: "the folder is unreadable"
            }
        }
    }

    @Test("where pipelines are not served by name, two may share one, and a file is gone at once")
    func listing() throws {
        var catalog = try catalog(isServed: false)
        let both = ["a.yaml": Self.pipeline("p"), "b.yaml": Self.pipeline("p")]
        #expect(look(both, &catalog) == ["a.yaml is p", "b.yaml is p"])
        #expect(look(both, &catalog) == [])
        #expect(look(["b.yaml": Self.pipeline("p")], &catalog) == ["a.yaml is gone"])
    }

    @Test("of two files whose names differ only in their Unicode form, the second has a problem, told once")
    func unicodeForms() throws {
        var catalog = try catalog(isServed: true)
        let (composed, decomposed) = ("pipelines/ガ.yaml", "pipelines/カ\u{3099}.yaml")
        let both = [
            (key: decomposed, value: "steps: [ { uses: echo } ]\n"),
            (key: composed, value: "steps: [ { uses: echo, id: e } ]\n"),
        ]
        _ = look(both, &catalog)
        #expect(catalog.entries.map { Array($0.file.utf8) } == [Array(decomposed.utf8), Array(composed.utf8)])
        #expect(catalog[decomposed]?.pipeline?.name.utf8.elementsEqual("ガ".utf8) == true)
        #expect(catalog[composed]?.pipeline == nil)
        #expect(look(both, &catalog) == [])
        // Renamed to the other form.
        let renamed = [(key: composed, value: both[0].value)]
        #expect(look(renamed, &catalog) + look(renamed, &catalog) == ["\(decomposed) is gone", "\(composed) is ガ"])
    }

    @Test("filters have the name of a pipeline in composed form, as pipelines do")
    func filters() {
        let (composed, decomposed) = ("ガ", "カ\u{3099}")
        var filter = RunFilter(pipeline: decomposed)
        #expect(filter.pipeline?.utf8.elementsEqual(composed.utf8) == true)
        filter.pipeline = "é\(decomposed)"
        #expect(filter.pipeline?.utf8.elementsEqual("é\(composed)".utf8) == true)
        #expect(DeliveryFilter(pipeline: decomposed).pipeline?.utf8.elementsEqual(composed.utf8) == true)
        #expect(UsageQuery(since: 0, pipeline: decomposed).pipeline?.utf8.elementsEqual(composed.utf8) == true)
    }

    @Test("a file with errors keeps its last good version, and is read again when it was forgotten")
    func forgetting() throws {
        var catalog = try catalog(isServed: true)
        #expect(look(["a.yaml": Self.pipeline("p")], &catalog) == ["a.yaml is p"])
        #expect(look(["a.yaml": "name: p\n"], &catalog) == ["a.yaml has a problem"])
        #expect(catalog["a.yaml"]?.pipeline?.name == "p")
        #expect(catalog["a.yaml"]?.problem != nil)
        catalog.forget("a.yaml")
        // The same problem is not told twice, but the file was read.
        #expect(catalog.look().read == ["a.yaml"])
        #expect(look(["a.yaml": Self.pipeline("p")], &catalog) == ["a.yaml is p"])
        #expect(catalog["a.yaml"]?.problem == nil)
    }

    @Test("a pipeline is named in the journal by the SHA-256 of its text")
    func definition() throws {
        var catalog = try catalog(isServed: true)
        _ = look(["a.yaml": Self.pipeline("p")], &catalog)
        let hash = "1050eded6a95b9a7b18913e5a5fba0d592b8bc087f373596bc4b3ada2f8d3bfb"
        #expect(catalog["a.yaml"]?.pipeline?.definition == hash)
    }
}
