internal import RunnelKit

/// How changes are noticed.
enum WatchMode: String, FieldChoice {
    case auto, inotify, poll
}

/// What becomes of a file when its run has ended.
enum AfterRun: String, FieldChoice {
    case keep, move, delete
}

/// What becomes of files that were there before the trigger first started.
enum ExistingFiles: String, FieldChoice {
    case process, ignore
}
