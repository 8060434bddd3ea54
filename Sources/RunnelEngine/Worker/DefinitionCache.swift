import RunnelKit

/// The pipelines that runs began with, read once.
actor DefinitionCache {
    private let journal: any Journal
    private let loader: PipelineLoader
    private let seal: SecretSeal
    private var pipelines: [String: Pipeline] = [:]
    private var order: [String] = []

    private static let limit = 200

    init(journal: any Journal, loader: PipelineLoader, seal: SecretSeal) {
        self.journal = journal
        self.loader = loader
        self.seal = seal
    }

    /// - Throws: A ``RunError`` when the definition is gone or no longer valid; a ``JournalError``.
    func pipeline(_ hash: String) async throws -> Pipeline {
        if let known = pipelines[hash] { return known }
        guard let definition = try await journal.definition(hash) else {
            throw RunError("definition-gone", "the journal does not hold the pipeline that the run began with")
        }
        let bytes = Array(seal.open(definition.text).utf8)
        let (pipeline, report) = loader.load(bytes, file: definition.file)
        guard let pipeline else {
            let first = report.diagnostics.first { $0.severity == .error }
            throw RunError(
                "definition-invalid",
                "the pipeline that the run began with is not valid any more: \(first?.message ?? "no reason is known")",
                hint:
                    "a plugin or a setting that it needs may have gone; `runnel runs retry` uses the file as it is now")
        }
        insert(pipeline, hash)
        return pipeline
    }

    func insert(_ pipeline: Pipeline, _ hash: String) {
        guard pipelines.updateValue(pipeline, forKey: hash) == nil else { return }
        order.append(hash)
        if order.count > Self.limit { pipelines[order.removeFirst()] = nil }
    }
}
