internal import RunnelKit

/// What the loop hears of.
enum WatchMessage: Sendable {
    case inotify(InotifyReader.Message)
    /// A file may have been still for long enough.
    case settleTimer
    /// It is time to look at all files.
    case lookTimer
    case taken(FilePath, TakeResult, problem: String?)
    case ended(FilePath, run: String, RunEnd?)
    case finished(FilePath, run: String, FinishResult, problem: String?)
    case saved
    case problem(HealthBoard.Subject, String)
    case cleared(HealthBoard.Subject)
}
