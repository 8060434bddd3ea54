import Logging
import RunnelKit
import RunnelSupport

/// Tracks the triggers of a folder's pipelines across restarts. Hands the state of renamed pipelines on, and clears that
/// of removed triggers, so that they do not catch up when they return.
actor TriggerDeclarations {
    /// The triggers of the last valid version of a file.
    private struct Entry: Equatable {
        /// As the journal has it: the file's name may be spelled in another Unicode form by now.
        var file: String
        var pipeline: String
        /// By their ``TriggerIdentities``.
        var triggers: [String]
        /// The hash of the file's text.
        var text: String

        /// Names by bytes, as journals compare them.
        static func == (left: Entry, right: Entry) -> Bool {
            left.file.isSpelled(as: right.file) && left.pipeline.isSpelled(as: right.pipeline)
                && left.triggers == right.triggers && left.text == right.text
        }
    }

    private let registry: StepRegistry
    private let journal: any Journal
    private let logger: Logger
    private let memory: any TriggerMemory
    private let identities: @Sendable (Pipeline) -> [String]
    private let former: @Sendable (Pipeline) -> [[String]]
    private let keysExpireAt: @Sendable () -> Int64
    private var known: [String: Entry]?
    /// The identities of a file's triggers, sorted, with the hash of the file: finding them reads all settings.
    private var identified: [String: (text: String, triggers: [String])] = [:]

    private static let prefix = "declared/"

    /// - Parameters:
    ///   - identities: See ``TriggerIdentities/all(of:)``.
    ///   - former: See ``TriggerIdentities/former(of:)``.
    ///   - keysExpireAt: Until when the dedupe keys of a renamed pipeline are kept.
    init(
        folder: String, registry: StepRegistry, journal: any Journal, logger: Logger,
        identities: @escaping @Sendable (Pipeline) -> [String] = { $0.triggers.map(\.key) },
        former: @escaping @Sendable (Pipeline) -> [[String]] = { _ in [] },
        keysExpireAt: @escaping @Sendable () -> Int64 = { .max }
    ) {
        self.identities = identities
        self.former = former
        self.keysExpireAt = keysExpireAt
        self.registry = registry
        self.journal = journal
        self.logger = logger
        memory = journal.memory(of: TriggerID(pipeline: "", key: "folder " + folder))
    }

    /// - Parameter files: The existing files. One with errors keeps its triggers.
    /// - Returns: False if the journal could not be read or written.
    @discardableResult func update(_ hosted: [PipelineHost.Hosted], files: Set<String>) async -> Bool {
        do {
            var entries = try await recall()
            let current = hosted.compactMap { file -> (file: String, pipeline: Pipeline, entry: Entry)? in
                guard let pipeline = file.pipeline, file.problem == nil else { return nil }
                let triggers = triggers(of: pipeline, in: file.file)
                return (
                    file.file, pipeline,
                    Entry(file: file.file, pipeline: pipeline.name, triggers: triggers, text: pipeline.textHash)
                )
            }
            identified = identified.filter { files.contains($0.key) }
            // What is below a folder that cannot be read is not gone.
            let folders = files.filter { $0.hasSuffix("/") }
            for file in Set(entries.keys).subtracting(files) where !folders.contains(where: file.hasPrefix) {
                if let entry = entries.removeValue(forKey: file) {
                    try await removed(
                        entry, current.filter { entries[$0.file] == nil }.map(\.entry), current.map(\.entry))
                }
                try await memory.set([Self.prefix + file: nil])
            }
            for (file, pipeline, entry) in current where entries[file] != entry {
                let old = entries[file]
                if let old, !old.pipeline.isSpelled(as: entry.pipeline) {
                    try await rename(old.pipeline, to: entry.pipeline, current.map(\.entry))
                }
                try await adopt(pipeline, after: old?.triggers ?? [])
                if var old {
                    old.pipeline = entry.pipeline
                    try await forget(old, keeping: entry.triggers)
                }
                if let old, !old.file.isSpelled(as: file) { try await memory.set([Self.prefix + old.file: nil]) }
                entries[file] = entry
                try await memory.set([
                    Self.prefix + file: [
                        "pipeline": .string(entry.pipeline), "triggers": .list(entry.triggers.map { .string($0) }),
                        "definition": .string(entry.text),
                    ]
                ])
            }
            known = entries
            return true
        } catch {
            // Failed writes are detected as changes again next time.
            logger.error("cannot store the state of triggers: \(error)")
            return false
        }
    }

    private func triggers(of pipeline: Pipeline, in file: String) -> [String] {
        if let known = identified[file], known.text == pipeline.textHash { return known.triggers }
        let triggers = identities(pipeline).sorted()
        if !pipeline.textHash.isEmpty { identified[file] = (pipeline.textHash, triggers) }
        return triggers
    }

    /// Takes over what the triggers remembered under names that they had before.
    ///
    /// - Parameter old: The triggers of the last valid version.
    private func adopt(_ pipeline: Pipeline, after old: [String]) async throws {
        let identities = identities(pipeline)
        for (identity, names) in zip(identities, former(pipeline)) {
            for name in names + edited(identity, of: identities, after: old) where !identities.contains(name) {
                try await journal.move(
                    memoryOf: TriggerID(pipeline: pipeline.name, key: name),
                    to: TriggerID(pipeline: pipeline.name, key: identity))
            }
        }
    }

    /// What the trigger was before its entry was edited; see ``Trigger/keepsMemoryWhenEdited``.
    private func edited(_ identity: String, of identities: [String], after old: [String]) -> [String] {
        let kind = TriggerIdentities.kind(of: identity)
        guard registry.trigger(named: kind)?.keepsMemoryWhenEdited ?? false else { return [] }
        let new = identities.filter { TriggerIdentities.kind(of: $0) == kind && !old.contains($0) }
        let gone = old.filter { TriggerIdentities.kind(of: $0) == kind && !identities.contains($0) }
        return new == [identity] && gone.count == 1 ? gone : []
    }

    /// The file of the entry is gone, unless it has only another name now.
    private func removed(_ entry: Entry, _ new: [Entry], _ all: [Entry]) async throws {
        if let same = all.first(where: { $0.pipeline == entry.pipeline }) {
            return try await forget(entry, keeping: same.triggers)
        }
        // A pipeline without `name:` is named after its file.
        guard let renamed = new.first(where: { !entry.text.isEmpty && $0.text == entry.text }) else {
            return try await forget(entry, keeping: [])
        }
        try await rename(entry.pipeline, to: renamed.pipeline, all)
    }

    private func rename(_ pipeline: String, to name: String, _ all: [Entry]) async throws {
        guard !all.contains(where: { $0.pipeline.isSpelled(as: pipeline) }) else { return }
        logger.notice("the pipeline \"\(pipeline)\" is named \"\(name)\" now; what its triggers know goes with it")
        try await journal.rename(pipeline: pipeline, to: name, keepingKeysUntil: keysExpireAt())
    }

    private func recall() async throws -> [String: Entry] {
        if let known { return known }
        var entries: [String: Entry] = [:]
        for (key, value) in try await memory.values(prefix: Self.prefix) {
            let file = String(key.dropFirst(Self.prefix.count))
            entries[file] = Entry(
                file: file, pipeline: value["pipeline"]?.asString ?? "",
                triggers: (value["triggers"]?.asList ?? []).compactMap(\.asString),
                text: value["definition"]?.asString ?? "")
        }
        return entries
    }

    private func forget(_ entry: Entry, keeping kept: [String]) async throws {
        for key in entry.triggers where !kept.contains(key) {
            let keys = registry.trigger(named: TriggerIdentities.kind(of: key))?.memoryWhileDeclared ?? []
            guard !keys.isEmpty else { continue }
            let changes = Dictionary(keys.map { ($0, Value?.none) }, uniquingKeysWith: { first, _ in first })
            try await journal.memory(of: TriggerID(pipeline: entry.pipeline, key: key)).set(changes)
        }
    }
}
