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

    /// Blocks for some 30 ms while a new program is compiled.
    init(_ text: String) throws(FieldError) {
        guard text.contains(where: { !$0.isWhitespace }) else {
            throw FieldError("the jq program is empty", hint: "use `.` to keep the value unchanged")
        }
        guard text.utf8.count <= JQLimits.programSize else {
            throw FieldError("the jq program is longer than \(ByteCount(JQLimits.programSize))")
        }
        if let zero = text.utf8.firstIndex(of: 0) {
            throw FieldError(
                "invalid jq program: it holds a NUL character",
                utf8Offset: text.utf8.distance(from: text.startIndex, to: zero))
        }
        self.text = text
        let problem = VerdictCache.shared.problem(with: "jq \(text)") { Self.compile(text) }
        if let problem { throw problem }
    }

    /// Runs the program on `input` and returns all outputs.
    /// - Parameters:
    ///   - limit: CPU time.
    ///   - redactor: Masks secrets in what the program raises, before it is truncated.
    /// - Throws: A ``StepError``: `jq-error` if the program raises an error, `jq-limit` if its output exceeds a limit,
    ///   and those of ``JQMessage/stepError(_:limit:)`` for failures of an evaluator; `CancellationError`.
    func outputs(
        for input: Value, within limit: Duration, redactor: Redactor = Redactor(), in pool: EvaluatorPool = .shared
    ) async throws -> JQOutputs {
        let request = JQWriter(program: text, input: input, limit: limit)
        let outcome = await pool.evaluate(EvaluatorCall(program: text, request: request.bytes, limit: limit))
        if case .failure(.cancelled) = outcome { throw CancellationError() }
        return try JQOutputs(outcome, to: request, limit: limit, redactor: redactor)
    }

    /// The blocking variant.
    func outputsBlocking(for input: Value, within limit: Duration) throws(StepError) -> JQOutputs {
        let request = JQWriter(program: text, input: input, limit: limit)
        let call = EvaluatorCall(program: text, request: request.bytes, limit: limit, isUrgent: true)
        return try JQOutputs(
            EvaluatorPool.shared.wait(for: call), to: request, limit: limit, redactor: Redactor())
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

/// The outputs of a program.
struct JQOutputs: Sendable {
    var values: [Value]
    /// Whether they contain an integer beyond 2^53, which jq has probably rounded.
    var isRounded: Bool

    /// Decodes the outcome of a request.
    init(
        _ outcome: EvaluatorCall.Outcome, to request: JQWriter, limit: Duration, redactor: Redactor
    ) throws(StepError) {
        var end = RUNNEL_JQ_MORE
        do throws(EvaluatorFailure) {
            let answer = try outcome.get()
            end = answer.end
            // Output beyond a limit may be truncated in the middle of a value.
            var reader = JQReader(
                JQMessage.tooMuch(end) == nil ? answer.values : [], largeNumbers: request.largeNumbers)
            values = try reader.values()
            isRounded = reader.isRounded
        } catch {
            throw JQMessage.stepError(error, limit: limit)
        }
        switch end {
        case RUNNEL_JQ_COMPLETE: return
        case RUNNEL_JQ_RAISED: throw JQMessage.runtimeError(values.last ?? .null, redactor)
        default: throw JQMessage.tooMuch(end) ?? JQMessage.stepError(.unreadable, limit: limit)
        }
    }
}

/// The resource limits of a jq program.
enum JQLimits {
    static let programSize = 64 << 10
    static let outputs = 100_000
    /// The number of values in all outputs, keys not included.
    static let values = 4_000_000
    /// The size of all texts and keys in the outputs, in bytes of UTF-8.
    static let text = ByteCount.mebibytes(256)
    /// The nesting depth of an output; the same as for JSON input.
    static let depth = 512
    /// The memory of an evaluation, inputs and outputs included.
    static let memory = ByteCount(Int(RUNNEL_JQ_MEMORY))
    /// The CPU time for compiling a program.
    static let compileTime = Duration.seconds(Int(RUNNEL_JQ_COMPILE_SECONDS))
}

/// The integers of an input that a double cannot represent exactly: those beyond 2^53.
///
/// jq rounds them. An unchanged number in the output gets its exact value back, if no other number of the input was
/// rounded to the same double.
struct LargeNumbers {
    static let limit = 9_007_199_254_740_992.0

    /// The exact values by rounded number; nil if several were rounded to it.
    private var exact: [Double: Value?] = [:]
    /// Whether at least one of them was rounded.
    private var hasInexact = false

    mutating func note(_ value: Value, as rounded: Double) {
        guard rounded.magnitude >= Self.limit else { return }
        if case .int(let number) = value, Int64(exactly: rounded) != number { hasInexact = true }
        guard let known = exact[rounded] else {
            exact[rounded] = .some(value)
            return
        }
        if known != value { exact[rounded] = .some(nil) }
    }

    /// The exact value of a number in jq's output; nil if unknown.
    func exact(_ number: Double) -> Value? {
        exact[number] ?? nil
    }

    /// Whether a text contains one of them with rounded digits, as `tostring` and `"\(.id)"` write them.
    func isRounded(in text: String) -> Bool {
        guard hasInexact else { return false }
        return text.utf8.split { !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }.contains { run in
            guard (16...19).contains(run.count), let number = Double(String(decoding: run, as: UTF8.self)) else {
                return false
            }
            return [number, -number].contains { number in
                guard let value = exact[number] else { return false }
                return value?.asInt.map { !run.elementsEqual("\($0.magnitude)".utf8) } ?? true
            }
        }
    }
}
