import RunnelKit

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
            the path before it, and places such as `plugins` and `.git` are not read. Text is UTF-8. `as: auto` reads `.json` as JSON, \
            `.csv` as CSV and everything else as text.
            """,
        output: """
            An object with `path`, `name`, `stem`, `extension`, `size`, `modified`, and the content: `text` (unless \
            read as bytes), and `json`, `rows` or `bytes` by the format. With `glob`, a list of such objects by path.
            """,
        examples: [
            .init("Read the watched file", "uses: file.read\nwith: { path: \"{{ trigger.path }}\" }"),
            .init("Read all notes", "uses: file.read\nwith: { glob: \"notes/**/*.md\" }"),
        ])
    static let rules: [FieldRule] = [.exactlyOne(["path", "glob"])]

    @Field("The file, relative to the project's folder.") var path: ProjectPath?
    @Field("A pattern: `*` and `?` within a name, `**` for any folders.") var glob: String?
    @Field("How the content is read.", key: "as") var format: Format = .auto
    @Field("With CSV: whether the first line names the columns.") var header: Bool = true
    @Field("With CSV: what stands between two fields.") var delimiter: String = ","
    @Field("A larger file is an error.") var maxSize: ByteCount = .mebibytes(64)

    func run(_ context: StepContext) async throws -> Value {
        let project = context.project
        if let path { return try read(project.location(of: path.text)) }
        let pattern = GlobPattern(glob ?? "")
        var files: [Value] = []
        for path in try FolderWalk(base: project.path).files(matching: pattern) {
            try Task.checkCancellation()
            // A pattern such as `**/*.yaml` means the files that may be read.
            guard let path = try? project.confined(path) else { continue }
            files.append(try read(FileLocation(path: path)))
        }
        return .list(files)
    }

    private func read(_ location: FileLocation) throws -> Value {
        let file = try location.read(limit: maxSize)
        var output = file.facts
        switch effectiveFormat(file.facts) {
        case .bytes:
            output["bytes"] = .bytes(file.bytes)
            return .object(output)
        case .json:
            output["text"] = .string(try file.text())
            do throws(JSONError) {
                output["json"] = try Value.json(file.bytes)
            } catch {
                throw StepError("bad-json", "\"\(file.shown)\" is not JSON: \(error)")
            }
        case .csv:
            let text = try file.text()
            output["text"] = .string(text)
            output["rows"] = .list(try rows(of: text, file))
        case .text, .auto: output["text"] = .string(try file.text())
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

    private func rows(of text: String, _ file: FileContent) throws(StepError) -> [Value] {
        guard delimiter.unicodeScalars.count == 1, let character = delimiter.first,
            !["\"", "\n", "\r"].contains(character)
        else {
            throw StepError(
                "bad-with", "`delimiter`: expected one character, found \(Value.string(delimiter).quoted())")
        }
        do throws(CSVReader.Failure) {
            return try CSVReader(delimiter: character, hasHeader: header).rows(of: text)
        } catch {
            throw StepError("bad-csv", "\"\(file.shown)\", line \(error.line): \(error.message)")
        }
    }
}
