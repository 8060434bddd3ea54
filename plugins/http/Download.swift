internal import RunnelHTTP
internal import RunnelKit

/// The body of an answer on its way to a file of the project.
struct Download: Sendable {
    private let path: ConfinedPath
    private let draft: FileDraft?

    init(_ path: ProjectPath, _ context: StepContext) throws(StepError) {
        self.path = try context.project.confinedFile(path.text)
        draft = try context.project.draft(of: self.path, runID: context.identity.runID)
    }

    /// - Parameter isExpected: Whether an answer counts as success. The body of another is read for its words.
    func sink(_ isExpected: @escaping @Sendable (HTTPReply) -> Bool) -> HTTPBodySink {
        HTTPBodySink(where: isExpected) { [draft] in try draft?.write($0) }
    }

    /// Gives the file its name.
    func finish(_ reply: HTTPReply, _ context: StepContext) throws -> (path: Value, bytes: Value) {
        if !reply.body.isEmpty { try draft?.write(reply.body) }
        try context.checkOwnership()
        _ = try context.writing(path.text) { () throws(StepError) in try draft?.finish() }
        return (.string(path.text), .int(Int64(draft?.byteCount ?? 0)))
    }
}
