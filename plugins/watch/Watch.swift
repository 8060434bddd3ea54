internal import RunnelKit

/// The trigger `watch`.
struct Watch: Trigger {
    static let name = "watch"
    static let summary = "Starts a run for every file that comes into a folder."

    static let documentation = TriggerDocumentation(
        details: """
            A file that is renamed into the folder, or closed after writing, starts its run at once. Anything else \
            (found at the start, in a folder that was moved in, or by polling) counts when its size and time have \
            been still for `settle`. Names that programs give to unfinished files (`temporary`) and names that begin \
            with a dot are ignored, until they are renamed.

            One content at one path starts one run: however often it comes, whatever its time, and also when there \
            was another content in between. Changed content starts another run. A ledger in the journal knows each \
            file's size, time and a hash of its content, and is written together with the run. So files that came \
            while Runnel was down are found at the start, and nothing is processed twice. The hash (MurmurHash3, 128 \
            bits) is not cryptographic.

            With `after: move` or `delete` the file goes once its run has ended well. When the run failed or was \
            cancelled, the file goes to `failed`, with the reason beside it in `<name>.error.txt`. Files there are \
            never overwritten: the second `a.txt` becomes `a-2.txt`. A file that was changed while its run was going \
            on stays, and is an event of its own. All folders are relative to the project's and have to be on one \
            file system; a file keeps its place below the watched folder.

            No folder may lie in a place that pipelines do not touch, such as `plugins` or `.git`; files in such places are \
            ignored, and so are pipelines.

            Symbolic links are not followed, neither to files nor to folders. Such links, files that cannot be read \
            and names that are not UTF-8 are reported and left alone. A folder that vanishes is reported, and watched \
            again when it is back.

            With `mode: auto` changes are noticed through inotify on Linux, and by looking every `interval` on other \
            systems, on network file systems, and when the system grants no more watches.
            """,
        payload: [
            .init("path", "The file, relative to the project's folder; also the first step's `input`."),
            .init("name", "The file's name: `report.PDF`."),
            .init("stem", "The name without its extension: `report`."),
            .init("extension", "The extension in lower case and without the dot: `pdf`; empty without one."),
            .init("size", "In bytes."),
            .init("modified", "When the file was last changed (RFC 3339, UTC)."),
            .init("media_type", "By the extension: `application/pdf`; `application/octet-stream` when unknown."),
        ],
        examples: [
            .init(
                "Every new text, moved to `done` afterwards",
                "watch: { path: inbox, include: [\"*.txt\"], after: move }"),
            .init(
                "A tree on a network file system",
                """
                watch:
                  path: scans
                  recursive: true
                  exclude: [drafts, "**/preview-*"]
                  mode: poll
                  interval: 10s
                """),
        ])

    @Field("The folder, relative to the project's.") var path: FolderPath
    @Field("Only files that match one of these patterns; all files when empty.") var include: [Glob] = []
    @Field("No files that match one of these patterns, and no folders either.") var exclude: [Glob] = []
    @Field("Whether folders below count too, also those that come later.") var recursive: Bool = false
    @Field("How long a file has to be still that was neither renamed nor closed after writing.")
    var settle: Duration = .milliseconds(500)
    @Field("How changes are noticed.") var mode: WatchMode = .auto
    @Field("How often is looked when polling, and for a folder that has vanished.") var interval: Duration = .seconds(2)
    @Field("What becomes of a file when its run has ended well.") var after: AfterRun = .keep
    @Field("With `after: move`: where files go.") var moveTo: FolderPath = FolderPath(name: "done")
    @Field("With `after: move` or `delete`: where files go whose run failed.")
    var failed: FolderPath = FolderPath(name: "failed")
    @Field("Whether names that begin with a dot count.") var hidden: Bool = false
    @Field("Patterns of unfinished files, which are ignored.") var temporary: [Glob] = Self.temporaryNames
    @Field("Files that are there when the trigger starts for the first time.") var existing: ExistingFiles = .process

    private static let temporaryNames = ["*.part", "*.tmp", "*~", "*.swp", "*.crdownload"].compactMap { try? Glob($0) }

    func run(_ context: TriggerContext) async throws {
        try await WatchSession(settings: try settings(context.project), context: context).run()
    }

    private func settings(_ project: ProjectDirectory) throws(StepError) -> WatchSettings {
        for folder in [path, moveTo, failed] { _ = try project.confined(folder.path.shown) }
        // A file that comes from outside must not become a pipeline by being moved; within the folder that is served it
        // is not even taken.
        let isServed = project.protected.place(of: path.path.parts + ["….yaml"]) != nil
        if after != .keep, !isServed {
            for folder in after == .move ? [moveTo, failed] : [failed] {
                _ = try project.confined(folder.path.appending("….yaml").text)
            }
        }
        if after != .keep {
            if after == .move { try check(moveTo.path, "move_to") }
            try check(failed.path, "failed")
        }
        guard interval >= .milliseconds(10) else {
            throw StepError(
                "bad-with", "`interval`: \(DurationText.format(interval)) is too short", hint: "10ms at least")
        }
        let ownFolders: [FilePath] =
            switch after {
            case .keep: []
            case .move: [moveTo.path, failed.path]
            case .delete: [failed.path]
            }
        return WatchSettings(
            filter: FileFilter(
                root: path.path, include: include, exclude: exclude, temporary: temporary, takesHidden: hidden,
                ownFolders: ownFolders, protected: project.protected),
            isRecursive: recursive, settle: settle, mode: mode, interval: interval, after: after, done: moveTo.path,
            failed: failed.path, existing: existing)
    }

    /// Files must not be moved to where they come from.
    private func check(_ folder: FilePath, _ key: String) throws(StepError) {
        guard !path.path.isWithin(folder) else {
            throw StepError(
                "bad-with", "`\(key)`: \"\(folder.shown)\" is or holds the watched folder \"\(path.path.shown)\"",
                hint: "name another folder, such as \"done\"")
        }
    }
}
