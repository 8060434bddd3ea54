import RunnelKit
import Synchronization
import YAML

/// The pipelines that runs begin with, as this process holds them or has read them from the journal.
final class DefinitionCache: Sendable {
    /// In older journals, two files with the same text have the same hash.
    private struct Key: Hashable {
        let hash: String
        let pipeline: String
    }

    private struct DefinitionFile: Hashable {
        let hash: String
        let name: String
    }

    private struct State {
        var pipelines: [Key: ExecutablePipeline] = [:]
        /// The order of ended runs, oldest first.
        var order: [Key] = []
        /// When this process has stored definitions in the journal.
        var kept: [DefinitionFile: ContinuousClock.Instant] = [:]
    }

    private let journal: any Journal
    private let loader: PipelineLoader
    private let registry: StepRegistry
    private let seal: SecretSeal
    /// The folder of the project.
    private let folder: String
    private let state = Mutex(State())

    private static let limit = 200
    /// How long a stored definition is not stored again. Retention removes definitions no earlier than a day after they
    /// were stored.
    private static let keepInterval = Duration.seconds(3600)
    private static let maximumKept = 10_000

    /// - Parameters:
    ///   - registry: Of the steps as they are run.
    ///   - folder: That of the project, absolute.
    init(journal: any Journal, loader: PipelineLoader, registry: StepRegistry, seal: SecretSeal, folder: String) {
        self.journal = journal
        self.loader = loader
        self.registry = registry
        self.seal = seal
        self.folder = folder
    }

    /// - Throws: A ``RunError`` if the definition is missing or no longer valid; a ``JournalError``.
    func pipeline(of run: RunRecord) async throws -> ExecutablePipeline {
        let key = Key(hash: run.definition, pipeline: run.pipeline)
        if let known = state.withLock({ $0.pipelines[key] }) { return known }
        guard let definition = try await journal.definition(run.definition) else {
            throw RunError(RunErrorCode.definitionGone, "the journal does not contain the pipeline of the run")
        }
        let bytes = Array(seal.unseal(definition.text).utf8)
        let (pipeline, report) = loader.load(bytes, file: definition.file, isStored: true)
        guard var pipeline else {
            let first = report.diagnostics.first { $0.severity == .error }
            throw RunError(
                RunErrorCode.definitionInvalid,
                "the pipeline of the run is no longer valid: \(first?.message ?? "no reason is known")",
                hint: "`runnel runs retry` uses the current file")
        }
        // Older journals keep equal texts of several files once, with the name of one of them.
        pipeline.name = run.pipeline
        return insert(pipeline, key)
    }

    /// Stores the definition of the pipeline, so that another process can resume its runs. Durable when this returns.
    func keep(
        _ pipeline: Pipeline, isolation: isolated (any Actor)? = #isolation
    ) async throws(JournalError) {
        let file = DefinitionFile(hash: pipeline.definition, name: pipeline.source.name)
        let now = ContinuousClock.now
        if state.withLock({ $0.kept[file].map { now - $0 < Self.keepInterval } ?? false }) { return }
        insert(pipeline)
        // Commands are given paths relative to any folder, and other machines have the project elsewhere.
        let path = FilePath.relative(file.name, to: folder) ?? file.name
        try await journal.keep(
            DefinitionRecord(
                hash: file.hash, pipeline: pipeline.name, file: path, text: seal.seal(pipeline.definitionText)))
        state.withLock { state in
            if state.kept.count >= Self.maximumKept { state.kept = [:] }
            state.kept[file] = now
        }
    }

    /// Runs of the pipeline need not read it from the journal.
    @discardableResult func insert(_ pipeline: Pipeline) -> ExecutablePipeline {
        let key = Key(hash: pipeline.definition, pipeline: pipeline.name)
        return state.withLock { $0.pipelines[key] } ?? insert(pipeline, key)
    }

    private func insert(_ pipeline: Pipeline, _ key: Key) -> ExecutablePipeline {
        let executable = ExecutablePipeline(pipeline, registry)
        return state.withLock { state in
            if let other = state.pipelines[key] { return other }
            state.pipelines[key] = executable
            state.order.append(key)
            if state.order.count > Self.limit { state.pipelines[state.order.removeFirst()] = nil }
            return executable
        }
    }
}
