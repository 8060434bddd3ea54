import RunnelKit

/// The step `file.write`.
struct FileWrite: Step {
    enum Existing: String, FieldChoice {
        case overwrite, fail, skip

        var meaning: ExistingFile {
            switch self {
            case .overwrite: .overwrite
            case .fail: .fail
            case .skip: .keep
            }
        }
    }

    static let name = "file.write"
    static let inputKeys = ["content"]
    static let nameHints = [NameHint("write `content: …`", for: ["text", "data", "body"])]
    static let summary = "Writes a file of the project atomically."
    static let documentation = StepDocumentation(
        details: """
            The content goes to a temporary file beside the target, is brought to the disk, and takes the target's name \
            in one step, so that a reader sees the old file or the new one. Missing folders are made. Paths begin at \
            `base` and cannot leave it, neither by `..` nor by a symbolic link. What a template fills in stays below the \
            part of the path before it: `out/{{ input }}` below `out`, and `out/a-{{ input }}` at a name that begins with \
            `a-`. Places such as `plugins`, `.git` and the pipelines themselves are not written.

            Writing again leaves the same file. With `if_exists: fail` or `skip`, a step that was interrupted after it had \
            written the file recognises it as its own. With `append: true` the content is added in one write and brought to \
            the disk; a step that was interrupted may add it twice, so appending happens at least once. If the disk is \
            full, what was added is removed again.

            Text is written as it is, binary data too; anything else as JSON.
            """,
        output: "An object with `path`, relative to the project, and `bytes`, the number of bytes written.",
        examples: [
            .init(
                "Keep an answer",
                "uses: file.write\nwith:\n  path: \"out/{{ trigger.stem }}.md\"\n  content: \"{{ steps.answer.text }}\""
            ),
            .init(
                "Add a line to a log",
                "uses: file.write\nwith: { path: runs.log, content: \"{{ run.id }}\\n\", append: true }"),
        ])

    static let outputSchema: Value? = OutputSchema.object(["path": ["type": "string"], "bytes": ["type": "integer"]])

    static let writtenPaths = ["path"]

    @Field("The file, relative to `base`.") var path: PathInBase
    @Field("The content; default is the step's input.") var content: Value?
    @Field("Add to the end of the file instead of replacing it.") var append: Bool = false
    @Field("What happens if the file exists; ignored with `append`.") var ifExists: Existing = .overwrite
    @Field("The folder that confines the path, relative to the project's folder.") var base: ProjectPath?

    func run(_ context: StepContext) async throws -> Value {
        let target = try context.project.confinedFile(path.text, in: base?.text)
        let bytes = (content ?? context.input).fileContent
        try context.checkOwnership()
        let isWritten: Bool
        if append {
            try context.writing(target.text) { try context.project.append(bytes, to: target) }
            isWritten = true
        } else {
            isWritten = try await write(bytes, to: target, context)
        }
        return ["path": .string(target.text), "bytes": .int(isWritten ? Int64(bytes.count) : 0)]
    }

    /// - Returns: False where the file that is there is kept.
    private func write(_ bytes: [UInt8], to target: ConfinedPath, _ context: StepContext) async throws -> Bool {
        let (project, run) = (context.project, context.identity.runID)
        guard ifExists != .overwrite else {
            return try context.writing(target.text) {
                try project.write(bytes, to: target, runID: run, checkOwnership: context.checkOwnership)
            }
        }
        // A killed process may have given the file its name without the journal knowing.
        if let checkpoint = context.journal.checkpoint {
            let isWritten = try context.writing(target.text) { try project.hasWritten(target, as: checkpoint) }
            if isWritten { return true }
        }
        guard let draft = try project.draft(of: target, ifExists: ifExists.meaning, runID: run) else { return false }
        try draft.write(bytes)
        try await context.journal.save(checkpoint: draft.checkpoint())
        return try context.writing(target.text) { try draft.finish(checkOwnership: context.checkOwnership) }
    }
}

/// A path relative to the folder in the key `base`.
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
