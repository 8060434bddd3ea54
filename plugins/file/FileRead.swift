internal import LibC
public import RunnelKit

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// The step `file.read`.
struct FileRead: Step {
    enum Format: String, FieldChoice { case auto, text, json, csv, bytes }

    static let name = "file.read"
    static let isRepeatable = true
    static let summary = "Reads a file of the project, or all files that match a pattern."
    static let documentation = StepDocumentation(
        details: """
            Paths begin at the project's folder and cannot leave it, neither by `..` nor by a symbolic link; a file that \
            was named on the command line may be read wherever it is. What a template fills in stays below the part of \
            the path before it, and places such as `plugins` and `.git` are not read. `as: auto` reads `.json` as JSON, \
            `.csv` as CSV and everything else as text.

            Text is UTF-8 unless `encoding` names another encoding, such as `shift_jis`, `euc-jp`, `gb18030`, `big5`, \
            `euc-kr` or `windows-1252`. A byte order mark takes precedence over it. Without `encoding`, an XML or HTML \
            file may declare its encoding itself.
            """,
        output: """
            An object with `path`, `name`, `stem`, `extension`, `size`, `modified`, and the content: `text` (unless \
            read as bytes), and `json`, `rows` or `bytes` by the format. With `glob`, a list of such objects by path.
            """,
        examples: [
            .init("Read the watched file", "uses: file.read\nwith: { path: \"{{ trigger.path }}\" }"),
            .init(
                "Read a table from a spreadsheet in Japan",
                "uses: file.read\nwith: { path: sales.csv, encoding: shift_jis }"),
            .init("Read all notes", "uses: file.read\nwith: { glob: \"notes/**/*.md\" }"),
        ])
    static var outputSchema: Value? {
        let text: Value = ["type": "string"]
        let file = OutputSchema.object([
            "path": text, "name": text, "stem": text, "extension": text, "size": ["type": "integer"], "modified": text,
            "text": text, "json": true, "rows": ["type": "array"], "bytes": true,
        ])
        return ["anyOf": [file, ["type": "array", "items": file]]]
    }
    var settledOutputSchema: Value? { Self.outputSchema?["anyOf"]?[glob == nil ? 0 : 1] }
    static let rules: [FieldRule] = [.exactlyOne(["path", "glob"])]

    @Field("The file, relative to the project's folder.") var path: ProjectPath?
    @Field("A pattern: `*`, `?` and `[a-z]` within a name, `**` for any folders.") var glob: Glob?
    @Field("How the content is decoded.", key: "as") var format: Format = .auto
    @Field("The encoding of the text; default is UTF-8.") var encoding: TextEncoding?
    @Field("With CSV: whether the first line holds column names.") var header: Bool = true
    @Field("With CSV: the field separator.") var delimiter: String = ","
    @Field(
        """
        The maximum size; a larger file is an error. With `glob`, all files together have at most 64 MiB, or this size if \
        it is larger.
        """)
    var maxSize: ByteCount = .mebibytes(64)

    func validate() throws(FieldError) {
        guard [.auto, .csv].contains(format) else { return }
        guard delimiter.unicodeScalars.count == 1, !["\"", "\n", "\r"].contains(delimiter) else {
            throw FieldError(
                "expected one character, found \(Value.string(delimiter).quoted())", path: [.key("delimiter")])
        }
    }

    func run(_ context: StepContext) async throws -> Value {
        let project = context.project
        if let path { return try value(of: project.read(path.text, upTo: maxSize)) }
        guard let glob else { return [] }
        // A glob silently skips protected files.
        let found = try FolderWalk(base: project.path).files(matching: glob).filter {
            (try? project.confined($0.path)) != nil
        }
        try checkSize(of: found.map(\.size), glob)
        var files: [Value] = []
        for file in found {
            try Task.checkCancellation()
            files.append(try value(of: project.read(file.path, upTo: maxSize)))
        }
        return .list(files)
    }

    /// Together the files become one value, which is held in memory and stored.
    private func checkSize(of sizes: [Int], _ glob: Glob) throws(StepError) {
        let limit = ByteCount(max(maxSize.bytes, ByteCount.mebibytes(64).bytes))
        // A sparse file can have any size, and the sum must not overflow.
        let sum = sizes.reduce(0) { $0 + min($1, 1 << 45) }
        guard sum > limit.bytes else { return }
        // Rounded up, so that it will do for `max_size`.
        let size = ByteCount.mebibytes((sum - 1) >> 20 + 1)
        throw StepError(
            FileErrorCode.fileTooLarge,
            "the \(sizes.count) files that match \"\(glob.text)\" have \(size) together, more than \(limit)",
            hint: "narrow the pattern, or raise `max_size` if that is meant")
    }

