import RunnelKit

/// A jq program, compiled when the pipeline is validated and then kept.
struct JQProgram: FieldValue {
    private let states: JQStatePool

    static var schema: Value { ["type": "string", "minLength": 1] }

    init(field value: Value) throws(FieldError) {
        guard let text = value.asString else { throw .expected("a jq program", found: value) }
        try self.init(text)
    }

    init(_ text: String) throws(FieldError) {
        guard text.contains(where: { !$0.isWhitespace }) else {
            throw FieldError("the jq program is empty", hint: "`.` is the program that changes nothing")
        }
        guard text.utf8.count <= JQLimits.programSize else {
            throw FieldError("the jq program is longer than \(ByteCount(JQLimits.programSize))")
        }
        if let zero = text.utf8.firstIndex(of: 0) {
            throw FieldError(
                "not a jq program: it holds a NUL character",
                utf8Offset: text.utf8.distance(from: text.startIndex, to: zero))
        }
        states = try JQStatePool.shared(program: text)
    }

    /// Everything the program makes of `input`.
    /// - Throws: A ``StepError`` with the code `jq-error` for what the program raises, `jq-timeout`, `jq-memory`,
    ///   `jq-limit` or `jq-busy`; `CancellationError`.
    func outputs(for input: Value, within limit: Duration, on clock: any Clock<Duration>) async throws -> JQOutputs {
        let evaluation = JQEvaluation(states: states)
        return try await withThrowingTaskGroup(of: JQOutputs?.self) { group in
            group.addTask { try await evaluation.run(input) }
            group.addTask {
                try await clock.sleep(for: limit)
                evaluation.abandon(JQMessage.timeout(limit))
                return nil
            }
            defer { group.cancelAll() }
            while let result = try await group.next() {
                if let outputs = result { return outputs }
            }
            throw CancellationError()
        }
    }
}
