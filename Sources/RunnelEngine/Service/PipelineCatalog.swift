import RunnelKit

/// The pipelines of a folder, read again when their files change. A file with errors keeps its last good version.
public struct PipelineCatalog: Sendable {
    /// Returns all files with their contents; nil for one that cannot be read, and for a folder in it that cannot be listed,
    /// whose path ends with a slash. Throws if the folder itself cannot be listed.
    public typealias ReadFiles = @Sendable () throws -> [(file: String, bytes: [UInt8]?)]

    /// A file as it was when it was last looked at.
    public struct Entry: Sendable {
        /// The path of the file.
        public var file: String
        /// The last valid version; nil if there was none yet.
        public var pipeline: Pipeline?
        /// The problem of the current version of the file.
        public var problem: String?
        /// What there is to say about the current version of the file.
        public fileprivate(set) var report: LoadReport?
        /// What was read last; nil: it is to be read again.
        fileprivate var contents: [UInt8]?

        fileprivate init(_ file: String) { self.file = file }
    }

    /// A file's path by its bytes: a folder may hold two names that differ only in their Unicode form.
    private struct FileKey: Hashable, Comparable {
        let file: String
        private let bytes: [UInt8]

        init(_ file: String) { (self.file, bytes) = (file, Array(file.utf8)) }

        static func == (left: FileKey, right: FileKey) -> Bool { left.bytes == right.bytes }
        static func < (left: FileKey, right: FileKey) -> Bool { left.bytes.lexicographicallyPrecedes(right.bytes) }
        func hash(into hasher: inout Hasher) { hasher.combine(bytes) }
    }

    /// What a look has found out.
    public enum Change: Sendable {
        /// A file without errors that is new or has changed. What there is to say about it is in the report.
        ///
        /// - wasFaulty: Whether its last version had a problem.
        case updated(file: String, Pipeline, LoadReport, wasFaulty: Bool)
        /// A file that has a problem that it did not have before.
        case problem(file: String, String, LoadReport)
        /// A file or folder that cannot be read.
        case unreadable(file: String)
        /// A file that could not be read, and has not changed; or a folder.
        case readable(file: String)
        case removed(file: String)
        /// A file that is not served any more, since another one with a pipeline of the same name comes first.
        case displaced(file: String, by: String)
        /// The files cannot be listed; everything stays as it is.
        case folderUnreadable(String)
    }

    /// What came of looking at all files.
    public struct Look: Sendable {
        /// What has changed since the look before.
        public fileprivate(set) var changes: [Change] = []
        /// The files that were read and are not read again unless they change.
        public fileprivate(set) var read: [String] = []
        /// Whether the files could be listed.
        public fileprivate(set) var isComplete = false
    }

    private let loader: PipelineLoader
    private let read: ReadFiles
    private let isStrict: Bool
    private var entriesByFile: [FileKey: Entry] = [:]
    /// Files that were not there at the last look.
    private var absent: Set<FileKey> = []
    private var folderProblem: String?

    /// What is wrong with a file or folder that cannot be read.
    static func unreadable(_ file: String) -> String {
        file.hasReplacedBytes
            ? "its name is not UTF-8; rename it"
            : "the \(file.hasSuffix("/") ? "folder" : "file") cannot be read; check its permissions"
    }

    /// - Parameters:
    ///   - isServed: Whether the catalogue is looked at all the time, by pipeline names: of two pipelines with one name
    ///     the second has a problem, and a file is gone when it is away for two looks, since an editor may take it away
    ///     for the moment in which it saves it.
    ///   - read: Returns the folder's pipeline files, with displayed paths.
    public init(loader: PipelineLoader, isServed: Bool, read: @escaping ReadFiles) {
        self.loader = loader
        self.read = read
        isStrict = isServed
    }

    /// By file.
    public var entries: [Entry] { entriesByFile.sorted { $0.key < $1.key }.map(\.value) }

    /// The file with this path; nil for one that is not in the catalog.
    public subscript(file: String) -> Entry? { entriesByFile[FileKey(file)] }

