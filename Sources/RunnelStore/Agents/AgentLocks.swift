import RunnelEngine
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Tells which workers' processes are there: each holds a lock on a file of its own, which ends with its process.
final class AgentLocks: Sendable {
    private let directory: String
    private let held = Mutex<[AgentID: FileLock]>([:])

    init(directory: String) {
        self.directory = directory
    }

    func hold(_ agent: AgentID) throws(JournalError) {
        guard let lock = try FileLock(path: path(agent), waits: false) else {
            throw JournalError("journal-busy", "another process says that it is the worker \(agent)")
        }
        held.withLock { $0[agent] = lock }
    }

    func letGo(_ agent: AgentID) {
        unlink(path(agent))
        held.withLock { $0.removeValue(forKey: agent) }?.unlock()
    }

    func presence(of agent: AgentID) -> WorkerSight.Presence {
        if held.withLock({ $0[agent] != nil }) { return .present }
        guard access(path(agent), F_OK) == 0 else { return .left }
        guard let lock = try? FileLock(path: path(agent), waits: false) else { return .present }
        // The file stays until its runs have been taken over: it tells a death from a shutdown.
        lock.unlock()
        return .died
    }

    /// Removes what a process left that has ended.
    func remove(_ agent: AgentID) {
        guard let lock = try? FileLock(path: path(agent), waits: false) else { return }
        unlink(path(agent))
        lock.unlock()
    }

    /// Ends the lock as the end of the process would: the file stays.
    func forget(_ agent: AgentID) {
        held.withLock { $0.removeValue(forKey: agent) }?.unlock()
    }

    func letGoOfAll() {
        for agent in held.withLock({ Array($0.keys) }) { letGo(agent) }
    }

    /// A younger file may belong to a process that is about to lock it. In seconds.
    private static let sweepAge = 60

    /// Removes the lock files of processes that died before their worker was known to the journal. The file of a known one
    /// stays until its runs have been taken over.
    func sweep(except known: Set<String>) throws(JournalError) {
        for name in try FileSystem.names(in: directory)
        where name.hasSuffix(".lock") && !known.contains(String(name.dropLast(".lock".count))) {
            let path = "\(directory)/\(name)"
            guard let age = FileSystem.facts(path)?.age, age >= Self.sweepAge else { continue }
            _ = FileLock.removeAbandoned(path)
        }
    }

    private func path(_ agent: AgentID) -> String { "\(directory)/\(agent.text).lock" }
}
