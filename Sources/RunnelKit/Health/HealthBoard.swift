internal import Synchronization

/// The current problems of this process and of what it serves; the trigger `health` reads it.
///
/// A component says what its problems are at the moment. Two reports with the same subject are one problem, which began
/// with the first of them.
public final class HealthBoard: ServiceKey, Sendable {
    /// The board itself.
    public typealias Service = HealthBoard
    /// For errors.
    public static let name = "the health board"

    /// A kind of problem; the raw values are those of `trigger.kind`.
    @nonexhaustive public enum Kind: String, Sendable, Hashable, CaseIterable, FieldChoice {
        /// A pipeline file has errors, so that it, or its current version, is not served.
        case pipelineInvalid = "pipeline-invalid"
        /// A trigger cannot do its work.
        case triggerProblem = "trigger-problem"
        /// A plugin could not be loaded.
        case pluginBroken = "plugin-broken"
        /// A budget is nearly or wholly used up.
        case budget
        /// There is little room left, or the journal cannot be written.
        case disk
        /// A process that worked on runs has died.
        case workerLost = "worker-lost"
        /// The clock of this machine differs from that of the journal's database.
        case clock
    }

    /// A problem that exists now.
    public struct Problem: Sendable, Hashable {
        /// What kind of problem it is.
        public var kind: Kind
        /// What has the problem: a file, a trigger, a plugin, a folder.
        public var subject: String
        /// In a sentence.
        public var message: String

        /// A problem; see the properties.
        public init(_ kind: Kind, _ subject: String, _ message: String) {
            self.kind = kind
            self.subject = subject
            self.message = message
        }
    }

    private struct Entry {
        var message: String
        /// When it ends by itself.
        var end: ContinuousClock.Instant?
    }

    private struct State {
        var problems: [Kind: [String: Entry]] = [:]
        var known: Set<Kind> = []
    }

    private let state = Mutex(State())

    /// A board without problems.
    public init() {}

    /// Replaces the problems of a kind.
    ///
    /// - Parameters:
    ///   - kind: What kind of problem they are.
    ///   - problems: The messages by subject.
    public func set(_ kind: Kind, _ problems: [String: String]) {
        state.withLock { state in
            state.problems[kind] = problems.mapValues { Entry(message: $0) }
            state.known.insert(kind)
        }
    }

    /// Adds or removes one problem of a kind.
    ///
    /// - Parameters:
    ///   - kind: What kind of problem it is.
    ///   - subject: What has the problem.
    ///   - message: nil if there is no problem any more.
    ///   - length: How long it lasts; nil until it is removed.
    public func set(_ kind: Kind, _ subject: String, _ message: String?, for length: Duration? = nil) {
        state.withLock { state in
            let end = length.map { ContinuousClock.now.advanced(by: $0) }
            state.problems[kind, default: [:]][subject] = message.map { Entry(message: $0, end: end) }
            state.known.insert(kind)
        }
    }

    /// The current problems of these kinds, by kind and subject.
    public func problems(of kinds: [Kind] = Kind.allCases) -> [Problem] {
        state.withLock { state in
            let now = ContinuousClock.now
            return kinds.flatMap { kind in
                let current = (state.problems[kind] ?? [:]).filter { $0.value.end.map { $0 > now } ?? true }
                state.problems[kind] = state.problems[kind].map { _ in current }
                return current.sorted { $0.key < $1.key }.map { Problem(kind, $0.key, $0.value.message) }
            }
        }
    }

    /// Whether anything was said about the kind since the process began, so that the absence of a problem means
    /// something.
    public func isKnown(_ kind: Kind) -> Bool { state.withLock { $0.known.contains(kind) } }
}

/// A plugin that knows of problems by what the journal holds. `runnel serve` asks it every few seconds, and the trigger
/// `health` tells when one begins and ends.
public protocol MonitoringPlugin: Plugin {
    /// The kinds of problems that it looks for; no other plugin looks for them.
    var monitoredKinds: [HealthBoard.Kind] { get }

    /// The problems of these kinds that exist now.
    /// - Throws: What the journal has to say; the problems that were known stay then.
    func problems(_ context: MonitoringContext) async throws -> [HealthBoard.Problem]
}

/// What a plugin may look at to find problems.
public struct MonitoringContext: Sendable {
    /// Nanoseconds since 1970 (UTC).
    public var now: Int64
    /// What chats have used since a time (nanoseconds since 1970), those of a pipeline or all.
    public var usage: @Sendable (_ since: Int64, _ pipeline: String?) async throws -> UsageTotal

    /// A context; see the properties.
    public init(now: Int64, usage: @escaping @Sendable (_ since: Int64, _ pipeline: String?) async throws -> UsageTotal)
    {
        self.now = now
        self.usage = usage
    }
}
