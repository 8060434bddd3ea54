internal import Logging
internal import RunnelKit
internal import RunnelSupport
internal import Synchronization

/// A trigger of an `exec` plugin: keeps its program running, and starts it again when it ends.
struct ProcessTrigger: Sendable {
    let program: PluginProgram
    /// The second part of the trigger's name.
    let word: String
    let declaration: ManifestTrigger
    /// nil where any keys are accepted.
    let input: StepInput?

    /// `imap` for the trigger with the plugin's own name, `mail.inbox` for others.
    static func name(_ word: String, of plugin: String) -> String { word == plugin ? word : "\(plugin).\(word)" }

    /// - Throws: `CancellationError`, or what is wrong with the entry.
    func run(_ entry: ValueObject, _ context: TriggerContext) async throws {
        do {
            try input?.check(entry)
        } catch {
            throw StepError(reported: error.code, error.message, hint: error.hint, field: error.field)
        }
        let supervisor = try await context.services.get(ProcessSupervisorKey.self)
        let health = TriggerHealthReport(
            context: context,
            standard: .waiting(
                "the plugin \"\(program.name)\" runs", translations: ["ja": "プラグイン「\(program.name)」は動作中"]))
        let time = RestartTime(clock: context.clock)
        var policy = RestartPolicy(initial: .seconds(1), maximum: .seconds(60))
        while true {
            try Task.checkCancellation()
            let life = TriggerLife(trigger: self, entry: entry, context: context, health: health)
            let failure: StepError
            do {
                failure = try await life.run(supervisor)
            } catch let error as StepError {
                failure = error
            }
            try Task.checkCancellation()
            policy.died(at: time.now, hadWorked: life.hadWorked)
            let pause = policy.pause(at: time.now)
            let words = DurationText.format(.milliseconds(pause.wholeMilliseconds))
            let next = pause == .zero ? "starting it again" : "starting it again in \(words)"
            context.logger.error("\(context.redactor.redactPluginMessage("\(failure)")); \(next)")
            await health.failed("\(failure)")
            try await context.clock.sleep(for: pause)
        }
    }
}

/// The time since a trigger began, on its clock.
private struct RestartTime {
    private let elapsed: () -> Duration

    init<Time: Clock<Duration>>(clock: Time) {
        let start = clock.now
        elapsed = { start.duration(to: clock.now) }
    }

    var now: Duration { elapsed() }
}

/// What a trigger has said of its health. A problem of Runnel's own, such as a full queue, ends with what the program said
/// last; a program that keeps dying has a problem until it has worked again.
final class TriggerHealthReport: Sendable {
    private struct State {
        var said: TriggerHealth
        /// Whether something else than `said` was reported last, or nothing.
        var isOverruled: Bool
    }

    private let context: TriggerContext
    private let state: Mutex<State>

    /// - Parameter standard: What is reported of a program that works and says nothing.
    init(context: TriggerContext, standard: TriggerHealth) {
        self.context = context
        state = Mutex(State(said: standard, isOverruled: true))
    }

    /// The program has ended.
    func failed(_ text: String) async {
        state.withLock { $0.isOverruled = true }
        await context.report(.problem(text))
    }

    /// Events have to wait, because the journal or the queue refuses them.
    func refused(_ text: String) async { await failed(text) }

    /// The program works, and events are accepted.
    func works() async {
        let said = state.withLock { state -> TriggerHealth? in
            defer { state.isOverruled = false }
            return state.isOverruled ? state.said : nil
        }
        if let said { await context.report(said) }
    }

    /// The program says how it is doing.
    func say(_ health: TriggerHealth) async {
        state.withLock { $0 = State(said: health, isOverruled: false) }
        await context.report(health)
    }
}
