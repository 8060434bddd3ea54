import RunnelEngine
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Tells which agents are alive: each holds a lock on a file of its own, which ends with its process; and each counts
/// its beats, which end when it hangs.
final class AgentLocks: Sendable {
    private struct Seen {
        var beat: Int64
        var at: Duration
    }

    private struct State {
        var held: [AgentID: FileLock] = [:]
        var seen: [AgentID: Seen] = [:]
    }

    private let directory: String
    private let patience: Duration
    private let elapsed: @Sendable () -> Duration
    private let state = Mutex(State())

    /// - Parameters:
    ///   - patience: How long an agent that holds its lock may be silent.
    ///   - elapsed: A steady clock.
    init(directory: String, patience: Duration, elapsed: @escaping @Sendable () -> Duration) {
        self.directory = directory
        self.patience = patience
        self.elapsed = elapsed
    }

    func hold(_ agent: AgentID) throws(JournalError) {
        guard let lock = try FileLock(path: path(agent), waits: false) else {
            throw JournalError("journal-busy", "another process says that it is the agent \(agent)")
        }
        state.withLock { $0.held[agent] = lock }
    }

    func letGo(_ agent: AgentID) {
        unlink(path(agent))
        state.withLock { $0.held.removeValue(forKey: agent) }?.unlock()
    }

    /// Whether the agent's process has ended or hangs.
    func isDead(_ agent: AgentID, beat: Int64) -> Bool {
        if state.withLock({ $0.held[agent] != nil }) { return false }
        // Without its file an agent has left.
        guard access(path(agent), F_OK) == 0 else { return true }
        if let lock = try? FileLock(path: path(agent), waits: false) {
            unlink(path(agent))
            lock.unlock()
            return true
        }
        let now = elapsed()
        return state.withLock { state in
            guard let seen = state.seen[agent], seen.beat == beat else {
                state.seen[agent] = Seen(beat: beat, at: now)
                return false
            }
            return now - seen.at > patience
        }
    }

    /// Ends the lock as the end of the process would: the file stays.
    func forget(_ agent: AgentID) {
        state.withLock { $0.held.removeValue(forKey: agent) }?.unlock()
    }

    func letGoOfAll() {
        for agent in state.withLock({ Array($0.held.keys) }) { letGo(agent) }
    }

    /// A younger file may belong to a process that is about to lock it. In seconds.
    private static let sweepAge = 60

    /// Removes the lock files of processes that died before their agent was known to the journal.
    func sweep() throws(JournalError) {
        for name in try FileSystem.names(in: directory) where name.hasSuffix(".lock") {
            let path = "\(directory)/\(name)"
            guard let age = FileSystem.facts(path)?.age, age >= Self.sweepAge else { continue }
            _ = FileLock.removeAbandoned(path)
        }
    }

    private func path(_ agent: AgentID) -> String { "\(directory)/\(agent.text).lock" }
}
