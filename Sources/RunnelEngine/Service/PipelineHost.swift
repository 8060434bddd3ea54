public import Logging
public import RunnelKit
import Templates
import YAML

/// Serves the pipelines of a folder: keeps their triggers going, and takes changes of their files as they come.
public actor PipelineHost {
    /// A file as the host knows it.
    public struct Hosted: Sendable {
        public var file: String
        /// The last version without errors; nil where there was none yet.
        public var pipeline: Pipeline?
        public var definition: String?
        /// What is wrong with the file as it is now.
        public var problem: String?
        public var triggers: [String: TriggerHealth] = [:]
    }

    /// Gives all files that there are with what they hold; nil for one that cannot be read now. Throws when it cannot be
    /// known which files there are.
    public typealias ReadFiles = @Sendable () throws -> [(file: String, bytes: [UInt8]?)]

    /// A trigger that is to begin.
    typealias Beginning = (key: String, work: @Sendable () async -> Void)

    private let queue: RunQueue
    private let loader: PipelineLoader
    private let read: ReadFiles
    private let hash: @Sendable ([UInt8]) -> String
    private let logger: Logger
    private let declarations: TriggerDeclarations
    private var hosted: [String: Hosted] = [:]
    private var contents: [String: [UInt8]] = [:]
    /// Files that were not there at the last look. An editor may take a file away for the moment in which it saves it.
    private var absent: Set<String> = []
    private var folderProblem: String?
    private var running: [String: DetachableTask<Void>] = [:]
    /// All triggers that have begun and not ended, also those that others have taken the place of.
    private var unended: [ObjectIdentifier: (key: String, task: DetachableTask<Void>)] = [:]
    /// Triggers that are to begin and that ``run(onReady:)`` has not begun yet.
    private var waiting: [Beginning] = []

    private static let interval = Duration.seconds(1)
    private static let patience = Duration.seconds(5)
    private static let unreadable = "the file cannot be read; check its permissions"

    /// - Parameters:
    ///   - folder: Absolute. What is remembered of its triggers is told apart from other folders' by it.
    ///   - read: Gives the folder's pipeline files, with their paths as they are shown.
    ///   - hash: SHA-256 in hexadecimal.
    public init(
        queue: RunQueue, loader: PipelineLoader, logger: Logger, folder: String = "",
        hash: @escaping @Sendable ([UInt8]) -> String,
        read: @escaping ReadFiles
    ) {
        self.queue = queue
        self.loader = loader
        self.logger = logger
        self.hash = hash
        self.read = read
        declarations = TriggerDeclarations(
            folder: folder, registry: loader.registry, journal: queue.journal, logger: logger)
    }

    /// By file.
    public var all: [Hosted] { hosted.values.sorted { $0.file < $1.file } }

    public func pipeline(named name: String) -> Hosted? {
        hosted.values.first { $0.pipeline?.name == name }
    }

    /// Serves until the task is cancelled.
    ///
    /// - Parameter onReady: Called once, when all files have been read and each trigger has said how it is.
    public nonisolated func run(onReady: @Sendable () async -> Void) async {
        await withDiscardingTaskGroup { group in
            var isReady = false
            while !Task.isCancelled {
                for (key, work) in await beginnings() {
                    let task = DetachableTask<Void>()
                    await begin(key, task)
                    group.addTask {
                        _ = await task.run(work)
                        await self.ended(task)
                    }
                }
                if !isReady {
                    isReady = true
                    await waitForTriggers()
                    await onReady()
                }
                try? await ContinuousClock().sleep(for: Self.interval)
            }
            // A task of its own, since this one is cancelled by now and could not wait.
            await Task { await self.abandonLateTriggers() }.value
        }
    }

    private func ended(_ task: DetachableTask<Void>) {
        unended[ObjectIdentifier(task)] = nil
    }

    /// A trigger that ignores its cancellation must not keep the process from ending.
    private func abandonLateTriggers() async {
        let clock = ContinuousClock()
        let end = clock.now + Self.patience
        while !unended.isEmpty, clock.now < end { try? await clock.sleep(for: .milliseconds(5)) }
        for (key, task) in unended.values {
            let place = key.split(separator: "\u{0}").reversed().joined(separator: " of ")
            logger.warning("the trigger \(place) did not end when it was cancelled; it is left alone")
            task.abandon()
        }
    }

    private func beginnings() async -> [Beginning] {
        let begins = await look()
        defer { waiting = [] }
        return waiting + begins
    }

    /// Looks at all files now. A file that has errors is read again, and a trigger that has a problem begins again.
    ///
    /// - Returns: The files that have changed or were taken up again.
    public func reload() async -> [String] {
        for (file, hosted) in hosted {
            let hasProblem = hosted.triggers.values.contains { if case .problem = $0 { true } else { false } }
            if hosted.problem != nil || hasProblem { contents[file] = nil }
        }
        let before = contents
        waiting += await look()
        return contents.keys.filter { contents[$0] != before[$0] }.sorted()
    }

    /// Until each has said that it waits, or what is wrong; not for ever, since a plugin's may never say a word.
    private func waitForTriggers() async {
        let clock = ContinuousClock()
        let end = clock.now + Self.patience
        while !haveTriggersReported, !Task.isCancelled, clock.now < end {
            try? await clock.sleep(for: .milliseconds(5))
        }
    }

    private var haveTriggersReported: Bool {
        hosted.values.allSatisfy { hosted in
            hosted.pipeline?.triggers.allSatisfy { hosted.triggers[$0.key] != nil } ?? true
        }
    }

    private func begin(_ key: String, _ task: DetachableTask<Void>) {
        running[key]?.cancel()
        running[key] = task
        unended[ObjectIdentifier(task)] = (key, task)
    }

    /// Reads what has changed.
    ///
    /// - Returns: The triggers that are to begin.
    func look() async -> [Beginning] {
        guard let files = readFolder() else { return [] }
        var begins: [Beginning] = []
        let missing = Set(hosted.keys).subtracting(files.map(\.file))
        for file in missing.intersection(absent) { end(file) }
        absent = missing.subtracting(absent)
        for (file, bytes) in files {
            guard let bytes else {
                cannotRead(file)
                continue
            }
            if contents[file] == bytes {
                if hosted[file]?.problem == Self.unreadable { hosted[file]?.problem = nil }
                continue
            }
            begins += await take(file, bytes)
        }
        await declarations.update(Array(hosted.values), files: absent.union(files.map(\.file)))
        return begins
    }

    /// Takes up a file that is new or has changed.
    ///
    /// - Returns: The triggers that are to begin.
    private func take(_ file: String, _ bytes: [UInt8]) async -> [Beginning] {
        var begins: [Beginning] = []
        contents[file] = bytes
        let (pipeline, report) = loader.load(bytes, file: file)
        var entry = hosted[file] ?? Hosted(file: file)
        let before = entry.problem
        var other = pipeline.flatMap { new in
            hosted.values.first { $0.file != file && $0.pipeline?.name == new.name }
        }
        // The file was renamed.
        if let renamed = other?.file, absent.remove(renamed) != nil {
            end(renamed)
            other = nil
        }
        if let other {
            // Looked at again, until the other has gone or has another name.
            contents[file] = nil
            entry.problem = "the pipeline is named \"\(other.pipeline?.name ?? "")\" as is the one in \(other.file)"
        } else if let pipeline {
            entry.problem = nil
            entry.pipeline = pipeline
            entry.definition = hash(bytes)
            entry.triggers = [:]
            endTriggers(of: file)
            await keep(pipeline, entry.definition ?? "", file)
            begins = triggers(of: pipeline, entry.definition ?? "", file)
        } else {
            entry.problem = DiagnosticPrinter(sources: [report.source]).text(report.diagnostics)
        }
        if let problem = entry.problem, problem != before {
            let goesOn = entry.pipeline == nil ? "it is not served" : "its last good version goes on"
            let errors = report.diagnostics.filter { $0.severity == .error }.map(DiagnosticPrinter.line)
            for words in errors.isEmpty ? [problem] : errors {
                logger.error("\(file) has errors; \(goesOn): \(words)")
            }
        }
        hosted[file] = entry
        return begins
    }

    private func end(_ file: String) {
        logger.notice("\(file) is gone; its triggers end")
        endTriggers(of: file)
        contents[file] = nil
        hosted[file] = nil
    }

    /// nil where the files cannot be listed; then everything goes on as it is.
    private func readFolder() -> [(file: String, bytes: [UInt8]?)]? {
        do {
            let files = try read()
            folderProblem = nil
            return files
        } catch {
            let words = "\(error)"
            if words != folderProblem { logger.error("the pipelines go on as they are: \(words)") }
            folderProblem = words
            return nil
        }
    }

    private func cannotRead(_ file: String) {
        // With errors in what was read last, those are what there is to say.
        guard hosted[file]?.problem == nil else { return }
        logger.error("\(file): \(Self.unreadable)")
        hosted[file, default: Hosted(file: file)].problem = Self.unreadable
    }

    private func keep(_ pipeline: Pipeline, _ definition: String, _ file: String) async {
        do {
            let text = queue.worker.runner.seal.close(pipeline.source.text)
            try await queue.journal.keep(
                DefinitionRecord(hash: definition, pipeline: pipeline.name, file: file, text: text))
        } catch {
            logger.error("\(file) cannot be kept: \(error)")
        }
    }

    private func endTriggers(of file: String) {
        for key in running.keys where key.hasPrefix(file + "\u{0}") {
            running.removeValue(forKey: key)?.cancel()
        }
    }

    // MARK: - Triggers

    private func triggers(of pipeline: Pipeline, _ definition: String, _ file: String) -> [Beginning] {
        pipeline.triggers.map { trigger in
            let runs = HostedRuns(
                queue: queue, host: self, pipeline: pipeline, definition: definition, file: file, trigger: trigger)
            return (file + "\u{0}" + trigger.key, { await self.supervise(trigger, of: pipeline, runs) })
        }
    }

    /// Begins the trigger again whenever it ends, until the task is cancelled.
    private nonisolated func supervise(_ trigger: TriggerDeclaration, of pipeline: Pipeline, _ runs: HostedRuns) async {
        guard let definition = loader.registry.trigger(named: trigger.kind) else { return }
        let runner = queue.worker.runner
        var logger = logger
        logger[metadataKey: "pipeline"] = .string(pipeline.name)
        logger[metadataKey: "trigger"] = .string(trigger.key)
        let context = TriggerContext(
            pipeline: pipeline.name, key: trigger.key, logger: logger, clock: runner.clock, now: runner.now,
            redactor: runner.redactor, services: runner.services, project: runner.project,
            memory: SealedTriggerMemory(
                memory: queue.journal.memory(of: TriggerID(pipeline: pipeline.name, key: trigger.key)),
                seal: runner.seal), runs: runs)
        var pause = Duration.seconds(1)
        while !Task.isCancelled {
            let start = runner.clock.measureStart()
            do {
                let scope = DictionaryScope([
                    "secrets": .object(ValueObject(runner.values.secrets.map { ($0.key, .string($0.value)) })),
                    "env": .object(ValueObject(runner.values.env.map { ($0.key, .string($0.value)) })),
                ])
                let entry = try trigger.entry.render(scope).asObject ?? [:]
                do {
                    try await definition.run(entry, context)
                } catch let error as StepError {
                    throw trigger.entry.attributing(error)
                }
                return
            } catch {
                if Task.isCancelled { return }
                let words = runner.redactor.redact("\(error)")
                logger.error(
                    "the trigger \(trigger.key) of \(pipeline.name) failed: \(words); it begins again in \(DurationText.format(pause))"
                )
                await runs.report(.problem(words))
            }
            if start.elapsed() > .seconds(60) { pause = .seconds(1) }
            try? await runner.clock.sleep(for: pause)
            pause = min(pause * 2, .seconds(60))
        }
    }

    func report(_ health: TriggerHealth, of trigger: String, in file: String) {
        hosted[file]?.triggers[trigger] = health
    }
}

