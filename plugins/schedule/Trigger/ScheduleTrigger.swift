import RunnelKit

/// The trigger `schedule`.
struct ScheduleTrigger: Trigger {
    static let name = "schedule"
    static let summary = "Starts a run at set times, by a cron expression or at equal intervals."

    static let documentation = TriggerDocumentation(
        details: """
            `cron` has 5 fields (minute, hour, day of month, month, day of week) or 6 with seconds first. Each is `*`, \
            a number, a range `1-5`, a step `*/15`, `10-40/5` or `5/15`, or a list of these. Months and weekdays have \
            names (`JAN`, `MON`); 0 and 7 are Sunday. Days can also be `L` (the last of the month), `LW` (the last \
            from Monday to Friday), `15W` (the one from Monday to Friday nearest to the 15th), `MON#2` (the second \
            Monday), `5L` (the last Friday) and `?` (any). When both day fields are restricted, either has to fit; a \
            field that begins with `*` is not restricted, and then both have to. Instead of fields there are \
            `@hourly`, `@daily`, `@midnight`, `@weekly`, `@monthly`, `@yearly` and `@annually`.

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

    @Field("When: a cron expression.") var cron: CronExpression?
    @Field("How often: the time from one run to the next, 1s at least.") var every: IntervalLength?
    @Field("With `every`: the time that is counted from.") var anchor: Anchor = .epoch
    @Field("The time zone that `cron` is read in, by its IANA name; the machine's own when not said.")
    var timezone: Zone?
    @Field("What becomes of ticks that were missed.") var missed: MissedTicks = .once
    @Field("With `missed: all`: how many runs are started at most.") var maxMissed: MissedLimit = MissedLimit(100)
    @Field("By how much a run may be delayed, so that not everything starts at the same moment.")
    var jitter: Duration = .zero
    @Field("Whether there are runs at all.") var enabled: Bool = true

    static let memoryWhileDeclared = [Watermark.key]

    func run(_ context: TriggerContext) async throws {
        let schedule: Schedule
        do throws(FieldError) {
            schedule = try self.schedule()
        } catch {
            throw StepError(badConfiguration: error)
        }
        let planner = TickPlanner(
            schedule: schedule, missed: missed, limit: maxMissed.count,
            jitter: Jitter(limit: jitter.wholeNanoseconds, of: context.pipeline + "\u{0}" + context.key))
        let session = ScheduleSession(planner: planner, identity: identity(in: schedule), context: context)
        if enabled { try await session.run() } else { try await session.rest() }
    }

    func schedule() throws(FieldError) -> Schedule {
        let zone = if let timezone { timezone } else { try ZoneDatabase.local() }
        if let cron { return Schedule(cron, in: zone) }
        guard let every else { throw FieldError("one of \"cron\" or \"every\" has to be given") }
        return Schedule(every: every.nanoseconds, anchor: anchor.nanoseconds, shownIn: zone)
    }

    /// What makes the ticks: with another one, nothing was missed.
    private func identity(in schedule: Schedule) -> String {
        if let cron { return "cron \(cron.text) in \(schedule.zoneName)" }
        let length = DurationText.format(.nanoseconds(every?.nanoseconds ?? 0))
        return "every \(length) from \(Timestamp.text(nanoseconds: anchor.nanoseconds))"
    }
}
