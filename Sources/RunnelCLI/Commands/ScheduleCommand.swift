import ArgumentParser
import RunnelEngine
import RunnelKit
import RunnelServer
internal import RunnelSupport

/// `runnel schedule`
struct ScheduleCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schedule", abstract: "Show when scheduled pipelines will run, and run ticks of the past.",
        discussion: HelpText.text(
            examples: [
                "runnel schedule next digest -n 3": "The next three times at which digest runs."
            ]),
        subcommands: [ScheduleNextCommand.self, ScheduleBackfillCommand.self])
}

/// `runnel schedule next`
struct ScheduleNextCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "next", abstract: "Print the next ticks of a pipeline's schedules: in their zone and in UTC.",
        discussion: HelpText.text(
            examples: [
                "runnel schedule next digest -n 3": "The next three ticks."
            ]))

    @Argument(help: "The pipeline's file; `.yaml` is optional.", completion: PipelineCompletion.files)
    var pipeline: String
    @Option(name: [.customShort("n"), .long], parsing: .unconditional, help: "How many.") var limit = 10
    @Option(help: ArgumentHelp("Start from this time instead of now, such as 2026-11-24T09:00:00Z.", valueName: "time"))
    var after: String?
    @OptionGroup var options: ProjectOptions

    func validate() throws {
        if limit < 1 { throw ValidationError("--limit \(limit): expected 1 or more") }
        if let after, Timestamp.parse(after) == nil {
            throw ValidationError("--after \(after): expected a time such as 2026-11-24T09:00:00Z")
        }
    }

    func run() async throws {
        let loaded = try await LoadedPipeline(pipeline, options, simulates: true)
        let triggers = loaded.pipeline.triggers.compactMap { trigger in
            loaded.loader.registry.trigger(named: trigger.kind)?.preview.map { (trigger, $0) }
        }
        guard !triggers.isEmpty else {
            throw ExitStatus.usage.reporting("the pipeline \"\(loaded.pipeline.name)\" has no schedule with ticks")
        }
        let scope = loaded.project.triggerScope
        let disabled = await Self.disabledTriggers(of: loaded.project)
        var schedules: [(schedule: TriggerPreview, next: Int64)] = []
        let start = after.flatMap(Timestamp.parse) ?? WallClock.nanoseconds()
        for (trigger, preview) in triggers {
            do {
                let schedule = try preview(trigger.entry.render(scope).asObject ?? [:])
                guard schedule.isEnabled else {
                    Streams.error.write("\(trigger.key) is disabled: its entry has `enabled: false`\n")
                    continue
                }
                guard !disabled.contains(TriggerID(pipeline: loaded.pipeline.name, key: trigger.key)) else {
                    Streams.error.write("\(trigger.key) is disabled by an operator\n")
                    continue
                }
                if let occasion = schedule.occasion { Streams.output.write("\(occasion)\n") }
                if let next = schedule.next(start) { schedules.append((schedule, next)) }
            } catch {
                throw ExitStatus.usage.reporting("\(trigger.key): \(error)")
            }
        }
        for _ in 0..<limit {
            guard let index = schedules.indices.min(by: { schedules[$0].next < schedules[$1].next }) else { return }
            let (schedule, tick) = schedules[index]
            let seconds = Timestamp.text(nanoseconds: tick)
            let utc = seconds.hasSuffix(".000Z") ? seconds.dropLast(5) + "Z" : Substring(seconds)
            Streams.output.write("\(schedule.text(tick))  \(utc)\n")
            guard let next = schedule.next(tick) else {
                schedules.remove(at: index)
                continue
            }
            schedules[index].next = next
        }
    }

    /// The triggers that operators have disabled; empty if the journal cannot be read.
    private static func disabledTriggers(of project: Project) async -> Set<TriggerID> {
        guard let journal = try? JournalSetup.existing(of: project, migrates: false) else { return [] }
        let disabled = try? await journal.operators.disabledTriggers()
        await journal.close()
        return disabled ?? []
    }
}

/// `runnel schedule backfill`
struct ScheduleBackfillCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backfill", abstract: "Run ticks of the past, each with its `scheduled_for`.",
        discussion: HelpText.text(
            """
            A tick that has run starts no second run, whether the schedule or an earlier backfill started it; with \
            --again it does where that run failed or was cancelled. What has run is known for `dedupe.keep` after its end, \
            so ticks that are older are refused without --old. A tick that cannot run again, such as because an \
            input does not match any more, is refused with the reason, and the exit status is 1. The running server works \
            on the runs; without one, they wait in the journal for the next `runnel serve`.
            """,
            examples: [
                "runnel schedule backfill digest --from 2026-11-01T00:00:00Z": "All ticks since then."
            ]))

    @OptionGroup var options: ProjectOptions
    @Argument(help: "The pipeline's name.", completion: PipelineCompletion.names) var pipeline: String
    @Option(help: ArgumentHelp("The first time, such as 2026-11-24T09:00:00Z.", valueName: "time")) var from: String
    @Option(help: ArgumentHelp("The last time; now by default.", valueName: "time")) var to: String?
    @Option(
        name: [.customShort("n"), .long], parsing: .unconditional,
        help: "The maximum number of ticks, from 1 to 1000; with more nothing is run.")
    var limit = 100
    @Flag(help: "Print only the ticks that had not run. They are run as without it.") var missing = false
    @Flag(help: "Run ticks again whose run failed or was cancelled.") var again = false
    @Flag(help: "Also run ticks that are older than `dedupe.keep`; one that has run may run again.") var old = false
    @Flag(help: "Print a JSON list.") var json = false

    func validate() throws {
        for (name, text) in [("--from", from), ("--to", to ?? from)] where Timestamp.parse(text) == nil {
            throw ValidationError("\(name) \(text): expected a time such as 2026-11-24T09:00:00Z")
        }
        if !(1...1000).contains(limit) { throw ValidationError("--limit \(limit): expected a number from 1 to 1000") }
    }

    func run() async throws {
        let project = try options.project(runsCommands: true)
        let client = ServerClient(project: project)
        var body: ValueObject = [
            "from": .string(from), "to": .string(to ?? Timestamp.text(nanoseconds: WallClock.nanoseconds())),
            "limit": .int(Int64(limit)), "missing": .bool(missing), "again": .bool(again),
        ]
        // A server of an earlier version does not know it.
        if old { body["old"] = true }
        let ticks: Value
        if await OfflineServer.isNeeded(client) {
            let offline = OfflineServer(options: options, project: project)
            ticks = try await offline.perform(createsJournal: true) { [pipeline, body] in
                try await $0.backfill(pipeline, .object(body))
            }
            OfflineServer.tell(of: (ticks.asList ?? []).count { $0["status"] == "started" || $0["status"] == "again" })
        } else {
            let name = PercentEncoding.encode(pipeline, allowed: PercentEncoding.unreserved)
            ticks = try await client.request("POST", "/pipelines/\(name)/backfill", body: .object(body))
        }
        if json {
            Streams.output.write(json: ticks, isPretty: true)
        } else {
            let style = TextStyle.standardOutput
            for tick in ticks.asList ?? [] {
                let words = ["scheduled_for", "status", "run", "problem"].compactMap { tick[$0]?.asString }
                Streams.output.write(styled: words.map(style.safe).joined(separator: "  ") + "\n")
            }
        }
        if ticks.asList?.contains(where: { $0["status"] == "refused" }) ?? false { throw ExitStatus.runFailed }
    }
}
