import Logging
import RunnelKit

/// The session of a `schedule` trigger, from start to cancellation.
final class ScheduleSession: Sendable {
    private let planner: TickPlanner
    /// The identity of the schedule in its watermark.
    private let identity: String
    private let context: TriggerContext

    init(planner: TickPlanner, identity: String, context: TriggerContext) {
        (self.planner, self.identity, self.context) = (planner, identity, context)
    }

    /// The maximum length of a sleep, in nanoseconds: the wall clock may jump meanwhile, so it is checked this often.
    private static let longestSleep: Int64 = 15_000_000_000
    /// The time until the next multiple of ``longestSleep``, so that all schedules of a process wake up together.
    private var slice: Int64 { Self.longestSleep - context.now().flooredRemainder(Self.longestSleep) }

    /// Starts a run for every tick until the task is cancelled.
    func run() async throws {
        var watermark = try await begin()
        var reported: Int64?
        while true {
            try Task.checkCancellation()
            let now = context.now()
            if !watermark.isCredible(at: now) {
                let (ahead, behind) = (text(of: watermark.time), text(of: now))
                context.logger.warning("the clock went back from \(ahead) to \(behind); ticks continue from there")
                watermark = try await remember(now)
            }
            switch step(after: watermark, at: now) {
            case .never:
                if reported != .max {
                    await context.report(
                        .waiting("there are no more ticks", translations: ["ja": "以降の予定はありません"]))
                }
                reported = .max
                try await sleep(slice)
            case .wait(let tick, let start):
                if reported != tick { await context.report(.waiting("next at \(text(of: tick))")) }
                reported = tick
                try await sleep(min(start - now, slice))
            case .start, .skip:
                reported = nil
                // Another process may have started ticks meanwhile.
                watermark = max(watermark, try await remembered() ?? watermark, at: now)
                watermark = try await act(step(after: watermark, at: now), watermark)
            }
        }
    }

    /// Sleeps until the task is cancelled. The watermark is removed, so that no ticks count as missed when it is
    /// enabled again.
    func rest() async throws {
        try await context.memory.set([Watermark.key: nil])
        await context.report(.waiting("disabled", translations: ["ja": "無効"]))
        while true { try await sleep(slice) }
    }

    /// The stored watermark; the current time if there is none.
    private func begin() async throws -> Watermark {
        if let watermark = try await remembered() { return watermark }
        return try await remember(context.now())
    }

    /// `@reboot`: starts one run for this start of the process, however often the trigger itself begins anew. A
    /// pipeline that is added later waits for the next start.
    func runAtStart() async throws {
        let start = context.servingSince
        if context.now() - start < Self.startTime { _ = try await self.start(start) }
        await context.report(
            .waiting("for the next start of Runnel", translations: ["ja": "Runnel の次回の起動を待機中"]))
        while true { try await sleep(slice) }
    }

    /// The time after the start of the process in which triggers begin with it.
    private static let startTime: Int64 = 60_000_000_000

    private func act(_ step: TickPlanner.Step, _ watermark: Watermark) async throws -> Watermark {
        switch step {
        case .wait, .never: return watermark
        case .skip(let last):
            context.logger.notice("missed ticks up to \(text(of: last)) are skipped")
            return try await remember(last)
        case .start(let ticks, let isFolded):
            if isFolded, let first = ticks.first {
                let text = text(of: first)
                context.logger.notice("missed ticks before \(text) get no run of their own")
            }
            var watermark = watermark
            for tick in ticks { watermark = try await start(tick) }
            return watermark
        }
    }

    /// Starts the run of a tick, and retries while it is refused. The dedupe key is that of the tick, so it never
    /// starts twice.
    private func start(_ tick: Int64) async throws -> Watermark {
        let watermark = Watermark(time: tick, schedule: identity)
        while true {
            try Task.checkCancellation()
            var event = Self.event(of: tick, key: context.identity, firedAt: context.now())
            event.memory = [Watermark.key: watermark.value]
            do throws(TriggerRefusal) {
                _ = try await context.emit(event)
                return watermark
            } catch {
                let text = text(of: tick)
                await context.report(.problem("the run of \(text) has to wait: \(error.message)"))
                try await sleep(Swift.max(error.retryAfter.nanoseconds, Self.shortestPause))
            }
        }
    }

    /// The event of a tick. Its dedupe key makes a tick one run, also when it is backfilled.
    static func event(of tick: Int64, key: String, firedAt: Int64) -> TriggerEvent {
        TriggerEvent(
            dedupeKey: "\(key)@\(Timestamp.text(nanoseconds: tick))",
            payload: [
                "scheduled_for": .string(Timestamp.text(nanoseconds: tick)),
                "fired_at": .string(Timestamp.text(nanoseconds: firedAt)),
            ], occurredAt: tick)
    }

    // Not inlined: their temporaries would be in the frame of a task that lasts for months.

    @inline(never) private func step(after watermark: Watermark, at now: Int64) -> TickPlanner.Step {
        planner.step(after: watermark.time, at: now)
    }

    @inline(never) private func text(of tick: Int64) -> String { planner.schedule.text(of: tick) }

