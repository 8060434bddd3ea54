import ArgumentParser
import RunnelEngine
import RunnelKit
import SchedulePlugin
import Templates

/// `runnel schedule`
struct ScheduleCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schedule", abstract: "Look at when pipelines come.", subcommands: [ScheduleNextCommand.self])
}

/// `runnel schedule next`
struct ScheduleNextCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "next", abstract: "Print when a pipeline's schedules come next: in their zone, and in UTC.")

    @Argument(help: "The pipeline's file; `.yaml` may be left out.", completion: PipelineCompletion.files)
    var pipeline: String
    @Option(name: .shortAndLong, help: "How many.") var number = 10
    @Option(help: ArgumentHelp("Behind this time instead of now, such as 2026-11-24T09:00:00Z.", valueName: "time"))
    var after: String?
    @Option(help: "Use this configuration instead of the nearest `runnel.yaml`.", completion: .file())
    var config: String?

    func validate() throws {
        if number < 1 { throw ValidationError("-n \(number): expected 1 or more") }
        if let after, Timestamp.parse(after) == nil {
            throw ValidationError("--after \(after): expected a time such as 2026-11-24T09:00:00Z")
        }
    }

    func run() async throws {
        let loaded = try await LoadedPipeline(pipeline, config: config)
        let triggers = loaded.pipeline.triggers.filter { $0.kind == SchedulePlugin().name }
        guard !triggers.isEmpty else {
            Streams.error.write("error: the pipeline \"\(loaded.pipeline.name)\" has no schedule\n")
            throw ExitStatus.usage
        }
        let scope = DictionaryScope([
            "secrets": .object(ValueObject(loaded.project.secrets.map { ($0.key, .string($0.value)) })),
            "env": .object(ValueObject(loaded.project.env.map { ($0.key, .string($0.value)) })),
        ])
        var schedules: [(schedule: Schedule, next: Int64)] = []
        let start = after.flatMap(Timestamp.parse) ?? WallClock.nanoseconds()
        for trigger in triggers {
            do {
                let schedule = try Schedule(entry: trigger.entry.render(scope).asObject ?? [:])
                if let next = schedule.next(after: start) { schedules.append((schedule, next)) }
            } catch {
                Streams.error.write("error: \(trigger.key): \(error)\n")
                throw ExitStatus.usage
            }
        }
        for _ in 0..<number {
            guard let index = schedules.indices.min(by: { schedules[$0].next < schedules[$1].next }) else { return }
            let (schedule, tick) = schedules[index]
            let seconds = Timestamp.text(nanoseconds: tick)
            let utc = seconds.hasSuffix(".000Z") ? seconds.dropLast(5) + "Z" : Substring(seconds)
            Streams.output.write("\(schedule.text(of: tick))  \(utc)\n")
            guard let next = schedule.next(after: tick) else {
                schedules.remove(at: index)
                continue
            }
            schedules[index].next = next
        }
    }
}
