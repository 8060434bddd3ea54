import CRunnelJQ
import RunnelKit

/// A jq program, compiled by an evaluator when the pipeline is validated.
struct JQProgram: FieldValue {
    private let text: String

    static var schema: Value { ["type": "string", "minLength": 1] }

    init(field value: Value) throws(FieldError) {
        guard let text = value.asString else { throw .expected("a jq program", found: value) }
        try self.init(text)
    }

    /// Blocks while a program is compiled that is not known yet, for some 30 ms.
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
        self.text = text
        let problem = VerdictCache.shared.problem(with: "jq \(text)") { Self.compile(text) }
        if let problem { throw problem }
    }

    /// Everything the program makes of `input`.
    /// - Parameter limit: CPU time.
    /// - Throws: A ``StepError``: `jq-error` for what the program raises, `jq-limit` when it makes too much, and what
    ///   ``JQMessage/stepError(_:limit:)`` says of the failures of an evaluator; `CancellationError`.
    func outputs(
        for input: Value, within limit: Duration, in pool: EvaluatorPool = .shared
    ) async throws -> JQOutputs {
        let request = JQWriter(program: text, input: input, limit: limit)
        let outcome = await pool.evaluate(EvaluatorCall(program: text, request: request.bytes, limit: limit))
        if case .failure(.cancelled) = outcome { throw CancellationError() }
        return try JQOutputs(outcome, to: request, limit: limit)
    }

    /// The same, blocking.
    func outputsBlocking(for input: Value, within limit: Duration) throws(StepError) -> JQOutputs {
        let request = JQWriter(program: text, input: input, limit: limit)
        let call = EvaluatorCall(program: text, request: request.bytes, limit: limit, isUrgent: true)
        return try JQOutputs(EvaluatorPool.shared.wait(for: call), to: request, limit: limit)
    }

    private static func compile(_ text: String) -> VerdictCache.Verdict {
        let request = JQWriter(program: text, input: nil, limit: JQLimits.compileTime)
        let call = EvaluatorCall(program: text, request: request.bytes, limit: JQLimits.compileTime, isUrgent: true)
        do throws(EvaluatorFailure) {
            let answer = try EvaluatorPool.shared.wait(for: call).get()
            guard answer.end != RUNNEL_JQ_COMPLETE else { return .init(problem: nil) }
            var reader = JQReader(answer.values)
            let messages = try reader.values().first?.asList ?? []
            return .init(problem: JQMessage.compileError(messages.compactMap(\.asString), in: text))
        } catch {
            return .init(problem: JQMessage.compileError(error), isFinal: !error.isTransient)
        }
    }
}

/// What a program made.
struct JQOutputs: Sendable {
    var values: [Value]
    /// Whether a whole number beyond 2^53 is among them that jq has probably rounded.
    var isRounded: Bool

    /// Reads what became of a request.
    init(_ outcome: EvaluatorCall.Outcome, to request: JQWriter, limit: Duration) throws(StepError) {
        var end = RUNNEL_JQ_MORE
        do throws(EvaluatorFailure) {
            let answer = try outcome.get()
            end = answer.end
            // What is too much may break off in the middle of a value.
            var reader = JQReader(
                JQMessage.tooMuch(end) == nil ? answer.values : [], largeNumbers: request.largeNumbers)
            values = try reader.values()
            isRounded = reader.isRounded
        } catch {
            throw JQMessage.stepError(error, limit: limit)
        }
        switch end {
        case RUNNEL_JQ_COMPLETE: return
        case RUNNEL_JQ_RAISED: throw JQMessage.runtimeError(values.last ?? .null)
        default: throw JQMessage.tooMuch(end) ?? JQMessage.stepError(.unreadable, limit: limit)
        }
    }
}
