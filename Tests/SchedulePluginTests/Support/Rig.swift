import RunnelKit
import RunnelTesting
import Synchronization

@testable import SchedulePlugin

/// A `schedule` trigger between a clock and a wall clock that a test moves.
struct Rig: Sendable {
    /// What the wall clock shows, beside the time that really passes.
    private final class Wall: Sendable {
        let start: Mutex<Int64>
        init(_ start: Int64) { self.start = Mutex(start) }
    }

    let clock = ManualClock()
    var harness = TriggerHarness()
    private let wall: Wall

    init(at start: String) throws {
        let (clock, wall) = (clock, Wall(try time(start)))
        self.wall = wall
        harness.key = "schedule"
        harness.clock = clock
        harness.now = { wall.start.withLock { $0 } + clock.now.offset.nanoseconds }
    }

    var now: Int64 { harness.now() }

    /// Sets the wall clock, as a person or NTP does.
    func setClock(_ text: String) throws {
        let offset = try time(text) - now
        wall.start.withLock { $0 += offset }
    }

    /// Runs the trigger until `body` has ended, as a worker does between its start and its end.
    func life(_ entry: ValueObject, body: () async throws -> Void = {}) async throws {
        let context = harness.context
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await TriggerDefinition(ScheduleTrigger.self).run(entry, context) }
            await clock.waitForSleepers()
            try await body()
            group.cancelAll()
            // The trigger ends by being cancelled, in no other way.
            do { try await group.waitForAll() } catch is CancellationError {}
        }
    }

    /// Lets time pass, in the steps in which the trigger looks at the clock.
    func pass(_ duration: Duration) async {
        let end = clock.now.advanced(by: duration)
        while clock.now < end {
            await clock.waitForSleepers()
            let rest = clock.now.duration(to: end)
            clock.advance(by: min(clock.timeUntilNextDeadline ?? rest, rest))
            await clock.waitForSleepers()
        }
    }

    /// Time passes while there is no worker.
    func downtime(_ duration: Duration) {
        clock.advance(by: duration)
    }

    /// What the runs that were started are for.
    var scheduled: [String] {
        get async { await harness.runs.accepted.compactMap { $0.payload["scheduled_for"]?.asString } }
    }

    var health: [TriggerHealth] { get async { await harness.runs.health } }
}
