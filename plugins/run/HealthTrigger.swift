import Logging
import RunnelKit

/// The trigger `health`.
struct HealthTrigger: Trigger {
    static let name = "health"
    static let summary = "Starts a run when a problem of Runnel or of what it serves begins, and when it ends."
    static let titles = ["ja": "ヘルス"]

    static let documentation = TriggerDocumentation(
        details: """
            The short form names the kinds of problems alone: `health: [disk, pipeline-invalid]`.

            | kind | begins when | subject |
            |---|---|---|
            | `pipeline-invalid` | a served file has errors | the file |
            | `trigger-problem` | a trigger cannot do its work | the trigger and its file |
            | `plugin-broken` | a plugin of the project could not be loaded | the plugin |
            | `budget` | 80 % of a budget are used, and once more when all of it is; it ends with the next period | the budget |
            | `disk` | less than 5 % and less than 1 GiB of the journal's disk are free, or the journal cannot be written | the folder |
            | `worker-lost` | a process that worked on runs has died and its runs were taken over; it ends after a minute | its host and process |
            | `clock` | the clock of this machine differs by more than 2s from that of the journal's database | the machine |

            A problem is looked for every second and has one event when it begins and one when it ends, also over \
            restarts of `runnel serve`. A problem of this trigger's own pipeline starts no run.
            """,
        payload: [
            .init("kind", "What kind of problem it is."),
            .init("subject", "What has the problem."),
            .init("state", "`began` or `ended`."),
            .init("message", "The problem in a sentence."),
            .init("since", "When it began (RFC 3339, UTC)."),
        ],
        examples: [
            .init("On problems of the machine and of pipelines", "health: [disk, pipeline-invalid, trigger-problem]"),
            .init(
                "On everything, folded over half a minute",
                "health: { debounce: { for: 30s, max: 5m } }"),
        ])

    static let shorthand: String? = "events"
    static let keepsMemoryWhenEdited = true

    func identity() -> String? {
        // Kinds that a later version adds belong to an entry that names none.
        Set(events).count == HealthBoard.Kind.allCases.count ? "all" : events.map(\.rawValue).sortedList
    }

    static func summary(of payload: Value) -> String? { payload["kind"]?.asString }

    @Field("The kinds of problems; all unless given.") var events: [HealthBoard.Kind] = HealthBoard.Kind.allCases

    func validate() throws(FieldError) {
        if events.isEmpty { throw FieldError("the list holds no kind of problem", path: [.key("events")]) }
    }

    func run(_ context: TriggerContext) async throws {
        try await HealthSession(
            kinds: events, context: context, board: try await context.services.get(HealthBoard.self)
        )
        .run()
    }
}

/// Compares the health board with the problems that are known, which are remembered durably.
struct HealthSession {
    let kinds: [HealthBoard.Kind]
    let context: TriggerContext
    let board: HealthBoard

    private static let interval = Duration.seconds(1)
    private static let prefix = "problem/"

    /// A problem whose beginning was told.
    private struct Known {
        var problem: HealthBoard.Problem
        var since: String

        init(_ problem: HealthBoard.Problem, since: String) {
            (self.problem, self.since) = (problem, since)
        }

        init?(_ value: Value) {
            guard let kind = value["kind"]?.asString.flatMap({ HealthBoard.Kind(rawValue: $0) }),
                let subject = value["subject"]?.asString, let since = value["since"]?.asString
            else { return nil }
            self.init(HealthBoard.Problem(kind, subject, value["message"]?.asString ?? ""), since: since)
        }

        func payload(_ state: String) -> ValueObject {
            [
                "kind": .string(problem.kind.rawValue), "subject": .string(problem.subject), "state": .string(state),
                "message": .string(problem.message), "since": .string(since),
            ]
        }

        var key: String { HealthSession.prefix + problem.kind.rawValue + "/" + problem.subject }
    }

    func run() async throws {
        var known: [String: Known] = [:]
        for (key, value) in try await context.memory.values(prefix: Self.prefix) { known[key] = Known(value) }
        let names = kinds.map(\.rawValue).joined(separator: ", ")
        await context.report(.waiting("looks for \(names)", translations: ["ja": "\(names) を監視中"]))
        while true {
            try await compare(&known)
            try await context.clock.sleep(for: Self.interval)
        }
    }

    private func compare(_ known: inout [String: Known]) async throws {
        let problems = board.problems(of: kinds).filter { !isOwn($0) }
        for problem in problems {
            let new = Known(problem, since: Timestamp.text(nanoseconds: context.now()))
            guard known[new.key] == nil else { continue }
            try await tell(new, "began", memory: .object(new.payload("began")))
            known[new.key] = new
        }
        let current = Set(problems.map { Known($0, since: "").key })
        for (key, old) in known.sorted(by: { $0.key < $1.key }) where !current.contains(key) {
            // After a restart nothing was looked at yet.
            guard board.isKnown(old.problem.kind) else { continue }
            try await tell(old, "ended", memory: nil)
            known[key] = nil
        }
    }

    /// A pipeline that tells of problems must not start itself by its own.
    private func isOwn(_ problem: HealthBoard.Problem) -> Bool {
        problem.kind == .triggerProblem && problem.subject.hasPrefix(context.pipeline + ": ")
    }

    private func tell(_ known: Known, _ state: String, memory: Value?) async throws {
        let event = TriggerEvent(
            dedupeKey: "\(known.key)@\(known.since)/\(state)", payload: known.payload(state),
            memory: [known.key: memory])
        var logged: TriggerRefusal.Reason?
        try await context.emit(event, every: Self.interval) { refusal in
            // Reporting a problem here would be one more problem to tell of.
            if refusal.reason != logged { context.logger.warning("a health event has to wait: \(refusal.message)") }
            logged = refusal.reason
            return true
        }
    }
}
