internal import Logging
internal import RunnelKit
internal import RunnelSupport
internal import Synchronization

/// One life of a trigger's program: its events become runs, and each is acknowledged once its run is on disk.
///
/// Events with a state are accepted one after another, so that no state is stored before the runs of all events that it
/// covers. Events without one are accepted side by side.
struct TriggerLife: Sendable {
    let trigger: ProcessTrigger
    let entry: ValueObject
    let context: TriggerContext
    let health: TriggerHealthReport
    private let didWork = Watched(false)
    private let pulse = Pulse()

    /// The key of the state in the trigger's memory.
    static let stateKey = "state"
    /// The amount of unread answers in bytes above which no event is read.
    private static let answerLimit = 256 << 10
    private static let answerPatience = Duration.seconds(30)
    private static let retryInterval = Duration.milliseconds(500)
    /// A silent program that has run for this long works.
    private static let settling = Duration.seconds(2)

    init(trigger: ProcessTrigger, entry: ValueObject, context: TriggerContext, health: TriggerHealthReport) {
        (self.trigger, self.entry, self.context, self.health) = (trigger, entry, context, health)
    }

    /// Whether an event has started a run.
    var hadWorked: Bool { didWork.value }

    private var who: String { "the plugin \"\(trigger.program.name)\"" }

    /// Runs the program until it ends.
    ///
    /// - Returns: How it ended.
    /// - Throws: `CancellationError`; a ``StepError`` if it cannot be started, or violates the protocol.
    func run(_ supervisor: ProcessSupervisor) async throws -> StepError {
        let state = try await context.memory.value(for: Self.stateKey)
        let log = PluginLog(
            plugin: trigger.program.name, logger: context.logger, redactor: context.redactor, isShared: false)
        let lines = LineChannel(lineLimit: trigger.program.manifest.maxLine.bytes, outputLimit: .max)
        let sinks = PluginProcess.Sinks(
            output: { lines.append($0) }, error: { log.append($0) },
            end: { _ in
                log.finish()
                lines.finish()
            })
        let process = try await trigger.program.start(sinks: sinks)
        lines.onResume { process.resumeOutput() }
        process.write(start(state).jsonBytes() + [0x0A])
        let failure = try await supervisor.withChild(process) {
            try await withTaskCancellationHandler {
                try await withThrowingTaskGroup(of: Outcome.self) { group in
                    if let heartbeat = trigger.declaration.heartbeat {
                        group.addTask { .ended(try await frozen(after: heartbeat)) }
                    }
                    group.addTask {
                        try await context.clock.sleep(for: Self.settling)
                        return .settled
                    }
                    group.addTask { .ended(try await converse(lines, process, log)) }
                    defer { group.cancelAll() }
                    while let outcome = try await group.next() {
                        switch outcome {
                        case .settled: await health.works()
                        case .ended(let failure):
                            // The conversation ends with the program.
                            process.stop(.immediate)
                            return failure
                        }
                    }
                    return nil
                }
            } onCancel: {
                process.stop(.trigger)
            }
        }
        let exit = await process.waitForExit()
        try Task.checkCancellation()
        if let failure { return failure }
        guard exit.isSuccess else {
            let code: PluginErrorCode = if case .status = exit { .pluginExitStatus } else { .pluginCrashed }
            return StepError(
                code, "\(who) \(exit.words)\(PluginLog.errorText(log.lastLines))", isTransient: exit.isTransient)
        }
        return StepError(
            PluginErrorCode.pluginEnded,
            "\(who) ended although its trigger is served\(PluginLog.errorText(log.lastLines))",
            hint: "the program of a trigger runs until its standard input is closed", isTransient: true)
    }

    /// What happened in a life.
    private enum Outcome: Sendable {
        case settled
        case ended(StepError?)
    }

    /// The first line that the program reads.
    private func start(_ state: Value?) -> Value {
        [
            "type": "start", "trigger": .string(trigger.word), "with": .object(entry), "state": state ?? .null,
            "pipeline": .string(context.pipeline), "key": .string(context.key), "id": .string(context.identity),
            "max_unacknowledged": .int(Int64(trigger.declaration.maxUnacknowledged)),
        ]
    }

    // MARK: - Reading

    /// Reads messages until the output ends.
    ///
    /// - Returns: The error that the program reported, or nil.
    private func converse(
        _ lines: LineChannel, _ process: PluginProcess, _ log: PluginLog
    ) async throws -> StepError? {
        try await withThrowingTaskGroup(of: Void.self) { group in
            var unacknowledged = 0
            var ignoredKeys = IgnoredKeyWarnings()
            while true {
                pulse.isReading(true)
                let batch: [LineChannel.Line]
                do throws(LineChannel.Failure) {
                    batch = try await lines.next()
                } catch {
                    throw tooLong(error)
                }
                pulse.isReading(false)
                if batch.isEmpty { break }
                for line in batch {
                    guard let message = try message(line, &ignoredKeys, log) else { continue }
                    switch message {
                    case .event(let event):
                        try await waitForReader(process)
                        let isLast = event.state != nil
                        while unacknowledged > 0, isLast || unacknowledged >= trigger.declaration.maxUnacknowledged {
                            try await group.next()
                            unacknowledged -= 1
                        }
                        if isLast {
                            try await deliver(event, to: process)
                        } else {
                            group.addTask { try await deliver(event, to: process) }
                            unacknowledged += 1
                        }
                    case .state(let state, let id):
                        try await group.waitForAll()
                        unacknowledged = 0
                        try await save(state)
                        if let id { answer(["type": "ack", "id": id], process) }
                    case .note(let text): log.note(text, level: .info)
                    case .health(let said): await health.say(said)
                    case .heartbeat: break
                    case .error(let failure):
                        return StepError(
                            reported: failure.code, failure.message, hint: failure.hint,
                            isTransient: failure.isTransient)
                    }
                    if unacknowledged == 0 { await health.works() }
                }
            }
            try await group.waitForAll()
            return nil
        }
    }