/// What one trigger sees of the engine.
struct HostedRuns: TriggerRuns {
    let queue: RunQueue
    let host: PipelineHost
    let pipeline: Pipeline
    let definition: String
    let file: String
    let trigger: TriggerDeclaration

    func accept(_ event: TriggerEvent) async throws(TriggerRefusal) -> TriggerAcceptance {
        let runner = queue.worker.runner
        let now = runner.now()
        var payload: ValueObject = ["type": .string(trigger.kind)]
        for (key, value) in event.payload { payload[key] = value }
        let inputs: ValueObject
        do {
            inputs = try pipeline.inputValues([])
        } catch {
            throw TriggerRefusal(.journal, error.message, retryAfter: .seconds(60))
        }
        let run = RunRecord(
            id: UUIDv7.make(nanoseconds: now), pipeline: pipeline.name, definition: definition,
            dedupeKey: runner.seal.dedupeKey(event.dedupeKey, of: pipeline.name),
            trigger: runner.seal.close(.object(payload)),
            inputs: runner.seal.close(.object(inputs)).asObject ?? [:], input: runner.seal.close(event.input),
            createdAt: now)
        let memory =
            event.memory.isEmpty
            ? nil
            : MemoryChanges(
                trigger: TriggerID(pipeline: pipeline.name, key: trigger.key), values: runner.seal.close(event.memory))
        switch try await queue.accept(run, of: pipeline, memory: memory) {
        case .accepted, .claimed: return .accepted(runID: run.id)
        case .duplicate(let id): return .duplicate(runID: id)
        }
    }

    func follow(_ runID: String, _ body: @escaping @Sendable (RunUpdate) async -> Void) async throws -> RunEnd {
        try await queue.follow(runID, body)
    }

    func cancel(_ runID: String) async throws {
        _ = try await queue.cancel(runID)
    }

    func report(_ health: TriggerHealth) async {
        let redactor = queue.worker.runner.redactor
        let shown: TriggerHealth =
            switch health {
            case .waiting(let text): .waiting(redactor.redact(text))
            case .problem(let text): .problem(redactor.redact(text))
            }
        await host.report(shown, of: trigger.key, in: file)
    }
}
