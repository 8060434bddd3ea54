import TestSupport

/// What is done to servers that share a journal. A new one is a case here, its weight, and a method of ``CrashWorld``.
enum Scenario: String, CaseIterable, Sendable {
    /// SIGKILL at a random moment.
    case kill
    /// SIGSTOP for 5 to 60 seconds, then SIGCONT.
    case stop
    /// SIGTERM or SIGINT while calls come in, once or twice.
    case terminate
    /// Another program holds a write transaction.
    case lock
    /// No space is left where the journal is.
    case full
    /// All writes and syncs fail with EIO.
    case io
    /// A few syncs fail with EIO while runs are claimed.
    case claims
    /// A file that holds the input of an unfinished run is damaged.
    case damage
    /// A run kills its process whenever it is worked on.
    case poison

    /// How often it is chosen, compared with the others.
    var weight: Int {
        switch self {
        case .kill: 30
        case .terminate: 20
        case .stop, .claims: 12
        case .lock, .full, .io, .damage: 6
        case .poison: 3
        }
    }

    /// Whether a server may be taken for dead that is not.
    var isOutage: Bool { [.stop, .lock, .full, .io].contains(self) }

    static func choose(from scenarios: [Scenario], using generator: inout SeededGenerator) -> Scenario? {
        var place = Int.random(in: 0..<max(1, scenarios.reduce(0) { $0 + $1.weight }), using: &generator)
        for scenario in scenarios {
            place -= scenario.weight
            if place < 0 { return scenario }
        }
        return scenarios.last
    }
}
