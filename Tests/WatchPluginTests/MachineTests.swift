import RunnelKit
import Testing

@testable import WatchPlugin

@Suite("Watch machine") struct MachineTests {
    private let path = FilePath("inbox/a")
    private let first = FileStatus(size: 1, modified: 1, inode: 1)
    private let second = FileStatus(size: 2, modified: 2, inode: 1)

    private func machine(
        follows: Bool = false, limits: WatchMachine.Limits = .init(), ledger: [FilePath: LedgerEntry] = [:]
    ) -> WatchMachine {
        WatchMachine(settle: .milliseconds(500), follows: follows, limits: limits, ledger: ledger)
    }

    private func entry(_ status: FileStatus, _ hash: String = "h") -> LedgerEntry {
        LedgerEntry(status: status, hash: hash)
    }

    @Test("a file that is complete is taken at once")
    func complete() {
        var machine = machine()
        machine.file(path, first, .complete, at: .zero)
        #expect(machine.actions() == [.take(path, first, known: nil)])
        #expect(machine.nextDeadline == nil)
    }

    @Test("a file that is only there is taken when size and time were still for the whole time")
    func settling() {
        var machine = machine()
        machine.file(path, first, .present, at: .milliseconds(100))
        #expect(machine.actions() == [])
        #expect(machine.nextDeadline == .milliseconds(600))
        #expect(machine.due(at: .milliseconds(599)) == [])
        #expect(machine.due(at: .milliseconds(600)) == [path])
        // It has changed, as a look shows.
        machine.file(path, second, .present, at: .milliseconds(600))
        #expect(machine.actions() == [])
        #expect(machine.due(at: .milliseconds(1100)) == [path])
        machine.file(path, second, .present, at: .milliseconds(1100))
        #expect(machine.actions() == [.take(path, second, known: nil)])
    }

    @Test("every event makes the time of stillness begin anew, even if nothing seems to have changed")
    func activity() {
        var machine = machine()
        machine.file(path, first, .active, at: .zero)
        machine.file(path, first, .active, at: .milliseconds(400))
        #expect(machine.due(at: .milliseconds(500)) == [])
        #expect(machine.nextDeadline == .milliseconds(900))
        #expect(machine.due(at: .milliseconds(900)) == [path])
        machine.file(path, first, .present, at: .milliseconds(900))
        #expect(machine.actions() == [.take(path, first, known: nil)])
    }

    @Test("a file that waits to be taken and changes goes on settling")
    func changedWhileReady() {
        var machine = machine(limits: .init(taking: 1))
        machine.file(FilePath("inbox/other"), first, .complete, at: .zero)
        machine.file(path, first, .complete, at: .zero)
        #expect(machine.actions().count == 1)
        machine.file(path, second, .active, at: .milliseconds(10))
        machine.taken(FilePath("inbox/other"), .gone, at: .milliseconds(20))
        #expect(machine.actions() == [])
        #expect(machine.nextDeadline == .milliseconds(510))
    }

    @Test("a file that vanishes while it settles is forgotten")
    func vanishing() {
        var machine = machine()
        machine.file(path, first, .active, at: .zero)
        machine.gone(path)
        #expect(machine.due(at: .seconds(1)) == [])
        #expect(machine.actions() == [])
        #expect(machine.activities.isEmpty)
    }

    @Test("a file that was processed is not taken again until it changes or is written to")
    func processed() {
        var machine = machine(ledger: [path: entry(first)])
        machine.file(path, first, .present, at: .zero)
        machine.file(path, first, .active, at: .zero)
        #expect(machine.actions() == [])
        machine.file(path, first, .complete, at: .zero)
        #expect(machine.actions() == [.take(path, first, known: "h")])
        machine.taken(path, .unchanged(first), at: .zero)
        machine.file(path, second, .present, at: .zero)
        #expect(machine.due(at: .milliseconds(500)) == [path])
    }

    @Test("a new time with the same content is written down, without a run")
    func touched() {
        var machine = machine(ledger: [path: entry(first)])
        machine.file(path, second, .complete, at: .zero)
        #expect(machine.actions() == [.take(path, second, known: "h")])
        machine.taken(path, .unchanged(second), at: .zero)
        #expect(machine.takeUnsaved() == ["file/inbox/a": entry(second).value])
        #expect(machine.takeUnsaved().isEmpty)
        #expect(machine.actions() == [])
    }

    @Test("what is written to a file while it is taken makes it be taken again")
    func changedWhileTaken() {
        var machine = machine()
        machine.file(path, first, .complete, at: .zero)
        #expect(machine.actions().count == 1)
        // Two writes within one tick leave one time.
        machine.file(path, first, .complete, at: .zero)
        machine.taken(path, .emitted(run: "r", entry(first)), at: .zero)
        #expect(machine.actions() == [.take(path, first, known: "h")])
        machine.taken(path, .changed(second), at: .zero)
        #expect(machine.actions() == [])
        #expect(machine.nextDeadline == .milliseconds(500))
    }