    private static let shortestPause: Int64 = 100_000_000

    private func remembered() async throws -> Watermark? {
        Watermark(try await context.memory.value(for: Watermark.key), of: identity)
    }

    private func remember(_ time: Int64) async throws -> Watermark {
        let watermark = Watermark(time: time, schedule: identity)
        try await context.memory.set([Watermark.key: watermark.value])
        return watermark
    }

    /// The later of the two plausible watermarks.
    private func max(_ own: Watermark, _ other: Watermark, at now: Int64) -> Watermark {
        other.isCredible(at: now) && other.time > own.time ? other : own
    }

    private func sleep(_ nanoseconds: Int64) async throws {
        try await context.clock.sleep(for: .nanoseconds(nanoseconds))
    }
}

/// Decides the next action from the current time and the watermark. Pure, so that tests can try every clock jump.
struct TickPlanner: Sendable {
    let schedule: Schedule
    let missed: MissedTicks
    let limit: Int
    let jitter: Jitter

    enum Step: Hashable {
        /// The run of `tick` starts at `start`.
        case wait(tick: Int64, start: Int64)
        /// There are no more ticks.
        case never
        /// Runs of these ticks start now, in this order. `isFolded`: earlier ticks were dropped.
        case start([Int64], isFolded: Bool)
        /// Ticks up to this one were missed.
        case skip(through: Int64)
    }

    /// The delay in nanoseconds after which a tick counts as missed. Long enough for a restart.
    static let patience: Int64 = 60_000_000_000

    /// - Parameter watermark: Ticks up to this time have been handled.
    func step(after watermark: Int64, at now: Int64) -> Step {
        guard let first = schedule.next(after: watermark) else { return .never }
        guard start(of: first) <= now else { return .wait(tick: first, start: start(of: first)) }
        let last = latestDue(after: watermark, at: now) ?? first
        switch missed {
        case .skip where now - start(of: last) > Self.patience: return .skip(through: last)
        case .skip, .once: return .start([last], isFolded: last != first)
        case .all:
            var ticks = [last]
            while ticks.count < limit, let earliest = ticks.last,
                let tick = schedule.latest(after: watermark, through: earliest - 1)
            {
                ticks.append(tick)
            }
            return .start(ticks.reversed(), isFolded: ticks.last != first)
        }
    }

    /// The start time of the tick's run.
    func start(of tick: Int64) -> Int64 {
        tick + jitter.delay(of: tick, before: schedule.next(after: tick))
    }

    /// Each tick's run starts before the next tick, so only the latest tick can still be delayed.
    private func latestDue(after watermark: Int64, at now: Int64) -> Int64? {
        guard let latest = schedule.latest(after: watermark, through: now), start(of: latest) > now else {
            return schedule.latest(after: watermark, through: now)
        }
        return schedule.latest(after: watermark, through: latest - 1)
    }
}

/// The value of `anchor`.
struct Anchor: FieldValue, Hashable {
    /// Since 1970.
    let nanoseconds: Int64

    static let epoch = Anchor(nanoseconds: 0)

    static var schema: Value { ["type": "string", "format": "date-time", "examples": ["2026-01-01T00:00:00Z"]] }

    init(nanoseconds: Int64) {
        self.nanoseconds = nanoseconds
    }

    init(field value: Value) throws(FieldError) {
        guard let text = value.asString, let nanoseconds = Timestamp.parse(text) else {
            throw .expected("a time such as \"2026-01-01T00:00:00Z\" or \"2026-01-01T09:00:00+09:00\"", found: value)
        }
        guard nanoseconds % 1_000_000 == 0 else { throw FieldError("\"\(text)\" is finer than milliseconds") }
        self.nanoseconds = nanoseconds
    }

    var fieldDefault: Value? { .string(Timestamp.text(nanoseconds: nanoseconds)) }
}

/// The time up to which the ticks of a schedule have been handled; stored as the trigger's state.
struct Watermark: Hashable {
    /// Nanoseconds since 1970, whole milliseconds.
    let time: Int64
    /// The identity of its schedule. A changed schedule starts with a new watermark.
    let schedule: String

    static let key = "watermark"

    init(time: Int64, schedule: String) {
        self.time = time - time.flooredRemainder(1_000_000)
        self.schedule = schedule
    }

    /// Decodes the stored state; nil if it belongs to another schedule.
    init?(_ value: Value?, of schedule: String) {
        guard let object = value?.asObject, object["schedule"]?.asString == schedule,
            let time = object["through"]?.asString.flatMap(Timestamp.parse)
        else { return nil }
        self.init(time: time, schedule: schedule)
    }

    var value: Value {
        ["schedule": .string(schedule), "through": .string(Timestamp.text(nanoseconds: time))]
    }

    /// If the clock goes back by less than this (nanoseconds), the trigger waits until it has caught up. If it goes
    /// back further, it was wrong before and waiting could take years; dedupe keys then prevent a second run of the
    /// same tick.
    static let tolerance: Int64 = 3_600_000_000_000

    func isCredible(at now: Int64) -> Bool {
        time <= now || time - now <= Self.tolerance
    }
}
