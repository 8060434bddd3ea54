public import Logging
public import RunnelKit
internal import RunnelSupport
import Synchronization
import Templates
import YAML

/// A part of what a trigger remembers.
package struct LedgerPage: Sendable {
    package var items: [LedgerItem]
    /// Behind which position the next page begins; nil: there are no more.
    package var next: String?
}

/// Serves the pipelines of a folder: supervises their triggers, and reloads files when they change.
public actor PipelineHost {
    /// The state of a served file.
    public struct Hosted: Sendable {
        /// The path of the file.
        public var file: String
        /// The last valid version; nil if there was none yet.
        public var pipeline: Pipeline?
        /// The problem of the current version of the file.
        public var problem: String?
        /// What there is to say about the current version of the file.
        public var report: LoadReport?
        /// The health of its triggers, by key.
        public var triggers: [String: TriggerHealth] = [:]
        /// The keys of triggers that an operator has disabled.
        public var disabled: Set<String> = []
        /// The number of events of each trigger that its `if` ignored since this process began to serve it.
        public var ignored: [String: Int] = [:]

        /// Whether the problem is that the file, or a folder of files, cannot be read.
        package var isUnreadable: Bool { problem == PipelineCatalog.unreadable(file) }
    }

    /// When a trigger starts a run.
    public struct Tick: Sendable, Hashable {
        /// The trigger's key, such as `schedule[1]`.
        public var key: String
        /// Nanoseconds since 1970.
        public var time: Int64
        /// The time in the zone of the trigger.
        public var text: String
    }

    /// What is known beforehand of a pipeline's triggers.
    package struct Outlook: Sendable {
        /// The next ticks of the triggers that are enabled, earliest first.
        package var ticks: [Tick] = []
        /// The keys of triggers that do not fire: an operator has disabled them, or their entry has `enabled: false`.
        package var disabled: Set<String> = []
        /// Whether there are ticks that can be backfilled, those of disabled triggers included.
        package var hasTicks = false

        /// The next tick of a trigger.
        package func next(of key: String) -> Tick? { ticks.first { $0.key == key } }
    }

    /// One entry under `on:` of one file.
    struct TriggerPlace: Sendable, Hashable, CustomStringConvertible {
        var file: String
        var key: String

        var description: String { "\(key) of \(file)" }
    }

    /// A trigger to start.
    typealias Beginning = (place: TriggerPlace, work: @Sendable () async -> Void)

    /// Counts the changes of files and of the health of triggers, which are in no journal.
    private let changeCount = Atomic<Int>(0)
    /// A number that changes whenever a served file or the health of a trigger has changed.
    package nonisolated var changes: Int { changeCount.load(ordering: .relaxed) }

    /// What the triggers and the API start runs with.
    public nonisolated let runs: RunService
    private let worker: Worker
    private let registry: StepRegistry
    private let loader: PipelineLoader
    private let logger: Logger
    private let declarations: TriggerDeclarations
    private var catalog: PipelineCatalog
    private let identities: TriggerIdentities
    /// When this process began to serve, in nanoseconds since 1970.
    private let servingSince: Int64
    private var health: [TriggerPlace: TriggerHealth] = [:]
    /// The triggers that operators have disabled, as the journal said at the last look.
    private var disabled: Set<TriggerID> = []
    /// The values in scope of the triggers' entries at the last look.
    private var values: ValueObject
    /// The changes of the configuration that take effect when this process is restarted, by name.
    package private(set) var pendingRestart: [String] = []
    /// The errors of the configuration on disk, one a line. The last valid configuration stays in use.
    package private(set) var configurationProblems: [String] = []
    /// Whether the folder was read once; only later changes are logged.
    private var hasLooked = false
    /// The files that have been valid.
    private var served: Set<String> = []
    private var ignored: [TriggerPlace: Int] = [:]
    private let chainLimit: Int
    private nonisolated let keptKeys: Watched<Duration>
    /// How long dedupe keys are kept.
    package nonisolated var dedupe: Duration { keptKeys.value }
    private let publicURL: String?
    /// The problems of each trigger that were logged and last.
    private var troubles: [TriggerPlace: Set<String>] = [:]
    /// Triggers that are not started, since another one has what they want; with the reason.
    private var losers: [TriggerPlace: String] = [:]
    private var isFolderUnreadable = false
    private var looks = 0
    /// By machine: in how many consecutive checks runs have waited for it.
    private var heldLooks: [String: Int] = [:]
    private var running: [TriggerPlace: AbandonableTask<Void>] = [:]
    /// All triggers that have not ended, including replaced ones.
    private var unended: [ObjectIdentifier: (place: TriggerPlace, task: AbandonableTask<Void>)] = [:]
    /// Triggers that ``run(onReady:)`` has not started yet.
    private var waiting: [Beginning] = []
    /// By file whose triggers have to end or start because it has changed: which call of ``take(_:)`` found the change.
    private var pending: [String: Int] = [:]
    private var takes = 0
    /// The events that are being accepted, by trigger as the journal knows it.
    private var acceptances: [TriggerID: (file: String, events: TriggerAcceptances)] = [:]

    private static let interval = Duration.seconds(1)
    private static let patience = Duration.seconds(5)
    /// How long triggers of a new version wait for those of the old one to end. Shorter than the time for which
    /// ``HTTPIngress`` keeps requests to a released path.
    private static let handover = Duration.seconds(1)

    /// - Parameters:
    ///   - folder: The absolute path, which also identifies the stored state of its triggers.
    ///   - dedupe: How long the dedupe keys of a renamed pipeline are kept.
    ///   - read: Returns the folder's pipeline files, with displayed paths.
    ///   - chainLimit: The maximum number of runs that cause each other.
    ///   - publicURL: Where the dashboard is reached, for links; without a slash at the end.
    public init(
        queue: RunQueue, loader: PipelineLoader, logger: Logger, folder: String = "", chainLimit: Int = 8,
        dedupe: Duration = .seconds(30 * 86_400), publicURL: String? = nil, read: @escaping PipelineCatalog.ReadFiles
    ) {
        runs = RunService(queue: queue)
        worker = queue.worker
        registry = loader.registry
        self.loader = loader
        self.logger = logger
        self.chainLimit = chainLimit
        let keptKeys = Watched(dedupe)
        self.keptKeys = keptKeys
        self.publicURL = publicURL
        catalog = PipelineCatalog(loader: loader, isServed: true, read: read)
        let runner = queue.worker.runner
        let identities = TriggerIdentities(registry: loader.registry, values: runner.values, seal: runner.seal)
        self.identities = identities
        values = runner.values.scope
        servingSince = runner.now()
        declarations = TriggerDeclarations(
            folder: folder, registry: loader.registry, journal: queue.journal, logger: logger,
            identities: { identities.all(of: $0) }, former: { identities.former(of: $0) },
            keysExpireAt: { [now = runner.now] in now() + keptKeys.value.nanoseconds })
    }

    /// A definition of a pipeline as it can be shown, with asterisks for literal secrets.
    ///
    /// - Parameters:
    ///   - definition: Its text as the journal keeps it.
    ///   - file: The pipeline's.
    package nonisolated func shown(_ definition: String, file: String) -> String {
        loader.load(Array(definition.utf8), file: file, isStored: true).report.shownDefinition
    }

    /// By file.
    public var all: [Hosted] { catalog.entries.map(hosted) }

    /// The file whose pipeline has this name; nil if there is none.
    public func pipeline(named name: String) -> Hosted? {
        catalog.entries.first { $0.pipeline?.name == name }.map(hosted)
    }

    /// The file with errors whose pipeline has this name; nil if there is none.
    package func faulty(named name: String) -> Hosted? {
        catalog.entries.first { entry in
            guard entry.pipeline == nil, entry.problem != nil else { return false }
            return Pipeline.name(in: Array((entry.report?.source.text ?? "").utf8), file: entry.file) == name
        }.map(hosted)
    }

    private func hosted(_ entry: PipelineCatalog.Entry) -> Hosted {
        let keys = entry.pipeline?.triggers.map(\.key) ?? []
        let known = keys.compactMap { key in health[TriggerPlace(file: entry.file, key: key)].map { (key, $0) } }
        let ignored = keys.compactMap { key in self.ignored[TriggerPlace(file: entry.file, key: key)].map { (key, $0) }
        }
        return Hosted(
            file: entry.file, pipeline: entry.pipeline, problem: entry.problem, report: entry.report,
            triggers: Dictionary(known, uniquingKeysWith: { first, _ in first }),
            disabled: Set(keys.filter { disabled.contains(TriggerID(pipeline: entry.pipeline?.name ?? "", key: $0)) }),
            ignored: Dictionary(ignored, uniquingKeysWith: { first, _ in first }))
    }

    /// The current problems of these kinds, as the health board has them.
    package nonisolated func problems(of kinds: [HealthBoard.Kind]) async -> [HealthBoard.Problem] {
        guard let board = try? await worker.runner.services.get(HealthBoard.self) else { return [] }
        return board.problems(of: kinds)
    }

    /// The ticks that can be backfilled, earliest first: also those of triggers that are disabled. Triggers whose entry
    /// cannot be read have none.
    ///
    /// - Parameter time: Nanoseconds since 1970.
    public nonisolated func ticks(of pipeline: Pipeline, after time: Int64, limit: Int) -> [Tick] {
        let ticks = pipeline.triggers.flatMap { trigger -> [Tick] in
            guard let schedule = schedule(of: trigger) else { return [] }
            return Self.ticks(of: schedule, key: trigger.key, after: time, limit: limit)
        }
        return Array(ticks.sorted { $0.time < $1.time }.prefix(limit))
    }

    /// What comes, as people are shown it.
    ///
    /// - Parameters:
    ///   - hosted: The pipeline.
    ///   - time: Nanoseconds since 1970.
    ///   - limit: The maximum number of ticks of each trigger.
    package nonisolated func outlook(of hosted: Hosted, after time: Int64, limit: Int = 1) -> Outlook {
        var outlook = Outlook(disabled: hosted.disabled)
        for trigger in hosted.pipeline?.triggers ?? [] {
            guard let schedule = schedule(of: trigger) else { continue }
            let ticks = Self.ticks(of: schedule, key: trigger.key, after: time, limit: limit)
            if !ticks.isEmpty { outlook.hasTicks = true }
            if !schedule.isEnabled { outlook.disabled.insert(trigger.key) }
            if !outlook.disabled.contains(trigger.key) { outlook.ticks += ticks }
        }
        outlook.ticks.sort { $0.time < $1.time }
        return outlook
    }

    private static func ticks(of schedule: TriggerPreview, key: String, after time: Int64, limit: Int) -> [Tick] {
        var ticks: [Tick] = []
        var last = time
        while ticks.count < limit, let next = schedule.next(last) {
            ticks.append(Tick(key: key, time: next, text: schedule.text(next)))
            last = next
        }
        return ticks
    }

    /// The times of a trigger; nil where it has none, or its entry cannot be rendered.
    private nonisolated func schedule(of trigger: TriggerDeclaration) -> TriggerPreview? {
        guard let preview = registry.trigger(named: trigger.kind)?.preview,
            let entry = try? trigger.entry.render(identities.scope).asObject
        else { return nil }
        return try? preview(entry)
    }

    /// How the journal knows the trigger; nil where the pipeline has none with this key.
    private nonisolated func identity(ofTrigger key: String, in pipeline: Pipeline) -> String? {
        zip(pipeline.triggers, identities.all(of: pipeline)).first { $0.0.key == key }?.1
    }

    /// The run of a past tick, with the identity that the trigger itself gives it; nil where the trigger has no ticks of
    /// the past. Secrets are not redacted yet.
    ///
    /// - Parameter key: That of the run's id; see ``UUIDv7/make(nanoseconds:key:)``.
    package nonisolated func makeRun(
        of tick: Tick, in pipeline: Pipeline, at time: Int64, key: String? = nil
    ) throws(InputError) -> NewRun? {
        guard let trigger = pipeline.triggers.first(where: { $0.key == tick.key }),
            let identity = identity(ofTrigger: tick.key, in: pipeline),
            let event = schedule(of: trigger)?.event?(tick.time, identity, time)
        else { return nil }
        let request = RunRequest(
            id: runs.makeID(key: key), inputs: try pipeline.inputValues([]),
            trigger: event.trigger(ofType: trigger.kind), input: event.input)
        return runs.makeRun(request, of: pipeline, dedupeKey: event.dedupeKey)
    }

    /// The triggers that pipelines can have, sorted by name.
    package nonisolated var triggers: [TriggerDefinition] { registry.triggerNames.compactMap(registry.trigger(named:)) }

    /// Whether the trigger keeps a ledger.
    package nonisolated func hasLedger(_ trigger: TriggerDeclaration) -> Bool {
        registry.trigger(named: trigger.kind)?.ledger != nil
    }

    /// A page of the ledger of a pipeline's trigger, with secrets masked; nil for a trigger without one.
    ///
    /// - Parameter position: ``LedgerPage/next`` of the page before.
    package nonisolated func ledger(
        of trigger: TriggerDeclaration, in pipeline: Pipeline, after position: String?, limit: Int
    ) async throws -> LedgerPage? {
        guard let ledger = registry.trigger(named: trigger.kind)?.ledger,
            let identity = identity(ofTrigger: trigger.key, in: pipeline)
        else { return nil }
        let runner = worker.runner
        // As the journal has it, so that the position of the next page holds no secret.
        let memory = worker.journal.memory(of: TriggerID(pipeline: pipeline.name, key: identity))
        let found = try await memory.values(prefix: ledger.prefix, after: position, limit: limit + 1)
        let items = found.prefix(limit).compactMap { key, value -> LedgerItem? in
            var item = ledger.item(runner.seal.unseal(key), runner.seal.unseal(value))
            if let name = item?.name { item?.name = runner.redactor.redact(name) }
            return item
        }
        return LedgerPage(items: items, next: found.count > limit ? found[limit - 1].key : nil)
    }

    /// The budgets of all plugins.
    package nonisolated func budgets(_ context: MonitoringContext) async throws -> [BudgetStatus] {
        try await registry.budgets(context)
    }

    /// Makes runs of stored deliveries.
    package nonisolated var replay: DeliveryReplay { DeliveryReplay(registry: registry, runs: runs) }

    /// Serves until the task is cancelled.
    ///
    /// - Parameter onReady: Called once, when all files are loaded and each trigger has reported its health.
    public nonisolated func run(onReady: @Sendable () async -> Void) async {
        await withDiscardingTaskGroup { group in
            var isReady = false
            let board = try? await worker.runner.services.get(HealthBoard.self)
            while !Task.isCancelled {
                let beginnings = await beginnings()
                if let board { await report(to: board, hasStarted: isReady) }
                for (place, work) in beginnings {
                    let task = AbandonableTask<Void>()
                    await begin(place, task)
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
                try? await ContinuousClock().sleep(untilNext: Self.interval)
            }
            // An unstructured task, because this one is cancelled and could not wait.
            await Task { await self.abandonLateTriggers() }.value
        }
    }

    /// - Parameter hasStarted: Whether the triggers have had time to report their health.
    private func report(to board: HealthBoard, hasStarted: Bool) {
        let redact = worker.runner.redactor.redactMessage
        var (files, triggers): ([String: String], [String: String]) = ([:], [:])
        for hosted in all {
            files[hosted.file] = hosted.problem.map { redact($0.split(separator: "\n").first.map(String.init) ?? $0) }
            for case (let key, .problem(let message)) in hosted.triggers {
                triggers["\(hosted.pipeline?.name ?? hosted.file): \(key)"] = message
            }
        }
        board.set(.pipelineInvalid, files)
        board.set(.pluginBroken, registry.missingPlugins.mapValues(redact))
        if hasStarted { board.set(.triggerProblem, triggers) }
        if !board.isKnown(.workerLost) { board.set(.workerLost, [:]) }
    }

    private func ended(_ task: AbandonableTask<Void>) {
        unended[ObjectIdentifier(task)] = nil
    }

    /// A trigger that ignores cancellation must not block the shutdown.
    private func abandonLateTriggers() async {
        await wait(until: { unended.isEmpty }, within: Self.patience)
        for (place, task) in unended.values {
            logger.warning("the trigger \(place) did not end after cancellation; it was abandoned")
            task.abandon()
        }
    }

    private func beginnings() async -> [Beginning] {
        let begins = await look()
        defer { waiting = [] }
        return waiting + begins
    }

    /// Reads the files without starting a trigger, for a process that does not serve them.
    package func load() { _ = catalog.look() }

    /// Scans all files now. Files with errors are read again, and triggers with problems are restarted.
    ///
    /// - Returns: The changed or reloaded files.
    public func reload() async -> [String] {
        for hosted in all {
            let hasProblem = hosted.triggers.values.contains { if case .problem = $0 { true } else { false } }
            if hosted.problem != nil || hasProblem { catalog.forget(hosted.file) }
        }
        let look = catalog.look()
        waiting += await take(look)
        return look.read.sorted()
    }

    /// Waits until each trigger has reported its health; bounded, because a plugin's trigger may never do so.
    private func waitForTriggers() async { await wait(until: { haveTriggersReported }, within: Self.patience) }

    /// Returns when the condition holds, the time is over or the task is cancelled.
    private func wait(until condition: () -> Bool, within limit: Duration) async {
        let clock = ContinuousClock()
        let end = clock.now + limit
        while !condition(), !Task.isCancelled, clock.now < end { try? await clock.sleep(for: .milliseconds(5)) }
    }

    private var haveTriggersReported: Bool {
        catalog.entries.allSatisfy { entry in
            (entry.pipeline?.triggers ?? []).allSatisfy {
                health[TriggerPlace(file: entry.file, key: $0.key)] != nil
            }
        }
    }

    private func begin(_ place: TriggerPlace, _ task: AbandonableTask<Void>) {
        running[place]?.cancel()
        running[place] = task
        unended[ObjectIdentifier(task)] = (place, task)
    }

    /// Reads changed files.
    ///
    /// - Returns: The triggers to start.
    func look() async -> [Beginning] {
        if looks % Self.retryLooks == 0 {
            await runs.settleRetries()
            await logHeldRuns()
        }
        looks += 1
        let changed = await lookAtSwitches()
        return await take(catalog.look()) + changed + lookAtValues()
    }

    /// Finds the triggers whose entries have other values since the last look, because a secret or a variable has changed.
    ///
    /// - Returns: Those to start again.
    private func lookAtValues() -> [Beginning] {
        let (before, now) = (values, worker.runner.values.scope)
        guard now != before else { return [] }
        values = now
        var begins: [Beginning] = []
        for entry in catalog.entries {
            guard let pipeline = entry.pipeline else { continue }
            let changed = pipeline.triggers.filter { trigger in
                (try? trigger.entry.render(DictionaryScope(before)))
                    != (try? trigger.entry.render(DictionaryScope(now)))
            }.map(\.key)
            begins += triggers(of: pipeline, entry.file).filter { changed.contains($0.place.key) }
        }
        return begins
    }

    /// Ends triggers that were disabled since the last look.
    ///
    /// - Returns: Those to start, which were enabled.
    private func lookAtSwitches() async -> [Beginning] {
        // While the journal does not answer, everything stays as it is.
        guard let now = try? await worker.journal.operators.disabledTriggers(), now != disabled else { return [] }
        let before = disabled
        disabled = now
        noteChange()
        var begins: [Beginning] = []
        for entry in catalog.entries {
            guard let pipeline = entry.pipeline else { continue }
            for trigger in pipeline.triggers {
                let id = TriggerID(pipeline: pipeline.name, key: trigger.key)
                guard now.contains(id) != before.contains(id) else { continue }
                let place = TriggerPlace(file: entry.file, key: trigger.key)
                logger.notice("the trigger \(place) was \(now.contains(id) ? "disabled" : "enabled")")
                if now.contains(id) {
                    running.removeValue(forKey: place)?.cancel()
                    health[place] = Self.disabledByOperator
                } else {
                    health[place] = nil
                    begins += triggers(of: pipeline, entry.file).filter { $0.place == place }
                }
            }
        }
        return begins
    }

    private static let disabledByOperator = TriggerHealth.waiting(
        "disabled by an operator", translations: ["ja": "オペレーターにより無効"])

    /// Logs the machines that runs wait for, each once, after ``heldPatience`` consecutive checks.
    private func logHeldRuns() async {
        // Errors of the journal are logged elsewhere.
        guard let held = try? await runs.journal.heldRuns() else { return }
        heldLooks = Dictionary(
            held.map { ($0.machine, heldLooks[$0.machine, default: 0] + 1) }, uniquingKeysWith: { $1 })
        for one in held where heldLooks[one.machine] == Self.heldPatience {
            logger.warning("\(one.message); \(one.hint)")
        }
    }

    /// The number of checks before a warning: the worker may just be restarting.
    private static let heldPatience = 3

    /// The number of looks between checks for ended runs whose triggers were not told.
    private static let retryLooks = 10

    private func take(_ look: PipelineCatalog.Look) async -> [Beginning] {
        takes += 1
        if !look.changes.isEmpty { noteChange() }
        for change in look.changes {
            switch change {
            case .updated(let file, let pipeline, let report, let wasFaulty):
                let isNew = served.insert(file).inserted
                if hasLooked {
                    logger.info("\(file) \(isNew ? "was added" : "has changed; its new version is served")")
                }
                pending[file] = takes
                worker.definitions.insert(pipeline)
                if wasFaulty { logger.warning("\(file) has no errors any more; it is served") }
                for warning in report.diagnostics where warning.severity == .warning {
                    logger.warning("\(DiagnosticPrinter.line(warning))")
                }
            case .problem(let file, let problem, let report):
                let goesOn =
                    catalog[file]?.pipeline == nil ? "it is not served" : "its last valid version stays in service"
                let errors = report.diagnostics.filter { $0.severity == .error }.map(DiagnosticPrinter.line)
                for words in errors.isEmpty ? [problem] : errors {
                    logger.error("\(file) has errors; \(goesOn): \(words)")
                }
            case .unreadable(let file): logger.error("\(file): \(PipelineCatalog.unreadable(file))")
            case .readable(let file): logger.warning("\(file) can be read again")
            case .removed(let file):
                served.remove(file)
                logger.info("\(file) was removed; stopping its triggers")
                pending[file] = takes
            case .displaced(let file, let other):
                logger.error(
                    "\(file) is not served any more: \(other) has a pipeline of the same name, and comes first")
                pending[file] = takes
            case .folderUnreadable(let words):
                isFolderUnreadable = true
                logger.error("keeping the current pipelines: \(words)")
            }
        }
        hasLooked = true
        guard look.isComplete else { return [] }
        if isFolderUnreadable {
            isFolderUnreadable = false
            logger.warning("the pipelines can be read again")
        }
        guard let changed = await moveTriggers(), !look.changes.isEmpty || !changed.isEmpty else { return [] }
        let freed = updateLosers(isUpdated: changed.contains)
        return catalog.entries.filter { changed.contains($0.file) }.flatMap { entry in
            entry.pipeline.map { triggers(of: $0, entry.file) } ?? []
        } + freed
    }

    /// Ends the triggers of changed files. If their names in the journal have changed, moves their state there first.
    ///
    /// - Returns: The files whose triggers can start. nil if something has to move and cannot yet: until the next look,
    ///   all triggers stay as they are, and those whose names in the journal change refuse their events. A hook that
    ///   had ended would answer 404 meanwhile.
    private func moveTriggers() async -> Set<String>? {
        let (files, all) = (pending, all)
        let moved = closeMoved()
        if moved.isEmpty {
            for file in files.keys { endTriggers(of: file) }
        } else if await !haveEnded(moved.values) {
            return nil
        }
        let isStored = await declarations.update(all, files: Set(all.map(\.file)))
        guard isStored || moved.isEmpty else { return nil }
        for (id, events) in moved where acceptances[id]?.events === events { acceptances[id] = nil }
        // A file that has changed once more meanwhile is left to the look that found it.
        let changed = Set(files.keys.filter { pending[$0] == files[$0] })
        for file in changed { pending[file] = nil }
        if !moved.isEmpty {
            for file in changed { endTriggers(of: file) }
            // The old triggers may still use what the new ones need, such as the path of a hook.
            await wait(
                until: { !unended.values.contains { changed.contains($0.place.file) } }, within: Self.handover)
        }
        return changed
    }

    /// Makes triggers refuse events if their file has changed and their name in the journal is gone.
    ///
    /// - Returns: All triggers that refuse events.
    private func closeMoved() -> [TriggerID: TriggerAcceptances] {
        guard !pending.isEmpty else { return [:] }
        let kept = Set(
            catalog.entries.compactMap(\.pipeline).flatMap { pipeline in
                identities.all(of: pipeline).map { TriggerID(pipeline: pipeline.name, key: $0) }
            })
        // Triggers of other files are not started again, whatever they are called now.
        for (id, trigger) in acceptances where !kept.contains(id) && pending[trigger.file] != nil {
            trigger.events.close()
        }
        return acceptances.mapValues(\.events).filter { $0.value.isClosed }
    }

    /// Waits until no event is being accepted; bounded, because the journal may not respond.
    private func haveEnded(_ acceptances: some Collection<TriggerAcceptances>) async -> Bool {
        let all = Array(acceptances)
        let (result, isLate) = await withDeadline(Self.patience, clock: worker.runner.clock) {
            for acceptances in all { try await acceptances.waitForEnds() }
        }
        if case .success = result { return true }
        if isLate { logger.warning("the new versions of changed pipelines wait: an event is still being stored") }
        return false
    }

    /// Finds the triggers that want what another one has, and stops them.
    ///
    /// - Returns: The triggers to start that had to wait for others.
    private func updateLosers(isUpdated: (String) -> Bool) -> [Beginning] {
        let pipelines = catalog.entries.compactMap { entry in entry.pipeline.map { (file: entry.file, pipeline: $0) } }
        let checker = FolderChecker(registry: registry, project: worker.runner.project, scope: identities.scope)
        var found: [TriggerPlace: String] = [:]
        // The name of a file that was never valid is not known.
        for finding in checker.check(pipelines, isComplete: pipelines.count == catalog.entries.count) {
            guard let key = finding.loser else {
                if isUpdated(finding.diagnostic.file) {
                    let level: Logger.Level = finding.diagnostic.severity == .error ? .error : .warning
                    logger.log(level: level, "\(DiagnosticPrinter.line(finding.diagnostic))")
                }
                continue
            }
            found[TriggerPlace(file: finding.diagnostic.file, key: key)] = finding.diagnostic.message
        }
        let before = losers
        losers = found
        for (place, reason) in found {
            running.removeValue(forKey: place)?.cancel()
            report(.problem(worker.runner.redactor.redactMessage(reason)), of: place)
        }
        return pipelines.filter { !isUpdated($0.file) }.flatMap { file, pipeline in
            triggers(of: pipeline, file).filter { before[$0.place] != nil }
        }
    }

    private func endTriggers(of file: String) {
        for place in running.keys where place.file == file { running.removeValue(forKey: place)?.cancel() }
        for place in health.keys where place.file == file { health[place] = nil }
        for place in troubles.keys where place.file == file { troubles[place] = nil }
        for place in losers.keys where place.file == file { losers[place] = nil }
    }

    // MARK: - Triggers

    private func triggers(of pipeline: Pipeline, _ file: String) -> [Beginning] {
        // They start when what the journal knows of them has moved.
        guard pending[file] == nil else { return [] }
        return zip(pipeline.triggers, identities.all(of: pipeline)).compactMap { trigger, identity in
            let place = TriggerPlace(file: file, key: trigger.key)
            guard losers[place] == nil else { return nil }
            guard !disabled.contains(TriggerID(pipeline: pipeline.name, key: trigger.key)) else {
                health[place] = Self.disabledByOperator
                return nil
            }
            guard let definition = registry.trigger(named: trigger.kind) else { return nil }
            let id = TriggerID(pipeline: pipeline.name, key: identity)
            let events = acceptances[id]?.events ?? TriggerAcceptances()
            acceptances[id] = (file, events)
            let runs = HostedRuns(
                runs: runs, host: self, pipeline: pipeline, place: place, identity: identity, kind: trigger.kind,
                gate: TriggerGate(trigger, definition, values: worker.runner.values),
                acceptances: events, chainLimit: chainLimit, logger: logger,
                redactor: worker.runner.redactor, publicURL: publicURL)
            let context = context(of: trigger, runs)
            return (place, { [run = definition.run] in await self.supervise(run, trigger.entry, context, place) })
        }
    }

    /// Supervises the trigger: restarts it whenever it fails, until the task is cancelled. One that failed because of the
    /// journal is restarted as soon as the journal can be used again.
    private nonisolated func supervise(
        _ run: @Sendable (ValueObject, TriggerContext) async throws -> Void, _ settings: TemplateTree,
        _ context: TriggerContext, _ place: TriggerPlace
    ) async {
        let backoff = Backoff(initial: .seconds(1), maximum: .seconds(60))
        var failures = 0
        while !Task.isCancelled {
            let start = context.clock.measureStart()
            let recoveries = worker.recoveryCount
            do {
                let entry = try settings.render(identities.scope).asObject ?? [:]
                do {
                    try await run(entry, context)
                } catch let error as StepError {
                    throw settings.attributing(error)
                }
                return
            } catch {
                if Task.isCancelled { return }
                failures = start.elapsed() > .seconds(60) ? 1 : failures + 1
                await wait(backoff.delay(afterAttempt: failures), after: error, in: context, place, recoveries)
            }
        }
    }

    private nonisolated func context(of trigger: TriggerDeclaration, _ runs: HostedRuns) -> TriggerContext {
        let runner = worker.runner
        let pipeline = runs.pipeline.name
        var logger = logger
        logger[metadataKey: "pipeline"] = .string(pipeline)
        logger[metadataKey: "trigger"] = .string(trigger.key)
        return TriggerContext(
            pipeline: pipeline, key: trigger.key, identity: runs.identity, servingSince: servingSince,
            origins: runner.origins, logger: logger, clock: runner.clock, now: runner.now, redactor: runner.redactor,
            services: runner.services, project: runner.project,
            memory: SealedTriggerMemory(
                memory: worker.journal.memory(of: TriggerID(pipeline: pipeline, key: runs.identity)),
                seal: runner.seal), runs: runs)
    }

    /// Shows why a trigger has failed, and waits.
    ///
    /// - Parameter recoveries: ``Worker/recoveryCount`` before the trigger was started.
    private nonisolated func wait(
        _ pause: Duration, after error: any Error, in context: TriggerContext, _ place: TriggerPlace, _ recoveries: Int
    ) async {
        let words = context.redactor.redactPluginMessage("\(error)")
        let isOfJournal = error is JournalError
        let rest = isOfJournal ? ", or when the journal can be used again" : ""
        context.logger.error(
            "the trigger \(context.key) of \(context.pipeline) failed: \(words); restarting in \(DurationText.format(pause))\(rest)"
        )
        await failed(words, place)
        if isOfJournal {
            await worker.sleep(for: pause, orUntilRecoveryAfter: recoveries)
        } else {
            try? await context.clock.sleep(for: pause)
        }
    }

    private func noteChange() { changeCount.wrappingAdd(1, ordering: .relaxed) }

    /// The time by which runs and their dedupe keys are stored, in nanoseconds since 1970.
    package nonisolated var now: Int64 { worker.runner.now() }

    package nonisolated func setDedupe(_ keep: Duration) { keptKeys.update { $0 = keep } }

    /// Sets ``pendingRestart``, which the dashboard and the API show.
    package func setPendingRestart(_ names: [String]) {
        guard names != pendingRestart else { return }
        pendingRestart = names
        noteChange()
    }

    /// Sets ``configurationProblems``, which the dashboard and the API show.
    package func setConfigurationProblems(_ lines: [String]) {
        guard lines != configurationProblems else { return }
        configurationProblems = lines
        noteChange()
    }

    /// Keeps the health that a trigger reports, and logs when problems begin and when all are over.
    func report(_ health: TriggerHealth, of place: TriggerPlace) {
        guard let pipeline = catalog[place.file]?.pipeline,
            !disabled.contains(TriggerID(pipeline: pipeline.name, key: place.key))
        else { return }
        let name = pipeline.name
        self.health[place] = health
        noteChange()
        let trigger = "the trigger \(place.key) of \(name)"
        switch health {
        case .problem(let words):
            if noteTrouble(words, of: place) { logger.warning("\(trigger) has a problem: \(words)") }
        case .waiting(let words, _):
            guard troubles.removeValue(forKey: place)?.isEmpty == false else { return }
            logger.warning("\(trigger) has no problem any more; it waits: \(words)")
        }
    }

    private static let maximumTroubles = 256

    /// The trigger has failed, which was logged.
    private func failed(_ words: String, _ place: TriggerPlace) {
        guard catalog[place.file] != nil else { return }
        health[place] = .problem(words)
        noteChange()
        noteTrouble(words, of: place)
    }

    /// Remembers a problem of a trigger, so that it is logged once.
    ///
    /// - Returns: Whether the problem is new and within the limit.
    @discardableResult private func noteTrouble(_ words: String, of place: TriggerPlace) -> Bool {
        guard troubles[place, default: []].count < Self.maximumTroubles else { return false }
        return troubles[place, default: []].insert(words).inserted
    }

    func countIgnored(at place: TriggerPlace) {
        guard catalog[place.file] != nil else { return }
        ignored[place, default: 0] += 1
    }
}
