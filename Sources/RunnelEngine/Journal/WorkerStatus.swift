public import RunnelKit
import RunnelSupport

/// A worker and its runs, as operators see them.
public struct WorkerStatus: Sendable {
    /// Where a worker is.
    public enum State: String, Sendable, CaseIterable {
        case working
        /// Drained, with runs that it finishes.
        case draining
        /// Drained, without runs.
        case drained
        /// Without a heartbeat for longer than ``OwnershipMachine/Timing/patience``; another worker is about to take its
        /// runs over.
        case silent
        /// Its process has ended without leaving.
        case ended
    }

    /// The record of the worker.
    public var worker: WorkerRecord
    /// Whether its process has ended without leaving the journal.
    public var hasEnded: Bool
    package var leases: [Lease]

    package init(worker: WorkerRecord, hasEnded: Bool = false, leases: [Lease] = []) {
        (self.worker, self.hasEnded, self.leases) = (worker, hasEnded, leases)
    }

    /// Where the worker is.
    public var state: State {
        if hasEnded { return .ended }
        if worker.silence >= OwnershipMachine.Timing.patience { return .silent }
        guard worker.isDrained else { return .working }
        return leases.isEmpty ? .drained : .draining
    }

    /// All workers of a journal, in the order in which they joined.
    public static func all(in journal: any Journal) async throws(JournalError) -> [WorkerStatus] {
        let ended = Set(try await journal.observe().filter { $0.presence == .died }.map(\.id))
        var all: [WorkerStatus] = []
        for worker in try await journal.workers() {
            all.append(
                WorkerStatus(
                    worker: worker, hasEnded: ended.contains(worker.id),
                    leases: try await journal.leases(of: worker.id)))
        }
        return all
    }

    /// The worker with this name among all: its id, a prefix of it, its host, or its host and process, such as
    /// `web-1/4711`. A host means the server that lives there, where it has one.
    public static func find(_ name: String, in all: [WorkerStatus]) throws(WorkerNameError) -> WorkerStatus {
        let exact = all.filter { $0.worker.id.text == name || $0.worker.name == name }
        var found =
            exact.isEmpty
            ? all.filter { $0.worker.host == name || name.count >= 6 && $0.worker.id.text.hasPrefix(name) } : exact
        let servers = found.filter { $0.worker.role == "serve" && $0.state != .ended && $0.state != .silent }
        if !servers.isEmpty { found = servers }
        if found.count == 1 { return found[0] }
        throw WorkerNameError(name: name, found: found.map(\.worker), all: all.map(\.worker))
    }

    /// The status as the API shows it.
    public var json: Value {
        [
            "id": .string(worker.id.text), "host": .string(worker.host), "process": .int(Int64(worker.processID)),
            "role": .string(worker.role), "version": .string(worker.version), "state": .string(state.rawValue),
            "since": .string(Timestamp.text(nanoseconds: worker.startedAt)), "gone": .bool(hasEnded),
            "drained": .bool(worker.isDrained), "silent_ms": .int(Int64(max(0, worker.silence.milliseconds).rounded())),
            "clock_ms": worker.clockLead.map { .int(Int64($0.milliseconds.rounded())) } ?? .null,
            "problem": worker.clockProblem.map { .string($0) } ?? .null,
            "runs": .list(leases.map { ["run": .string($0.runID), "epoch": .int($0.epoch)] }),
        ]
    }
}

extension WorkerRecord {
    /// For people: unique among the workers of a journal, but for containers with the same host name.
    public var name: String { "\(host)/\(processID)" }

    /// The difference between the clocks of a worker and of the database that is tolerated.
    public static let clockTolerance = Duration.seconds(2)

    /// What is wrong with the worker's clock; nil if nothing is.
    public var clockProblem: String? {
        guard let clockLead, clockLead.magnitude > Self.clockTolerance else { return nil }
        let seconds = (clockLead.magnitude.milliseconds / 100).rounded() / 10
        let side = clockLead > .zero ? "ahead of" : "behind"
        return "the clock of \(host) is \(seconds) s \(side) the database's, so schedules and pauses are off there; "
            + "synchronise both (NTP)"
    }
}

/// A name that is not that of one worker.
public struct WorkerNameError: Error, Sendable {
    /// The name that was given.
    public var name: String
    /// The workers that it could mean.
    public var found: [WorkerRecord]
    /// All workers.
    public var all: [WorkerRecord]

    package var message: String {
        let quoted = Value.string(name).quoted(limit: 200)
        if !found.isEmpty {
            // Containers with the same host name have the same names.
            let isUnique = Set(found.map(\.name)).count == found.count
            let names = found.prefix(5).map { isUnique ? $0.name : $0.id.text }.joined(separator: ", ")
            return "\(found.count) workers are called \(quoted); name one of them: \(names)"
        }
        if all.isEmpty { return "there is no worker \(quoted); no worker is running" }
        return "there is no worker \(quoted); the workers are \(all.prefix(5).map(\.name).joined(separator: ", "))"
    }
}

extension Duration {
    fileprivate var magnitude: Duration { self < .zero ? .zero - self : self }
}
