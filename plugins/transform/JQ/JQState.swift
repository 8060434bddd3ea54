import CLibJQ
import RunnelKit
import Synchronization

/// A compiled program in a state of libjq, which does one evaluation at a time.
///
/// `@unchecked Sendable`: the pointer is used by one thread at a time (``JQProgram`` hands a state to one evaluation and
/// takes it back afterwards). The exception is ``halt()``, which only sets the state's `halted` flag, an `int` that
/// libjq's loop reads at every instruction; it is called under a lock that also guards the end of the evaluation, so
/// the state still exists.
final class JQState: @unchecked Sendable {
    private var state: OpaquePointer?
    private let phase = Mutex(Phase.idle)

    private enum Phase { case idle, running, halted }

    /// What libjq said, collected through its callback.
    private final class Messages {
        var lines: [String] = []
    }

    /// Stands before every program, on its first line so that line numbers stay: what would read the environment or
    /// other files, write to the terminal or end the evaluation is replaced.
    private static let prelude = """
        {} as $ENV | def env: {}; def input: error("`input` is not available: a step has one input, `.`"); \
        def inputs: empty; def debug: .; def debug(f): .; def stderr: .; def input_filename: null; \
        def input_line_number: 0; def halt: error("`halt` is not available"); def halt_error: halt; \
        def halt_error(f): halt; def modulemeta: error("`modulemeta` is not available"); def get_search_list: []; \

        """.replacing("\n", with: "")

    /// - Throws: A ``FieldError`` with the first thing libjq found wrong.
    init(program: String) throws(FieldError) {
        guard !program.utf8.contains(0) else { throw FieldError("not a jq program: it holds a NUL character") }
        guard let made = jq_init() else { throw FieldError("libjq could not be started: out of memory") }
        let messages = Messages()
        let isCompiled = withExtendedLifetime(messages) {
            jq_set_error_cb(
                made,
                { context, message in
                    if let context {
                        Unmanaged<Messages>.fromOpaque(context).takeUnretainedValue().lines.append(JQValue.text(message))
                    }
                    jv_free(message)
                }, Unmanaged.passUnretained(messages).toOpaque())
            jq_set_attr(made, JQValue.string("JQ_LIBRARY_PATH"), jv_array())
            return jq_compile(made, Self.prelude + program) != 0
        }
        // Without a callback libjq writes to standard error, so from here on one that drops everything is set.
        jq_set_error_cb(made, { _, message in jv_free(message) }, nil)
        guard isCompiled else {
            var failed: OpaquePointer? = made
            jq_teardown(&failed)
            throw JQMessage.compileError(messages.lines)
        }
        state = made
    }

    deinit {
        if state != nil { jq_teardown(&state) }
    }

    /// Whether it may serve another evaluation.
    var isReusable: Bool { phase.withLock { $0 == .idle } }

    /// Everything the program makes of `input`. Blocks until it is done or ``halt()`` is called.
    func outputs(for input: Value, limit: Int) throws(StepError) -> [Value] {
        let mayRun = phase.withLock { phase in
            guard phase == .idle else { return false }
            phase = .running
            return true
        }
        guard mayRun else { throw JQMessage.halted }
        jq_start(state, JQValue.make(input), 0)
        let result: Result<[Value], StepError> = collect(limit: limit)
        let isHalted = phase.withLock { phase in
            defer { if phase == .running { phase = .idle } }
            return phase == .halted
        }
        guard !isHalted else { throw JQMessage.halted }
        return try result.get()
    }

    private func collect(limit: Int) -> Result<[Value], StepError> {
        var outputs: [Value] = []
        while true {
            let next = jq_next(state)
            guard jv_is_valid(next) != 0 else {
                guard jv_invalid_has_msg(jv_copy(next)) != 0 else {
                    jv_free(next)
                    return .success(outputs)
                }
                let message = jv_invalid_get_msg(next)
                defer { jv_free(message) }
                return .failure(JQMessage.runtimeError(JQValue.read(jv_copy(message)) ?? .null))
            }
            guard let value = JQValue.read(next) else {
                return .failure(
                    StepError("jq-error", "the result nests deeper than \(JQValue.maximumDepth) levels"))
            }
            outputs.append(value)
            guard outputs.count <= limit else {
                return .failure(
                    StepError(
                        "jq-error", "the program makes more than \(limit) outputs",
                        hint: "collect them in a list with `[…]`, or take the first with `first(…)`"))
            }
        }
    }

    /// Makes a running evaluation end soon. The state is good for nothing afterwards.
    func halt() {
        phase.withLock { phase in
            // libjq asserts that it is halted once at most.
            guard phase != .halted else { return }
            if phase == .running { jq_halt(state, jv_invalid(), jv_invalid()) }
            phase = .halted
        }
    }
}
