import LibC
public import RunnelKit

/// The trigger `watch`.
struct Watch: LedgerTrigger {
    static let name = "watch"
    static let summary = "Starts a run for every new file in a folder."
    static let titles = ["en": "file", "ja": "ファイル"]
    static let nameHints = [
        NameHint("write `include: […]`", for: ["pattern", "patterns", "glob", "files"]),
        NameHint("write `watch: { path: … }`", for: ["file", "files", "folder"], in: .name),
    ]

    static let documentation = TriggerDocumentation(
        details: """
            A file that is renamed into the folder, or closed after writing, starts its run at once. Anything else \
            (found at the start, in a folder that was moved in, or by polling) counts when its size and time have \
            been still for `settle`. Names that programs give to unfinished files (`temporary`) and names that begin \
            with a dot are ignored, until they are renamed.

            An empty file waits until it has content, since many programs create a file first and write it later; \
            with `empty: process` it starts a run like any other. Names are compared by what a reader sees: a name in \
            decomposed Unicode (NFD), as macOS writes it, matches the pattern in composed form (NFC), and the folder too \
            is found in either form.

            With `after: keep` a file starts a run when its content differs from the one that was processed last \
            there: `A`, `B`, `A` are three runs; a new time with the same content is none. With `after: move` or \
            `delete` every file that arrives starts a run, also with a name and a content that came before. A ledger \
            in the journal knows each file's size, time and a hash of its content, and is written together with the \
            run. So files that came while Runnel was down are found at the start, and nothing is processed twice. The \
            hash (MurmurHash3, 128 bits) is not cryptographic.

            With `after: move` or `delete` the file goes once its run has ended well. When the run failed or was \
            cancelled, the file goes to `failed`, with the reason beside it in `<name>.error.txt`. To try again, \
            `runnel runs retry` reads it there, and it goes on to `move_to` (or is deleted) when that run has ended \
            well; or put it back into the watched folder, where it is a new event, and the reason goes when that run \
            ends. Of the files of one run (`debounce`), a retry reads only the newest there (`trigger.path`); the others \
            stay in `failed` until you put them back.

            Files are never overwritten: the second `a.txt` becomes `a-2.txt`. A file that was changed while its run was \
            going on stays, and is an event of its own. All folders are relative to the project's and have to be on one \
            file system; a file keeps its place below the watched folder. A file that cannot be moved or deleted stays, is \
            reported, and is tried again.

            No folder may lie in a place that pipelines do not touch, such as `plugins` or `.git`; files in such places are \
            ignored, and so are pipelines.

            Symbolic links are not followed, neither to files nor to folders, except links to folders that `files.links` \
            in `runnel.yaml` names: so the watched folder can lie outside of the project. Other links, files that cannot be read \
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
            .init("modified", "The modification time of the file (RFC 3339, UTC)."),
            .init(
                "media_type", "The media type by extension: `application/pdf`; `application/octet-stream` when unknown."
            ),
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
    @Field("Files and folders that match one of these patterns are ignored.") var exclude: [Glob] = []
    @Field("Whether subfolders are watched too, also those created later.") var recursive: Bool = false
    @Field("How long a file must stay unchanged, unless it was renamed or closed after writing.")
    var settle: Duration = .milliseconds(500)
    @Field("How changes are detected.") var mode: WatchMode = .auto
    @Field(
        "The interval of polling, and of checks for a folder that does not exist.", in: .milliseconds(10)...)
    var interval: Duration = .seconds(2)
    @Field("What happens to a file after its run succeeded.") var after: AfterRun = .keep
    @Field("With `after: move`: the folder for processed files.") var moveTo: FolderPath = FolderPath(name: "done")
    @Field("With `after: move` or `delete`: the folder for files whose run failed.")
    var failed: FolderPath = FolderPath(name: "failed")
    @Field("Whether files whose name begins with a dot are included.") var hidden: Bool = false
    @Field("Patterns of unfinished files, which are ignored.") var temporary: [Glob] = Self.temporaryNames
    @Field("Whether `include`, `exclude` and `temporary` disregard upper and lower case: `*.pdf` also takes `A.PDF`.")
    var ignoreCase: Bool = false
    @Field("What happens to empty files: by default they wait until they have content.") var empty: EmptyFiles = .wait
    @Field("What happens to files that exist when the trigger starts for the first time.") var existing: ExistingFiles =
        .process

    private static let noteNames = ["*.error.txt"].compactMap { try? Glob($0) }
    private static let temporaryNames = ["*.part", "*.tmp", "*~", "*.swp", "*.crdownload", "~$*"].compactMap {
        try? Glob($0)
    }

    func run(_ context: TriggerContext) async throws {
        let settings = WatchSettings(
            filter: filter(context.project), isRecursive: recursive, settle: settle, mode: mode, interval: interval,
            after: after, done: moveTo.path,
            failed: failed.path, existing: existing, takesEmpty: empty == .process)
        try await WatchSession(settings: settings, context: context).run()
    }

    func diagnose(pipeline: String, _ context: DiagnosisContext) async -> [HealthFinding] {
        let tree = ProjectTree(context.project)
        let path = tree.spelling(of: path.path) ?? path.path
        let (folder, absolute) = (path.shown, tree.absolute(path))
        var status = stat()
        guard stat(absolute, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
            return [
                .warning(
                    "folders", "\"\(folder)\", which \(pipeline) watches, is not there",
                    "make it: mkdir -p \(absolute); Runnel begins to watch it when it comes")
            ]
        }
        do throws(SystemFailure) {
            _ = try tree.open(folder: path)
        } catch  where error.isLink {
            return [
                .problem(
                    "folders", "\"\(folder)\", which \(pipeline) watches, is or leads through a symbolic link",
                    "name the link in runnel.yaml to follow it: `files: { links: [\(folder)] }`")
            ]
        } catch {
            // Reported below.
        }
        guard access(absolute, R_OK) == 0 else {
            return [.problem("folders", "\"\(folder)\", which \(pipeline) watches, cannot be read")]
        }
        let unreachable = ownFolders.filter { tree.device(of: $0.folder.path) != status.st_dev }
        guard unreachable.isEmpty else {
            return unreachable.map { key, target in
                .problem(
                    "folders",
                    "files of \"\(folder)\" cannot be moved to \"\(target.path.shown)\", as \(pipeline) does: "
                        + "it is on another file system",
                    WatchSettings.sameFileSystem(key, below: path, like: target.path))
            }
        }
        return [.good("folders", "\"\(folder)\" is watched by \(pipeline)")]
    }

    func identity() -> String? { path.path.shown }

    static func summary(of payload: Value) -> String? { payload["name"]?.asString ?? payload["path"]?.asString }

    static let ledgerPrefix = LedgerEntry.keyPrefix

    static func ledgerItem(key: String, value: Value) -> LedgerItem? {
        guard let path = LedgerEntry.path(ofKey: key), let entry = LedgerEntry(value) else { return nil }
        return LedgerItem(
            name: path.text, size: Int(entry.status.size), modified: entry.status.modified,
            runID: entry.isPending && entry.run != LedgerEntry.ignoredRun ? entry.run : nil)
    }

    func claims(in context: ValidationContext) -> [TriggerClaim] {
        let filter = filter(context.project)
        return [
            .files(
                FileClaim(
                    folder: path.path.shown, include: ignoreCase ? include.map { $0.ignoringCase() } : include,
                    consumes: after != .keep,
                    takes: { [recursive] path in
                        let path = FilePath(path)
                        let isHere = path.folder == filter.root || recursive && filter.enters(folder: path.folder)
                        return isHere && filter.takes(file: path)
                    },
                    covers: { [recursive] folder in
                        let folder = FilePath(folder == "." ? "" : folder)
                        return folder == filter.root || recursive && filter.enters(folder: folder)
                    },
                    moves: ownFolders.map { key, folder in
                        let names = key == "failed" && !include.isEmpty ? include + Self.noteNames : include
                        return FileMove(key: key, folder: folder.path.shown, names: names)
                    }))
        ]
    }

    private func filter(_ project: ProjectDirectory) -> FileFilter {
        FileFilter(
            root: path.path, include: include, exclude: exclude, temporary: temporary, takesHidden: hidden,
            ownFolders: ownFolders.map(\.folder.path), protected: project.protected, ignoresCase: ignoreCase)
    }

    static func retried(_ retry: RetriedRun, _ context: RetryContext) async throws -> RunSource? {
        guard let file = FailedFile(retry.source) else { return retry.source }
        return try file.settle(retry, context)
    }

    static func isThere(_ source: RunSource, in project: ProjectDirectory) throws -> Bool {
        guard let path = source.payload["path"]?.asString else { return true }
        do throws(SystemFailure) {
            if case .file? = try ProjectTree(project).entry(at: FilePath(path)) { return true }
            return false
        } catch {
            throw StepError(WatchErrorCode.watchFailed, "cannot look for \"\(path)\": \(error.reason)")
        }
    }

    /// Where files are moved to, with the keys that say so.
    private var ownFolders: [(key: String, folder: FolderPath)] {
        switch after {
        case .keep: []
        case .move: [("move_to", moveTo), ("failed", failed)]
        case .delete: [("failed", failed)]
        }
    }

    func validate() throws(FieldError) {
        // Rejects a destination that contains the watched folder.
        for (key, folder) in ownFolders where path.path.isWithin(folder.path) {
            throw FieldError(
                "\"\(folder.path.shown)\" is or holds the watched folder \"\(path.path.shown)\"",
                hint: "name another folder, such as \"done\"", path: [.key(key)])
        }
    }

    func warnings() -> [FieldError] {
        let patterns = PatternAdvice(
            folder: path.path, include: include, exclude: exclude, temporary: temporary, isRecursive: recursive,
            takesHidden: hidden, ignoresCase: ignoreCase)
        return patterns.warnings + unusedFolders
    }

    private var unusedFolders: [FieldError] {
        let given = [("move_to", _moveTo.isGiven), ("failed", _failed.isGiven)]
        return given.filter { key, isGiven in isGiven && !ownFolders.contains { $0.key == key } }.map { key, _ in
            FieldError.noEffect(of: key, with: "after: \(after.rawValue)", unless: "after: move")
        }
    }

    func validate(in context: ValidationContext) throws(FieldError) {
        let project = context.project
        for (key, folder) in [("path", path), ("move_to", moveTo), ("failed", failed)] {
            try Self.check(folder.path.shown, key, project)
        }
        // An incoming file must not become a pipeline by being moved. Inside the folder that is served it is not
        // processed at all.
        for (key, folder) in ownFolders where !project.protected.contains(path.path.parts + ["….yaml"]) {
            try Self.check(folder.path.appending("….yaml").text, key, project)
        }
    }

    private static func check(_ path: String, _ key: String, _ project: ProjectDirectory) throws(FieldError) {
        do {
            _ = try project.confined(path)
        } catch {
            throw FieldError(error, path: [.key(key)])
        }
    }
}

/// Starts pipelines for new files.
public struct WatchPlugin: Plugin {
    public init() {}

    public let name = "watch"

    public var triggers: [TriggerDefinition] { [TriggerDefinition(Watch.self)] }
    /// The codes of its errors.
    public var errorCodes: [any ErrorCode.Type] { [WatchErrorCode.self] }
}

/// How changes are detected.
enum WatchMode: String, FieldChoice {
    case auto, inotify, poll
}

/// What happens to a file after its run.
enum AfterRun: String, FieldChoice {
    case keep, move, delete
}

/// What happens to files that existed before the trigger first started.
enum ExistingFiles: String, FieldChoice {
    case process, ignore
}

/// What happens to empty files.
enum EmptyFiles: String, FieldChoice {
    case wait, process
}

/// The validated settings of a ``Watch`` trigger.
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
    var takesEmpty = false

    var root: FilePath { filter.root }

    /// The hint if files cannot be moved because the target is on another file system.
    static func sameFileSystem(_ key: String, below root: FilePath, like folder: FilePath) -> String {
        "choose a folder on the same one, such as `\(key): \(root.appending(folder.name).shown)`"
    }

    /// The same with the watched folder as it is spelled on disk.
    func spelled(in tree: ProjectTree) -> WatchSettings {
        guard let actual = tree.spelling(of: root), actual != root else { return self }
        func below(_ folder: FilePath) -> FilePath { folder.relative(to: root).map { actual.appending($0) } ?? folder }
        var copy = self
        copy.filter.ownFolders = filter.ownFolders.map { below($0) }
        copy.filter.root = actual
        (copy.done, copy.failed) = (below(done), below(failed))
        return copy
    }
}

/// The codes of errors of watching a folder.
enum WatchErrorCode: String, ErrorCode {
    case watchFailed = "watch-failed"

    static let part = "watch"

    /// What it means, and what to do.
    var explanation: ErrorExplanation {
        switch self {
        case .watchFailed:
            ErrorExplanation(
                "cannot move \"…\": …", "cannot watch \"…\" with inotify: …",
                hints: "use `mode: poll`, or raise fs.inotify.max_user_instances")
        }
    }
}