    private func value(of file: ProjectFile) throws -> Value {
        var output = file.facts
        switch effectiveFormat(file.facts) {
        case .bytes:
            output["bytes"] = .bytes(file.bytes)
            return .object(output)
        case .json:
            let text = try file.text(encoding)
            output["text"] = .string(text)
            do throws(JSONError) {
                output["json"] = try Value.json(text)
            } catch {
                throw StepError(FileErrorCode.badJSON, "\"\(file.path)\" is not JSON: \(error)")
            }
        case .csv:
            let text = try file.text(encoding)
            output["text"] = .string(text)
            output["rows"] = .list(try rows(of: text, file))
        case .text, .auto: output["text"] = .string(try file.text(encoding))
        }
        return .object(output)
    }

    private func effectiveFormat(_ facts: ValueObject) -> Format {
        guard format == .auto else { return format }
        switch facts["extension"] {
        case "json": return .json
        case "csv": return .csv
        default: return .text
        }
    }

    private func rows(of text: String, _ file: ProjectFile) throws(StepError) -> [Value] {
        do throws(CSVReader.Failure) {
            return try CSVReader(delimiter: delimiter.first ?? ",", hasHeader: header).rows(of: text)
        } catch {
            throw StepError(
                FileErrorCode.badCSV, "\"\(file.path)\", line \(error.line): \(error.message)", hint: error.hint)
        }
    }
}

/// Reads and writes files of the project.
public struct FilePlugin: Plugin {
    public let name = "file"
    public let steps = [StepDefinition(FileRead.self), StepDefinition(FileWrite.self)]
    /// The codes of its errors.
    public var errorCodes: [any ErrorCode.Type] { [FileErrorCode.self] }

    public init() {}
}

/// Lists files below a folder.
struct FolderWalk {
    let base: String
    private static let maximumFiles = 100_000

    init(base: String) {
        self.base = base
    }

    /// Paths relative to the base, sorted, with the sizes of the files in bytes.
    func files(matching pattern: Glob) throws(StepError) -> [(path: String, size: Int)] {
        var found: [(path: String, size: Int)] = []
        for folder in literalFolders(of: pattern) {
            guard let names = try? FileManager.default.subpathsOfDirectory(atPath: base + "/" + folder) else {
                throw StepError(
                    FileErrorCode.fileFailed, "cannot list \"\(folder.isEmpty ? base : folder)\"",
                    hint: "let the user who runs Runnel read and enter its folders, or begin the pattern with a folder")
            }
            for name in names {
                let path = Self.joined(folder, name)
                guard pattern.matches(path: path), let status = status(of: path), status.st_mode & S_IFMT == S_IFREG
                else { continue }
                found.append((path, Int(status.st_size)))
                guard found.count <= Self.maximumFiles else {
                    throw StepError(
                        FileErrorCode.tooManyFiles, "more than \(Self.maximumFiles) files match",
                        hint: "narrow the pattern")
                }
            }
        }
        return found.sorted { $0.path < $1.path }
    }

    /// The folders that match the pattern's parts before the first wildcard, spelled as on disk; the base itself (an empty
    /// path) if there is no such part. Other folders are not entered, because the process may lack permission.
    private func literalFolders(of pattern: Glob) -> [String] {
        let names = pattern.text.utf8.split(separator: UInt8(ascii: "/")).map { String(decoding: $0, as: UTF8.self) }
        let literal = names.dropLast().filter { $0 != "." }.prefix { name in
            !name.contains { character in "*?[".contains(character) }
        }
        return literal.reduce([""]) { folders, name in
            folders.flatMap { folder -> [String] in
                let listed = try? FileManager.default.contentsOfDirectory(atPath: base + "/" + folder)
                return (listed?.filter { $0 == name } ?? [name]).map { Self.joined(folder, $0) }
            }.filter { status(of: $0).map { $0.st_mode & S_IFMT } == S_IFDIR }
        }
    }

    /// The status of the file at a path below the base. Links are not followed.
    private func status(of path: String) -> stat? {
        var status = stat()
        return lstat(base + "/" + path, &status) == 0 ? status : nil
    }

    private static func joined(_ folder: String, _ name: String) -> String {
        folder.isEmpty ? name : folder + "/" + name
    }
}
