/// What a ``Watch`` trigger was told, checked.
struct WatchSettings: Sendable {
    var filter: FileFilter
    var isRecursive: Bool
    var settle: Duration
    var mode: WatchMode
    var interval: Duration
    var after: AfterRun
    var done: FilePath
    var failed: FilePath
    var existing: ExistingFiles

    var root: FilePath { filter.root }
}
