internal import LibC
internal import Logging
internal import RunnelKit

/// A file that was moved to the folder `failed`, as its run keeps it: a run that repeats it reads the file there, and at
/// its end the file goes where that run's result says.
struct FailedFile: Hashable {
    /// Where the file is.
    var place: FilePath
    /// Where it was when its run began.
    var original: FilePath
    var status: FileStatus
    /// The folder for files whose run failed.
    var failed: FilePath
    /// The folder for processed files; nil: they are deleted.
    var done: FilePath?

    var source: RunSource {
        var state: ValueObject = [
            "place": .string(place.encoded), "original": .string(original.encoded), "size": .int(status.size),
            "modified": .int(status.modified), "inode": .int(Int64(bitPattern: status.inode)),
            "failed": .string(failed.encoded),
        ]
        state["done"] = done.map { .string($0.encoded) }
        return RunSource(payload: ["path": .string(place.text)], input: .string(place.text), state: .object(state))
    }

    init(place: FilePath, original: FilePath, status: FileStatus, failed: FilePath, done: FilePath?) {
        self.place = place
        self.original = original
        self.status = status
        self.failed = failed
        self.done = done
    }

    /// nil if there is nothing to do for the file.
    init?(_ source: RunSource) {
        func path(_ key: String) -> FilePath? { source.state?[key]?.asString.flatMap { FilePath(encoded: $0) } }
        guard let place = path("place"), let original = path("original"), let failed = path("failed"),
            let size = source.state?["size"]?.asInt, let modified = source.state?["modified"]?.asInt,
            let inode = source.state?["inode"]?.asInt
        else { return nil }
        self.init(
            place: place, original: original,
            status: FileStatus(size: size, modified: modified, inode: UInt64(bitPattern: inode)), failed: failed,
            done: path("done"))
    }

    /// The source of a run whose file is in the folder `done`: there is nothing to do after a run that repeats it.
    static func processed(at place: FilePath) -> RunSource {
        RunSource(payload: ["path": .string(place.text)], input: .string(place.text))
    }

    /// Moves or deletes the file after a run that repeats the failed one.
    ///
    /// - Returns: Where the file is now; nil if it is gone.
    func settle(_ retry: RetriedRun, _ context: RetryContext) throws -> RunSource? {
        let tree = ProjectTree(context.project)
        let mover = FileMover(tree: tree)
        let status = statusRead(by: retry, in: tree)
        do throws(FileMover.Failure) {
            guard case .succeeded = retry.end else {
                let note = FailureNote(file: original, run: retry.runID, end: retry.end, time: context.now())
                let notePath = place.folder.appending(FileMover.noteName(of: place.name))
                context.placing(notePath.text, modified: context.now(), for: retry.runID)
                try mover.replaceNote(of: place, with: note.text)
                return source
            }
            guard let done else {
                let result = try mover.delete(place, status, id: retry.runID)
                return try settled(result, nil, by: mover, context)
            }
            let (result, name) = try mover.move(place, status, from: failed, to: done) { target, _ in
                context.placing(target.text, modified: status.modified, for: retry.runID)
            }
            return try settled(result, name, by: mover, context)
        } catch {
            throw StepError(
                WatchErrorCode.watchFailed, "cannot move \"\(place.text)\": \(error.system.reason)", isTransient: true)
        }
    }

    /// Clocks of file systems lag behind by so much, in nanoseconds.
    private static let clockLag: Int64 = 20_000_000

    /// The status of the file that the run has read: somebody may have mended the file before it was retried.
    private func statusRead(by retry: RetriedRun, in tree: ProjectTree) -> FileStatus {
        var current = stat()
        guard lstat(tree.absolute(place), &current) == 0, current.st_mode & S_IFMT == S_IFREG,
            current.changedNanoseconds < retry.startedAt - Self.clockLag
        else { return status }
        return FileStatus(current)
    }

    private func settled(
        _ result: FinishResult, _ moved: FilePath?, by mover: FileMover, _ context: RetryContext
    ) throws(FileMover.Failure) -> RunSource? {
        if case .changed = result {
            context.logger.warning("\"\(place.text)\" stays where it is: it has changed since its run began")
            return source
        }
        try mover.removeNote(of: place)
        return moved.map(Self.processed)
    }
}