    @Test("a file that vanishes before it is read leaves nothing behind")
    func vanishedBeforeRead() {
        var machine = machine()
        machine.file(path, first, .complete, at: .zero)
        #expect(machine.actions().count == 1)
        machine.gone(path)
        machine.taken(path, .gone, at: .zero)
        #expect(machine.actions() == [])
        #expect(machine.activities.isEmpty)
        #expect(machine.takeUnsaved().isEmpty)
    }

    @Test("an unreadable file is taken again when something happens to it")
    func unreadable() {
        var machine = machine()
        machine.file(path, first, .complete, at: .zero)
        #expect(machine.actions().count == 1)
        machine.taken(path, .unreadable, at: .zero)
        #expect(machine.actions() == [])
        machine.file(path, first, .active, at: .seconds(1))
        #expect(machine.due(at: .milliseconds(1500)) == [path])
    }

    @Test("an overflow leads to a look at all files")
    func overflow() {
        var machine = machine()
        machine.overflowed()
        machine.overflowed()
        #expect(machine.actions() == [.rescan])
    }

    @Test("no more files are taken at once than allowed, in the order in which they came")
    func bounded() {
        var machine = machine(limits: .init(taking: 2))
        let paths = (0..<4).map { FilePath("inbox/\($0)") }
        for path in paths { machine.file(path, first, .complete, at: .zero) }
        #expect(machine.actions() == paths.prefix(2).map { .take($0, first, known: nil) })
        machine.taken(paths[1], .emitted(run: "r", entry(first)), at: .zero)
        #expect(machine.actions() == [.take(paths[2], first, known: nil)])
    }

    @Test("files beyond the limit are not kept in mind, but found by another look")
    func missed() {
        var machine = machine(limits: .init(taking: 1, activities: 2))
        let paths = (0..<3).map { FilePath("inbox/\($0)") }
        for path in paths { machine.file(path, first, .complete, at: .zero) }
        #expect(machine.activities.count == 2)
        #expect(machine.actions() == [.take(paths[0], first, known: nil)])
        machine.taken(paths[0], .emitted(run: "r", entry(first)), at: .zero)
        #expect(machine.actions() == [.take(paths[1], first, known: nil), .rescan])
        machine.file(paths[0], first, .present, at: .zero)
        machine.file(paths[2], first, .present, at: .zero)
        #expect(machine.activities.keys.contains(paths[2]))
        #expect(!machine.activities.keys.contains(paths[0]))
    }

    @Test("files that a look does not find are forgotten, if it can be trusted")
    func pruning() {
        let (other, pending) = (FilePath("inbox/b"), FilePath("inbox/c"))
        var waiting = entry(first)
        waiting.isPending = true
        waiting.run = "r"
        var machine = machine(follows: true, ledger: [path: entry(first), other: entry(first), pending: waiting])
        machine.lookBegan()
        machine.file(path, first, .present, at: .zero)
        machine.lookEnded(forgetsMissing: false)
        #expect(machine.takeUnsaved().isEmpty)
        machine.lookBegan()
        machine.file(path, first, .present, at: .zero)
        machine.lookEnded(forgetsMissing: true)
        #expect(machine.takeUnsaved() == ["file/inbox/b": Value?.none])
        #expect(Set(machine.ledger.keys) == [path, pending])
    }

    @Test("files that were there first can be ignored, until they change")
    func ignoring() {
        var machine = machine()
        machine.ignoresPresent = true
        machine.lookBegan()
        machine.file(path, first, .present, at: .zero)
        machine.lookEnded(forgetsMissing: true)
        #expect(machine.activities.isEmpty)
        #expect(machine.takeUnsaved() == ["file/inbox/a": LedgerEntry(status: first).value])
        machine.file(path, second, .complete, at: .zero)
        #expect(machine.actions() == [.take(path, second, known: nil)])
    }

    @Test("a folder that goes takes its files with it")
    func folderGone() {
        var machine = machine(ledger: [FilePath("inbox/d/x"): entry(first), FilePath("inbox/dd"): entry(first)])
        machine.file(FilePath("inbox/d/y"), first, .active, at: .zero)
        machine.folderGone(FilePath("inbox/d"))
        #expect(machine.activities.isEmpty)
        #expect(Array(machine.ledger.keys) == [FilePath("inbox/dd")])
    }
}

extension WatchMachine {
    /// All that is to be done now.
    mutating func actions() -> [WatchAction] {
        var actions: [WatchAction] = []
        while let action = nextAction() { actions.append(action) }
        return actions
    }
}
