public import RunnelKit

/// The trigger `schedule`.
struct ScheduleTrigger: TimedTrigger {
    static let name = "schedule"
    static let summary = "Starts a run on a schedule: by a cron expression or at a fixed interval."
    static let titles = ["ja": "スケジュール"]
    /// The author has written down all there is: the times.
    static let bringsOutsideData = false
    static let nameHints = [
        NameHint("write `timezone: …`", for: ["tz", "time_zone"]),
        NameHint("write `every: …`", for: ["interval"]),
        NameHint(
            "write `schedule: { cron: … }` or `schedule: { every: … }`", for: ["cron", "every", "interval", "timer"],
            in: .name),
        NameHint("write `on: { schedule: { cron: … } }`", for: ["cron"], in: .pipeline),
    ]

    static let documentation = TriggerDocumentation(
        details: """
            `cron` has 5 fields (minute, hour, day of month, month, day of week) or 6 with seconds first. Each is `*`, \
            a number, a range `1-5`, a step `*/15`, `10-40/5` or `5/15`, or a list of these. Months and weekdays have \
            names (`JAN`, `MON`); 0 and 7 are Sunday. Days can also be `L` (the last of the month), `L-2` (the day two \
            before it), `LW` (the last from Monday to Friday), `15W` (the one from Monday to Friday nearest to the 15th), `MON#2` (the second \
            Monday), `5L` (the last Friday) and `?` (any). When both day fields are restricted, either has to fit; a \
            field that begins with `*` is not restricted, and then both have to. Instead of fields there are \
            `@hourly`, `@daily`, `@midnight`, `@weekly`, `@monthly`, `@yearly` and `@annually`, and `@reboot` for one \
            run each time Runnel starts to serve.

            When clocks are changed, a job whose minute and hour are both named runs once a day: at the end of a gap \
            that its time falls into, and in the first of two repeated hours. A job with `*` as minute or hour \
            (`*/15 * * * *`, `0 */2 * * *`) follows real time. Seconds make no difference to that.

            `every` counts from `anchor` (1970-01-01T00:00:00Z if not said), so nothing drifts.

            Ticks that came while Runnel was down, or more than a minute before it could start their runs, are missed: \
            `missed: once` starts one run for the last of them, `all` one for each (the latest `max_missed`), `skip` \
            none. Several ticks that are due at the same moment count as missed but for the last. A new or changed \
            `cron`, `every`, `anchor` or `timezone` begins from now, and so does an entry that was disabled with \
            `enabled: false`.

            One tick starts one run, however many processes serve the pipeline. When the clock is set back by less \
            than an hour, nothing comes until it has caught up; farther back, what comes again has had its run and \
            starts none. When it is set forward, the ticks in between are missed.

            `jitter` delays each run by up to so much, never beyond the next tick, and by the same amount on every \
            machine. `trigger.scheduled_for` is not moved.
            """,
        payload: [
            .init("scheduled_for", "The tick (RFC 3339, UTC): `2026-11-24T00:00:00.000Z`."),
            .init("fired_at", "When the run was started (RFC 3339, UTC)."),
        ],
        examples: [
            .init(
                "On workdays at nine in Tokyo", "schedule: { cron: \"0 9 * * MON-FRI\", timezone: Asia/Tokyo }"),
            .init(
                "On the last workday of each month, and every 90 seconds",
                """
                schedule:
                  - { cron: "30 18 LW * *", timezone: Europe/Berlin, missed: all }
                  - { every: 90s, missed: skip, jitter: 10s }
                """),
        ])

    static let rules: [FieldRule] = [
        .exactlyOne(["cron", "every"]), .requires("anchor", ["every"]), .requires("max_missed", ["missed"]),
    ]

    @Field("A cron expression.") var cron: CronExpression?
    @Field("The interval between runs, at least 1s.") var every: IntervalLength?
    @Field("With `every`: the time from which intervals are counted.") var anchor: Anchor = .epoch
    @Field("The time zone of `cron` by its IANA name; default is the machine's local zone.")
    var timezone: Zone?
    @Field("What happens to ticks that were missed while Runnel was down.") var missed: MissedTicks = .once
    @Field("With `missed: all`: the maximum number of runs to start.") var maxMissed: MissedLimit = MissedLimit(100)
    @Field("The maximum random delay of a run, so that not everything starts at the same moment.")
    var jitter: Duration = .zero
    @Field("Whether the schedule is active.") var enabled: Bool = true

    static let memoryWhileDeclared = [Watermark.key]

    func run(_ context: TriggerContext) async throws {
        let session = try session(context)
        if !enabled {
            try await session.rest()
        } else if cron?.isAtStart ?? false {
            try await session.runAtStart()
        } else {
            try await session.run()
        }
    }

    // Not inlined: its temporaries would be in the frame of a task that lasts for months.
    @inline(never) private func session(_ context: TriggerContext) throws -> ScheduleSession {
        let schedule: Schedule
        do throws(FieldError) {
            schedule = try self.schedule()
        } catch {
            throw StepError(badConfiguration: error)
        }
        let planner = TickPlanner(
            schedule: schedule, missed: missed, limit: maxMissed.count,
            jitter: Jitter(limit: jitter.nanoseconds, of: context.pipeline + "\u{0}" + context.identity))
        return ScheduleSession(planner: planner, identity: identity(in: schedule), context: context)
    }

