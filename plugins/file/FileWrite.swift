import RunnelKit

/// The step `file.write`.
struct FileWrite: Step {
    enum Existing: String, FieldChoice { case overwrite, fail, skip }

    static let name = "file.write"
    static let inputKeys = ["content"]
    static let summary = "Writes a file of the project, whole or not at all."
    static let documentation = StepDocumentation(
        details: """
            The content goes to a temporary file beside the target, is brought to the disk, and takes the target's name \
            in one step, so that a reader sees the old file or the new one. Missing folders are made. Paths begin at \
            `base` and cannot leave it, neither by `..` nor by a symbolic link. What a template fills in stays below the \
            part of the path before it: `out/{{ input }}` below `out`, and `out/a-{{ input }}` at a name that begins with \
            `a-`. Places such as `plugins`, `.git` and the pipelines themselves are not written.

            Writing again leaves the same file. With `append: true` the content is added in one write and brought to \
            the disk; a step that was interrupted may add it twice, so appending happens at least once.

            Text is written as it is, binary data too; anything else as JSON.
            """,
        output: "An object with `path`, relative to the project, and `bytes`, how many were written.",
        examples: [
            .init(
                "Keep an answer",
                "uses: file.write\nwith:\n  path: \"out/{{ trigger.stem }}.md\"\n  content: \"{{ steps.answer.text }}\""
            ),
            .init(
                "Add a line to a log",
                "uses: file.write\nwith: { path: runs.log, content: \"{{ run.id }}\\n\", append: true }"),
        ])

    @Field("The file, relative to `base`.") var path: PathInBase
    @Field("What is written; the step's input unless given.") var content: Value?
    @Field("Add to the end of the file instead of replacing it.") var append: Bool = false
    @Field("What happens when the file exists already; `append` does not ask.") var ifExists: Existing = .overwrite
    @Field("The folder that the path cannot leave, relative to the project's folder.") var base: ProjectPath?

    func run(_ context: StepContext) async throws -> Value {
        let target = try context.project.file(path.text, in: base?.text)
        let bytes = (content ?? context.input).fileContent
        let folder = try ConfinedFolder(of: target, makesFolders: true, action: "write")
        let writer = AtomicWriter(path: target, runID: context.identity.runID)
        let isWritten: Bool
        if append {
            try writer.append(bytes, in: folder)
            isWritten = true
        } else {
            isWritten = try writer.write(bytes, in: folder, existing: ifExists)
        }
        return ["path": .string(target.text), "bytes": .int(isWritten ? Int64(bytes.count) : 0)]
    }
}

/// A path that begins at the folder which the key `base` names.
struct PathInBase: FieldValue {
    let text: String

    static var schema: Value {
        var schema = ProjectPath.schema.asObject ?? [:]
        schema["x-relative-to"] = "base"
        return .object(schema)
    }

    init(field value: Value) throws(FieldError) {
        text = try String(field: value)
    }
}

extension Value {
    fileprivate var fileContent: [UInt8] {
        switch self {
        case .string(let text): Array(text.utf8)
        case .bytes(let bytes): bytes
        default: jsonBytes(pretty: true) + [UInt8(ascii: "\n")]
        }
    }
}
