import RunnelKit
import Testing

@testable import WatchPlugin

@Suite("Watch machine: runs") struct MachineRunTests {
    private let path = FilePath("inbox/a")
    private let first = FileStatus(size: 1, modified: 1, inode: 1)
    private let second = FileStatus(size: 2, modified: 2, inode: 1)
    private let success = RunEnd.succeeded(output: .null)

    private func entry(_ status: FileStatus, _ hash: String = "h", run: String? = nil) -> LedgerEntry {
        LedgerEntry(status: status, hash: hash, isPending: true, run: run)
    }

    private func machine(
        limits: WatchMachine.Limits = .init(), ledger: [FilePath: LedgerEntry] = [:]
    ) -> WatchMachine {
        WatchMachine(settle: .milliseconds(500), follows: true, limits: limits, ledger: ledger)
    }

    /// A machine in which the file's run goes on.
    private func running() -> WatchMachine {
        var machine = machine()
        machine.file(path, first, .complete, at: .zero)
        _ = machine.actions()
        machine.taken(path, .emitted(run: "r1", entry(first)), at: .zero)
        _ = machine.actions()
        return machine
    }

    @Test("an event that was accepted has its run written down, followed and its file dealt with at the end")
    func wholeStory() {
        var machine = machine()
        machine.file(path, first, .complete, at: .zero)
        #expect(machine.actions() == [.take(path, first, known: nil)])
        machine.taken(path, .emitted(run: "r1", entry(first)), at: .zero)
        #expect(machine.actions() == [.follow(path, run: "r1")])
        #expect(machine.takeUnsaved() == ["file/inbox/a": entry(first, run: "r1").value])
        machine.ended(path, run: "r1", success)
        #expect(machine.actions() == [.finish(path, first, run: "r1", success)])
        // The system tells of what the trigger itself does.
        machine.gone(path)
        machine.finished(path, run: "r1", .done, at: .zero)
        #expect(machine.actions() == [])
        #expect(machine.takeUnsaved() == ["file/inbox/a": Value?.none])
        #expect(machine.ledger.isEmpty && machine.activities.isEmpty && machine.followed.isEmpty)
    }

    @Test("at the start, runs that are waited for are followed, and unknown ones asked for")
    func resuming() {
        let other = FilePath("inbox/b")
        var machine = machine(ledger: [path: entry(first, run: "r1"), other: entry(first)])
        #expect(machine.actions() == [.follow(path, run: "r1"), .resume(other, entry(first))])
        machine.taken(other, .emitted(run: "r2", entry(first)), at: .zero)
        #expect(machine.actions() == [.follow(other, run: "r2")])
    }

    @Test("when the content changed, the end of the older run is nothing to the file")
    func replaced() {
        var machine = running()
        machine.file(path, second, .complete, at: .zero)
        #expect(machine.actions() == [.take(path, second, known: "h")])
        machine.taken(path, .emitted(run: "r2", entry(second, "h2")), at: .zero)
        #expect(machine.actions() == [.follow(path, run: "r2")])
        machine.ended(path, run: "r1", success)
        #expect(machine.actions() == [])
        machine.ended(path, run: "r2", success)
        #expect(machine.actions() == [.finish(path, second, run: "r2", success)])
    }

    @Test("an end that comes while the file is being written to waits for what comes of that")
    func endWhileActive() {
        var machine = running()
        machine.file(path, second, .active, at: .zero)
        machine.ended(path, run: "r1", success)
        #expect(machine.actions() == [])
        #expect(machine.due(at: .milliseconds(500)) == [path])
        machine.file(path, second, .present, at: .milliseconds(500))
        #expect(machine.actions() == [.take(path, second, known: "h")])
        // It was only touched.
        machine.taken(path, .unchanged(second), at: .milliseconds(500))
        #expect(machine.actions() == [.finish(path, second, run: "r1", success)])
    }

    @Test("an end that comes while new content is taken is forgotten with the old content")
    func endWhileReplaced() {
        var machine = running()
        machine.file(path, second, .complete, at: .zero)
        _ = machine.actions()
        machine.ended(path, run: "r1", success)
        machine.taken(path, .emitted(run: "r2", entry(second, "h2")), at: .zero)
        #expect(machine.actions() == [.follow(path, run: "r2")])
    }

    @Test("a file that turns out changed when it is to be moved is looked at anew")
    func changedAtTheEnd() {
        var machine = running()
        machine.ended(path, run: "r1", success)
        _ = machine.actions()
        machine.finished(path, run: "r1", .changed(second), at: .seconds(1))
        #expect(machine.actions() == [])
        #expect(machine.due(at: .milliseconds(1500)) == [path])
        machine.file(path, second, .present, at: .milliseconds(1500))
        // Its content may be the same, and then the run's end is to be found again: so no hash is known.
        #expect(machine.actions() == [.take(path, second, known: nil)])
    }

    @Test("a file that comes while its predecessor is moved is an event of its own")
    func successor() {
        var machine = running()
        machine.ended(path, run: "r1", success)
        _ = machine.actions()
        machine.gone(path)
        machine.file(path, second, .complete, at: .zero)
        machine.finished(path, run: "r1", .done, at: .zero)
        #expect(machine.actions() == [.take(path, second, known: nil)])
    }

    @Test("a file that was removed while its run goes on is remembered until the end")
    func removed() {
        var machine = running()
        _ = machine.takeUnsaved()
        machine.gone(path)
        #expect(machine.takeUnsaved().isEmpty)
        machine.ended(path, run: "r1", success)
        #expect(machine.actions() == [.finish(path, first, run: "r1", success)])
        machine.finished(path, run: "r1", .done, at: .zero)
        #expect(machine.takeUnsaved() == ["file/inbox/a": Value?.none])
    }

    @Test("a run that is not known any more is not waited for, and its file not processed again")
    func unknown() {
        var machine = running()
        machine.ended(path, run: "r1", nil)
        #expect(machine.actions() == [])
        #expect(machine.takeUnsaved() == ["file/inbox/a": LedgerEntry(status: first, hash: "h").value])
        machine.file(path, first, .present, at: .zero)
        #expect(machine.actions() == [])
    }

    @Test("no more runs are followed at once than allowed")
    func bounded() {
        let paths = (0..<3).map { FilePath("inbox/\($0)") }
        let ledger = Dictionary(uniqueKeysWithValues: paths.map { ($0, entry(first, run: "r" + $0.name)) })
        var machine = machine(limits: .init(following: 2), ledger: ledger)
        #expect(machine.actions() == [.follow(paths[0], run: "r0"), .follow(paths[1], run: "r1")])
        machine.ended(paths[1], run: "r1", success)
        #expect(machine.actions() == [.finish(paths[1], first, run: "r1", success), .follow(paths[2], run: "r2")])
    }
}
