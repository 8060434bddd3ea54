import RunnelKit
import Synchronization

/// The pipelines that runs begin with, as this process holds them or has read them from the journal.
final class DefinitionCache: Sendable {
    private struct State {
        var pipelines: [String: ExecutablePipeline] = [:]
        /// The order of ended runs, oldest first.
        var order: [String] = []
    }

    private let journal: any Journal
    private let loader: PipelineLoader
    private let registry: StepRegistry
    private let seal: SecretSeal
    private let state = Mutex(State())

    private static let limit = 200

    /// - Parameter registry: Of the steps as they are run.
    init(journal: any Journal, loader: PipelineLoader, registry: StepRegistry, seal: SecretSeal) {
        self.journal = journal
        self.loader = loader
        self.registry = registry
        self.seal = seal
    }

    /// - Throws: A ``RunError`` if the definition is missing or no longer valid; a ``JournalError``.
    func pipeline(_ hash: String) async throws -> ExecutablePipeline {
        if let known = state.withLock({ $0.pipelines[hash] }) { return known }
        guard let definition = try await journal.definition(hash) else {
            throw RunError(RunErrorCode.definitionGone, "the journal does not contain the pipeline of the run")
        }
        let bytes = Array(seal.unseal(definition.text).utf8)
        let (pipeline, report) = loader.load(bytes, file: definition.file, isStored: true)
        guard let pipeline else {
            let first = report.diagnostics.first { $0.severity == .error }
            throw RunError(
                RunErrorCode.definitionInvalid,
                "the pipeline of the run is no longer valid: \(first?.message ?? "no reason is known")",
                hint:
                    "a plugin or a setting that it needs may have been removed; `runnel runs retry` uses the current file"
            )
        }
        return insert(pipeline, hash)
    }

    /// Runs of the pipeline need not read it from the journal.
    @discardableResult func insert(_ pipeline: Pipeline) -> ExecutablePipeline {
        let known = state.withLock { $0.pipelines[pipeline.definition] }
        return known ?? insert(pipeline, pipeline.definition)
    }

    private func insert(_ pipeline: Pipeline, _ hash: String) -> ExecutablePipeline {
        let executable = ExecutablePipeline(pipeline, registry)
        return state.withLock { state in
            if let other = state.pipelines[hash] { return other }
            state.pipelines[hash] = executable
            state.order.append(hash)
            if state.order.count > Self.limit { state.pipelines[state.order.removeFirst()] = nil }
            return executable
        }
    }
}