    func identity() -> String? { (try? schedule()).map(identity) }

    static func summary(of payload: Value) -> String? {
        payload["scheduled_for"]?.asString.flatMap(Timestamp.parse).map { Timestamp.shortText(nanoseconds: $0) }
    }

    func warnings() -> [FieldError] { (cron?.warnings ?? []).map { $0.under(.key("cron")) } + ignoredKeys }

    private var ignoredKeys: [FieldError] {
        if cron?.isAtStart ?? false {
            let given = [
                ("timezone", _timezone.isGiven), ("missed", _missed.isGiven), ("max_missed", _maxMissed.isGiven),
                ("jitter", _jitter.isGiven),
            ]
            return given.filter { _, isGiven in isGiven }.map { key, _ in
                FieldError.noEffect(of: key, with: "cron: \"@reboot\"")
            }
        }
        guard missed != .all, _maxMissed.isGiven else { return [] }
        return [.noEffect(of: "max_missed", with: "missed: \(missed.rawValue)", unless: "missed: all")]
    }

    func preview() throws(FieldError) -> TriggerPreview {
        let schedule = try schedule()
        return TriggerPreview(
            next: { schedule.next(after: $0) }, text: { schedule.text(of: $0) },
            event: { ScheduleSession.event(of: $0, key: $1, firedAt: $2) }, isEnabled: enabled,
            occasion: cron?.isAtStart ?? false ? "at the start of `runnel serve`" : nil)
    }

    func schedule() throws(FieldError) -> Schedule {
        let zone = if let timezone { timezone } else { try Zone.local() }
        if let cron { return Schedule(cron, in: zone) }
        guard let every else { throw FieldError("\"cron\" or \"every\" is required") }
        return Schedule(every: every.nanoseconds, anchor: anchor.nanoseconds, shownIn: zone)
    }

    /// Identifies the schedule: after a change no ticks count as missed.
    private func identity(in schedule: Schedule) -> String {
        if let cron { return "cron \(cron.text) in \(schedule.zoneName)" }
        let length = DurationText.format(.nanoseconds(every?.nanoseconds ?? 0))
        return "every \(length) from \(Timestamp.text(nanoseconds: anchor.nanoseconds))"
    }
}

/// Starts pipelines on a schedule.
public struct SchedulePlugin: Plugin {
    /// The plugin; it needs no settings.
    public init() {}

    /// The plugin's name.
    public let name = "schedule"

    /// The trigger `schedule`.
    public var triggers: [TriggerDefinition] { [TriggerDefinition(ScheduleTrigger.self)] }
}

/// The value of `every`.
struct IntervalLength: FieldValue, Hashable {
    let nanoseconds: Int64

    static var schema: Value { Duration.schema }

    init(field value: Value) throws(FieldError) {
        let duration = try Duration(field: value)
        guard duration >= .seconds(1) else {
            throw FieldError("\(DurationText.format(duration)) is too short", hint: "1s at least")
        }
        nanoseconds = duration.nanoseconds
        guard nanoseconds % 1_000_000 == 0 else {
            throw FieldError("\(DurationText.format(duration)) is finer than milliseconds")
        }
    }
}

/// Delays each tick's run by a pseudo-random amount that is deterministic: the same after a restart and in every
/// process.
struct Jitter: Hashable, Sendable {
    /// In nanoseconds.
    let limit: Int64
    /// Derived from the trigger, so that triggers with the same ticks get different delays.
    let seed: UInt64

    init(limit: Int64, of trigger: String) {
        self.limit = limit
        // FNV-1a, 64 bits.
        seed = trigger.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    }

    /// The delay of the tick's run in nanoseconds: up to the limit, and before the next tick.
    func delay(of tick: Int64, before next: Int64?) -> Int64 {
        guard limit > 0 else { return 0 }
        var bound = UInt64(limit) + 1
        if let next { bound = min(bound, UInt64(next - tick)) }
        // The finalizer of SplitMix64, which distributes consecutive inputs evenly.
        var bits = seed ^ UInt64(bitPattern: tick)
        bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
        bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
        return Int64((bits ^ (bits >> 31)) % bound)
    }
}

/// The handling of ticks that were missed.
enum MissedTicks: String, FieldChoice {
    /// No runs for missed ticks.
    case skip
    /// One run for the last missed tick.
    case once
    /// A run for each missed tick, at most the latest `max_missed`.
    case all
}

/// The maximum number of runs for `missed: all`.
struct MissedLimit: FieldValue, Hashable {
    let count: Int

    private static let range = 1...10_000

    static var schema: Value {
        ["type": "integer", "minimum": .int(Int64(range.lowerBound)), "maximum": .int(Int64(range.upperBound))]
    }

    init(_ count: Int) {
        self.count = count
    }

    init(field value: Value) throws(FieldError) {
        guard let whole = value.asInt, let count = Int(exactly: whole), Self.range.contains(count) else {
            throw .expected("a whole number from 1 to 10000", found: value)
        }
        self.count = count
    }

    var fieldDefault: Value? { .int(Int64(count)) }
}