    /// The message of a line; nil for a last one that broke off.
    private func message(
        _ line: LineChannel.Line, _ ignoredKeys: inout IgnoredKeyWarnings, _ log: PluginLog
    ) throws(StepError) -> TriggerMessage? {
        let place = "line \(line.number) of what \(who) wrote"
        do {
            let read = try MessageLine(line.bytes, example: TriggerMessage.example, redactor: context.redactor)
            let message = try TriggerMessage(read)
            for warning in ignoredKeys.warnings(about: read, TriggerMessage.keys, at: place) { log.note(warning) }
            return message
        } catch {
            guard line.isWhole else { return nil }
            throw StepError(PluginErrorCode.pluginBadOutput, "\(place) \(error.message)", hint: error.hint)
        }
    }

    private func tooLong(_ failure: LineChannel.Failure) -> StepError {
        let (number, limit) =
            switch failure {
            case .lineTooLong(let number, let limit): (number, limit)
            case .tooMuch(let limit): (0, limit)
            }
        return StepError(
            PluginErrorCode.pluginOutputTooLong,
            "line \(number) of what \(who) wrote is longer than \(ByteCount(limit)) (max_line)",
            hint: "write less, or raise max_line in plugin.yaml")
    }

    // MARK: - Events

    /// Starts the run of an event and answers. An event that is refused for the moment stays unacknowledged, and is tried
    /// again.
    private func deliver(_ event: ProgramEvent, to process: PluginProcess) async throws {
        if let flaw = event.flaw { return await refuse(event, "bad-event", flaw, process) }
        let emitted = TriggerEvent(
            dedupeKey: "\(context.identity)/\(event.id.text)", payload: event.payload, input: event.input,
            memory: event.state.map { [Self.stateKey: $0.isNull ? nil : $0] } ?? [:])
        var wasRefused = false
        while true {
            try Task.checkCancellation()
            do throws(TriggerRefusal) {
                let acceptance = try await context.emit(emitted)
                var answer: ValueObject = ["type": "ack", "id": event.id]
                switch acceptance {
                case .accepted(let id):
                    didWork.update { $0 = true }
                    (answer["run"], answer["outcome"]) = (.string(id), "accepted")
                case .duplicate(let id): (answer["run"], answer["outcome"]) = (.string(id), "duplicate")
                case .ignored: answer["outcome"] = "ignored"
                }
                self.answer(answer, process)
                if wasRefused { await health.works() }
                return
            } catch {
                if error.reason == .chainTooLong {
                    return await refuse(event, "chain-too-long", error.message, process)
                }
                wasRefused = true
                await health.refused("the event \(quoted(event.id)) has to wait: \(error.message)")
                try await context.clock.sleep(for: max(error.retryAfter, Self.retryInterval))
            }
        }
    }

    private func refuse(_ event: ProgramEvent, _ reason: Value, _ message: String, _ process: PluginProcess) async {
        context.logger.error(
            "\(context.redactor.redact("the event \(quoted(event.id)) of \(who) starts no run: \(message)"))")
        answer(["type": "nack", "id": event.id, "reason": reason, "message": .string(message)], process)
    }

    /// Redacts before truncating: a truncated secret would not be recognised.
    private func quoted(_ id: Value) -> String { context.redactor.redact(id).quoted() }

    private func save(_ state: Value) async throws {
        while true {
            try Task.checkCancellation()
            do {
                try await context.memory.set([Self.stateKey: state.isNull ? nil : state])
                return
            } catch {
                try Task.checkCancellation()
                await health.refused("the state cannot be stored: \(error)")
                try await context.clock.sleep(for: Self.retryInterval * 2)
            }
        }
    }

    private func answer(_ message: ValueObject, _ process: PluginProcess) {
        process.write(Value.object(message).jsonBytes() + [0x0A])
    }

    /// Waits until the program has read its answers, so that they do not pile up.
    private func waitForReader(_ process: PluginProcess) async throws {
        var waited = Duration.zero
        let interval = Duration.milliseconds(50)
        while process.pendingInputBytes > Self.answerLimit {
            guard waited < Self.answerPatience else {
                throw StepError(
                    PluginErrorCode.pluginNotReading,
                    "\(who) has not read its acknowledgements for \(DurationText.format(Self.answerPatience))",
                    hint: "read standard input while events are written", isTransient: true)
            }
            try await context.clock.sleep(for: interval)
            waited += interval
        }
    }

    // MARK: - Heartbeat

    /// Waits until the program has been silent for longer than its heartbeat allows, while it could write.
    private func frozen(after heartbeat: Duration) async throws -> StepError? {
        while true {
            let before = pulse.count
            try await context.clock.sleep(for: heartbeat)
            guard pulse.isSilent(since: before) else { continue }
            return StepError(
                PluginErrorCode.pluginFrozen, "\(who) wrote nothing for \(DurationText.format(heartbeat)) (heartbeat)",
                hint: #"write {"type":"heartbeat"} from time to time, or raise heartbeat in plugin.yaml"#,
                isTransient: true)
        }
    }

    /// Counts what the program writes.
    private final class Pulse: Sendable {
        private let state = Mutex((count: 0, isReading: false))

        var count: Int { state.withLock { $0.count } }

        /// Reading began, or a line came.
        func isReading(_ isReading: Bool) {
            state.withLock { $0 = ($0.count + 1, isReading) }
        }

        func isSilent(since count: Int) -> Bool { state.withLock { $0.count == count && $0.isReading } }
    }
}