    /// Looks at all files.
    public mutating func look() -> Look {
        var look = Look()
        let found: [(file: String, bytes: [UInt8]?)]
        do {
            found = try read()
            folderProblem = nil
        } catch {
            let words = "\(error)"
            if words != folderProblem { look.changes.append(.folderUnreadable(words)) }
            folderProblem = words
            return look
        }
        look.isComplete = true
        let missing = Set(entriesByFile.keys).subtracting(found.map { FileKey($0.file) })
        for file in (isStrict ? missing.intersection(absent) : missing).sorted() { look.changes.append(remove(file)) }
        absent = missing.filter { entriesByFile[$0] != nil }
        for (file, bytes) in found {
            let key = FileKey(file)
            guard let bytes else {
                guard entriesByFile[key]?.problem == nil else { continue }
                // If the last version had errors, those are already reported.
                entriesByFile[key, default: Entry(file)].problem = Self.unreadable(file)
                look.changes.append(.unreadable(file: file))
                continue
            }
            if entriesByFile[key]?.contents == bytes, entriesByFile[key]?.report.map(loader.isCurrent) ?? true {
                if entriesByFile[key]?.problem == Self.unreadable(file) {
                    entriesByFile[key]?.problem = nil
                    look.changes.append(.readable(file: file))
                }
                continue
            }
            look.changes += take(key, bytes)
            if entriesByFile[key]?.contents != nil { look.read.append(file) }
        }
        return look
    }

    /// Reads a file again at the next look, also where it does not change.
    public mutating func forget(_ file: String) { entriesByFile[FileKey(file)]?.contents = nil }

    private mutating func take(_ key: FileKey, _ bytes: [UInt8]) -> [Change] {
        let file = key.file
        var changes: [Change] = []
        var entry = entriesByFile[key] ?? Entry(file)
        let before = entry.problem
        entry.contents = bytes
        // A file that was renamed is gone at once under its old name, so that what its triggers know can go with it.
        if entriesByFile[key] == nil, let old = absent.first(where: { entriesByFile[$0]?.contents == bytes }) {
            absent.remove(old)
            changes.append(remove(old))
        }
        let (pipeline, report) = loader.load(bytes, file: file)
        entry.report = report
        var other = pipeline.flatMap { new in
            isStrict ? entriesByFile.first { $0.key != key && $0.value.pipeline?.name == new.name }?.key : nil
        }
        // The file was renamed.
        if let renamed = other, absent.remove(renamed) != nil {
            changes.append(remove(renamed))
            other = nil
        }
        // The first file by name wins, as it would after a restart.
        if let later = other, later > key {
            entriesByFile[later]?.pipeline = nil
            entriesByFile[later]?.contents = nil
            changes.append(.displaced(file: later.file, by: file))
            other = nil
        }
        if let other {
            // Checked again, until the other file is removed or renamed.
            entry.contents = nil
            let name = entriesByFile[other]?.pipeline?.name ?? ""
            entry.problem = "the pipeline is named \"\(name)\" as is the one in \(other.file)"
        } else if let pipeline {
            entry.problem = nil
            entry.pipeline = pipeline
            changes.append(.updated(file: file, pipeline, report, wasFaulty: before != nil))
        } else {
            entry.problem = DiagnosticPrinter(sources: report.sources).text(report.diagnostics)
        }
        if let problem = entry.problem, problem != before { changes.append(.problem(file: file, problem, report)) }
        entriesByFile[key] = entry
        return changes
    }

    private mutating func remove(_ key: FileKey) -> Change {
        entriesByFile[key] = nil
        let file = key.file
        return file.hasSuffix("/") ? .readable(file: file) : .removed(file: file)
    }
}

extension PipelineCatalog {
    /// The hint of an error about an unknown pipeline: the name that was probably meant, or all names, shortened; nil if
    /// there are no pipelines.
    package static func hint(for name: String, among known: [String]) -> String? {
        let names = Set(known).sorted()
        guard !names.isEmpty else { return nil }
        let shown = names.prefix(8).joined(separator: ", ") + (names.count > 8 ? ", …" : "")
        return Suggestion.hint(for: name, among: names) ?? "the pipelines are \(shown)"
    }
}
