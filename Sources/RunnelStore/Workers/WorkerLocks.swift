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
final class WorkerLocks: Sendable {
    private let directory: String
    private let held = Mutex<[WorkerID: FileLock]>([:])

    init(directory: String) {
        self.directory = directory
    }

    func hold(_ worker: WorkerID) throws(JournalError) {
        guard let lock = try FileLock(path: path(worker), waits: false) else {
            throw JournalError("journal-busy", "another process says that it is the worker \(worker)")
        }
        held.withLock { $0[worker] = lock }
    }

    func letGo(_ worker: WorkerID) {
        unlink(path(worker))
        held.withLock { $0.removeValue(forKey: worker) }?.unlock()
    }

    func presence(of worker: WorkerID) -> WorkerSight.Presence {
        if held.withLock({ $0[worker] != nil }) { return .present }
        guard access(path(worker), F_OK) == 0 else { return .left }
        guard let lock = try? FileLock(path: path(worker), waits: false) else { return .present }
        // The file stays until its runs have been taken over: it tells a death from a shutdown.
        lock.unlock()
        return .died
    }

    /// Removes what a process left that has ended.
    func remove(_ worker: WorkerID) {
        guard let lock = try? FileLock(path: path(worker), waits: false) else { return }
        unlink(path(worker))
        lock.unlock()
    }

    /// Ends the lock as the end of the process would: the file stays.
    func forget(_ worker: WorkerID) {
        held.withLock { $0.removeValue(forKey: worker) }?.unlock()
    }

    func letGoOfAll() {
        for worker in held.withLock({ Array($0.keys) }) { letGo(worker) }
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

    private func path(_ worker: WorkerID) -> String { "\(directory)/\(worker.text).lock" }
}
