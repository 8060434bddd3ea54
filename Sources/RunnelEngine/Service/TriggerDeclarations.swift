import Logging
import RunnelKit

/// Tracks the triggers of a folder's pipelines across restarts, and clears the state of removed ones, so that they do
/// not catch up when they return.
actor TriggerDeclarations {
    /// The triggers of the last valid version of a file.
    private struct Entry: Equatable {
        var pipeline: String
        var triggers: [String]
    }

    private let registry: StepRegistry
    private let journal: any Journal
    private let logger: Logger
    private let memory: any TriggerMemory
    private var known: [String: Entry]?

    private static let prefix = "declared/"

    init(folder: String, registry: StepRegistry, journal: any Journal, logger: Logger) {
        self.registry = registry
        self.journal = journal
        self.logger = logger
        memory = journal.memory(of: TriggerID(pipeline: "", key: "folder " + folder))
    }

    /// - Parameter files: The existing files. One with errors keeps its triggers.
    func update(_ hosted: [PipelineHost.Hosted], files: Set<String>) async {
        do {
            var entries = try await recall()
            for file in Set(entries.keys).subtracting(files) {
                if let entry = entries.removeValue(forKey: file) {
                    // Renaming the file keeps the state.
                    let renamed = hosted.first { $0.problem == nil && $0.pipeline?.name == entry.pipeline }?.pipeline
                    try await forget(entry, keeping: renamed?.triggers.map(\.key) ?? [])
                }
                try await memory.set([Self.prefix + file: nil])
            }
            for file in hosted {
                guard let pipeline = file.pipeline, file.problem == nil else { continue }
                let entry = Entry(pipeline: pipeline.name, triggers: pipeline.triggers.map(\.key).sorted())
                guard entries[file.file] != entry else { continue }
                if let old = entries[file.file] {
                    try await forget(old, keeping: old.pipeline == entry.pipeline ? entry.triggers : [])
                }
                entries[file.file] = entry
                try await memory.set([
                    Self.prefix + file.file: [
                        "pipeline": .string(entry.pipeline), "triggers": .list(entry.triggers.map { .string($0) }),
                    ]
                ])
            }
            known = entries
        } catch {
            // Failed writes are detected as changes again next time.
            logger.error("cannot store the state of triggers: \(error)")
        }
    }

    private func recall() async throws -> [String: Entry] {
        if let known { return known }
        var entries: [String: Entry] = [:]
        for (key, value) in try await memory.values(prefix: Self.prefix) {
            entries[String(key.dropFirst(Self.prefix.count))] = Entry(
                pipeline: value["pipeline"]?.asString ?? "",
                triggers: (value["triggers"]?.asList ?? []).compactMap(\.asString))
        }
        return entries
    }

    private func forget(_ entry: Entry, keeping kept: [String]) async throws {
        for key in entry.triggers where !kept.contains(key) {
            let kind = String(key.prefix { $0 != "[" })
            let keys = registry.trigger(named: kind)?.memoryWhileDeclared ?? []
            guard !keys.isEmpty else { continue }
            let changes = Dictionary(keys.map { ($0, Value?.none) }, uniquingKeysWith: { first, _ in first })
            try await journal.memory(of: TriggerID(pipeline: entry.pipeline, key: key)).set(changes)
        }
    }
}
