import Logging
import RunnelKit

/// One life of a `schedule` trigger.
struct ScheduleSession {
    let planner: TickPlanner
    /// Of the schedule, as its watermark names it.
    let identity: String
    let context: TriggerContext

    /// The clock on the wall may jump while nobody looks; so it is looked at this often.
    private static let slice: Int64 = 15_000_000_000

    /// Starts a run for every tick until the task is cancelled.
    func run() async throws {
        var watermark = try await begin()
        var reported: Int64?
        while true {
            try Task.checkCancellation()
            let now = context.now()
            if !watermark.isCredible(at: now) {
                let (ahead, behind) = (planner.schedule.text(of: watermark.time), planner.schedule.text(of: now))
                context.logger.warning("the clock went back from \(ahead) to \(behind); ticks are counted from there")
                watermark = try await remember(now)
            }
            switch planner.step(after: watermark.time, at: now) {
            case .never:
                if reported != .max { await context.report(.waiting("no tick is left")) }
                reported = .max
                try await sleep(Self.slice)
            case .wait(let tick, let start):
                if reported != tick { await context.report(.waiting("next at \(planner.schedule.text(of: tick))")) }
                reported = tick
                try await sleep(min(start - now, Self.slice))
            case .start, .skip:
                reported = nil
                // Another process may have been quicker.
                watermark = max(watermark, try await remembered() ?? watermark, at: now)
                watermark = try await act(planner.step(after: watermark.time, at: now), watermark)
            }
        }
    }

    /// Does nothing until the task is cancelled, and forgets, so that nothing will have been missed.
    func rest() async throws {
        try await context.memory.set([Watermark.key: nil])
        await context.report(.waiting("disabled"))
        while true { try await sleep(Self.slice) }
    }

    /// The watermark of an earlier life; now where there is none.
    private func begin() async throws -> Watermark {
        if let watermark = try await remembered() { return watermark }
        return try await remember(context.now())
    }

    private func act(_ step: TickPlanner.Step, _ watermark: Watermark) async throws -> Watermark {
        switch step {
        case .wait, .never: return watermark
        case .skip(let last):
            context.logger.notice("missed ticks up to \(planner.schedule.text(of: last)) are skipped")
            return try await remember(last)
        case .start(let ticks, let isFolded):
            if isFolded, let first = ticks.first {
                let text = planner.schedule.text(of: first)
                context.logger.notice("missed ticks before \(text) get no run of their own")
            }
            var watermark = watermark
            for tick in ticks { watermark = try await start(tick) }
            return watermark
        }
    }

    /// Starts the tick's run. Refusals are overcome by patience: the tick stays the same, so it is never started twice.
    private func start(_ tick: Int64) async throws -> Watermark {
        let watermark = Watermark(time: tick, schedule: identity)
        while true {
            try Task.checkCancellation()
            let event = TriggerEvent(
                dedupeKey: "\(context.key)@\(Timestamp.text(nanoseconds: tick))",
                payload: [
                    "scheduled_for": .string(Timestamp.text(nanoseconds: tick)),
                    "fired_at": .string(Timestamp.text(nanoseconds: context.now())),
                ],
                memory: [Watermark.key: watermark.value])
            do throws(TriggerRefusal) {
                _ = try await context.emit(event)
                return watermark
            } catch {
                let text = planner.schedule.text(of: tick)
                await context.report(.problem("the run of \(text) has to wait: \(error.message)"))
                try await sleep(Swift.max(error.retryAfter.wholeNanoseconds, Self.shortestPause))
            }
        }
    }

    private static let shortestPause: Int64 = 100_000_000

    private func remembered() async throws -> Watermark? {
        Watermark(try await context.memory.value(for: Watermark.key), of: identity)
    }

    private func remember(_ time: Int64) async throws -> Watermark {
        let watermark = Watermark(time: time, schedule: identity)
        try await context.memory.set([Watermark.key: watermark.value])
        return watermark
    }

    /// The later of the two that can be believed.
    private func max(_ own: Watermark, _ other: Watermark, at now: Int64) -> Watermark {
        other.isCredible(at: now) && other.time > own.time ? other : own
    }

    private func sleep(_ nanoseconds: Int64) async throws {
        try await context.clock.sleep(for: .nanoseconds(nanoseconds))
    }
}
