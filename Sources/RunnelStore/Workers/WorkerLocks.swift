import LibC
import RunnelEngine
import Synchronization

/// Detects which workers' processes are alive: each holds a lock on its own file, which the kernel releases when it
/// ends.
final class WorkerLocks: Sendable {
    private let directory: String
    private let held = Mutex<[WorkerID: FileLock]>([:])

    init(directory: String) {
        self.directory = directory
    }

    func hold(_ worker: WorkerID) throws(JournalError) {
        guard let lock = try FileLock(path: path(worker), waits: false) else {
            throw JournalError(.busy, "another process says that it is the worker \(worker)")
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
        // The file stays until its runs have been taken over: it distinguishes a death from a shutdown.
        lock.unlock()
        return .died
    }

    /// Whether the process of any worker is alive, also of one that the journal does not know.
    func areHeld() throws(JournalError) -> Bool {
        try FileSystem.names(in: directory).contains { name in
            name.hasSuffix(".lock") && presence(of: WorkerID(String(name.dropLast(".lock".count)))) == .present
        }
    }

    /// Removes the lock file of an ended process.
    func remove(_ worker: WorkerID) {
        guard let lock = try? FileLock(path: path(worker), waits: false) else { return }
        unlink(path(worker))
        lock.unlock()
    }

    /// Releases the lock like the end of the process: the file stays.
    func forget(_ worker: WorkerID) {
        held.withLock { $0.removeValue(forKey: worker) }?.unlock()
    }

    func letGoOfAll() {
        for worker in held.withLock({ Array($0.keys) }) { letGo(worker) }
    }

    /// The minimum age in seconds: a younger file may belong to a process that is about to lock it.
    private static let sweepAge = 60

    /// Removes the lock files of processes that died before their worker joined the journal. The file of a joined
    /// worker stays until its runs have been taken over.
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
