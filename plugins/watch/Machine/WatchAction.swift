internal import RunnelKit

/// How a file was noticed.
enum Arrival: Sendable, Hashable {
    /// It was renamed into the folder, or closed after writing.
    case complete
    /// Something goes on with it.
    case active
    /// It is there, as somebody who looked found.
    case present
}

/// What the ``WatchMachine`` wants done.
enum WatchAction: Sendable, Hashable {
    /// Read the file and emit its event. Content with the hash `known` needs no event.
    case take(FilePath, FileStatus, known: String?)
    /// Emit the event of an entry again, to learn its run.
    case resume(FilePath, LedgerEntry)
    /// Wait for the run's end.
    case follow(FilePath, run: String)
    /// Move or delete the file, if it still has the status.
    case finish(FilePath, FileStatus, run: String, RunEnd)
    /// Look at all files.
    case rescan
}

/// What came of ``WatchAction/take(_:_:known:)``.
enum TakeResult: Sendable, Hashable {
    case emitted(run: String, LedgerEntry)
    /// The content is the known one.
    case unchanged(FileStatus)
    /// The file was written to meanwhile.
    case changed(FileStatus)
    case gone
    /// It cannot be read, or is no regular file; there will be another event when that changes.
    case unreadable
}

/// What came of ``WatchAction/finish(_:_:run:_:)``.
enum FinishResult: Sendable, Hashable {
    case done
    /// The file is not the one that was processed any more; it was left alone.
    case changed(FileStatus)
    /// The file stays where it is.
    case failed
}
