import CLibJQ
import RunnelKit
import Synchronization

/// A compiled program in a state of libjq, which does one evaluation at a time.
///
/// `@unchecked Sendable`: the pointer is used by one thread at a time, since ``JQStatePool`` hands a state to one
/// evaluation and gets it back afterwards. The one exception is ``stop()``; see there.
final class JQState: @unchecked Sendable {
    private var state: OpaquePointer?
    private let isStopped = Atomic(false)
    private var isAtRest = true

    /// What libjq said, collected through its callback.
    private final class Messages {
        var lines: [String] = []
    }

    /// Compiles the program, which takes some 20 ms: libjq compiles its own functions with it. Wants a deep stack.
    /// - Throws: A ``FieldError`` with the first thing libjq found wrong.
    init(program: String) throws(FieldError) {
        RegexRetryLimit.apply()
        guard let made = jq_init() else { throw FieldError("libjq could not be started: out of memory") }
        // libjq 1.6 leaves these three as it finds them in memory.
        jq_set_nomem_handler(made, { _ in JQEvaluation.endThreadWithoutMemory() }, nil)
        jq_set_input_cb(made, { _, _ in jv_invalid() }, nil)
        jq_set_debug_cb(made, { _, message in jv_free(message) }, nil)
        // An empty list of folders, so that a module could not be found if one could be asked for.
        jq_set_attr(made, JQWriter.string("JQ_LIBRARY_PATH"), jv_array())
        let messages = Messages()
        let isCompiled = withExtendedLifetime(messages) {
            jq_set_error_cb(
                made,
                { context, message in
                    if let context {
                        Unmanaged<Messages>.fromOpaque(context).takeUnretainedValue().lines.append(
                            JQReader.text(message))
                    }
                    jv_free(message)
                }, Unmanaged.passUnretained(messages).toOpaque())
            return jq_compile(made, JQPrelude.text + program) != 0
        }
        // Without a callback libjq writes to standard error.
        jq_set_error_cb(made, { _, message in jv_free(message) }, nil)
        guard isCompiled else {
            var failed: OpaquePointer? = made
            jq_teardown(&failed)
            throw JQMessage.compileError(messages.lines, in: program)
        }
        state = made
    }

    deinit {
        if state != nil { jq_teardown(&state) }
    }

    /// Whether it may serve another evaluation; asked when nobody can stop it any more.
    var isReusable: Bool { isAtRest && !isStopped.load(ordering: .sequentiallyConsistent) }

    /// Everything the program makes of `input`. Blocks until it is done or ``stop()`` is called. Wants a deep stack.
    func outputs(for input: Value) throws(StepError) -> JQOutputs {
        // Whatever ends the evaluation early leaves values on libjq's stack, so such a state is not used again.
        isAtRest = false
        var writer = JQWriter()
        jq_start(state, writer.write(input), 0)
        var reader = JQReader(largeNumbers: writer.largeNumbers) { self.isStopped.load(ordering: .relaxed) }
        var outputs: [Value] = []
        // Starting takes an earlier `jq_halt` back; the flag stays.
        while !isStopped.load(ordering: .sequentiallyConsistent) {
            let next = jq_next(state)
            guard jv_is_valid(next) != 0 else {
                guard jv_invalid_has_msg(jv_copy(next)) != 0 else {
                    jv_free(next)
                    guard !isStopped.load(ordering: .sequentiallyConsistent) else { break }
                    isAtRest = true
                    return JQOutputs(values: outputs, isRounded: reader.isRounded)
                }
                throw JQMessage.runtimeError(try reader.read(jv_invalid_get_msg(next)))
            }
            outputs.append(try reader.read(next))
            guard outputs.count <= JQLimits.outputs else {
                throw StepError(
                    "jq-limit", "the program makes more than \(JQLimits.outputs) outputs",
                    hint: "take the first ones with `limit(…; …)` or `first(…)`")
            }
        }
        throw JQMessage.stopped
    }

    /// Makes a running evaluation end soon, from any thread; to be called once at most, and only while the state is
    /// alive.
    ///
    /// `jq_halt` sets an `int` that libjq's loop reads before every instruction, and two fields that are read when the
    /// state starts again or is torn down, which happens after the evaluation has ended. So nothing is freed or changed
    /// under the hands of the running thread. A single instruction (a search, a sort) is not interrupted.
    func stop() {
        isStopped.store(true, ordering: .sequentiallyConsistent)
        jq_halt(state, jv_invalid(), jv_invalid())
    }
}

/// What a program made.
struct JQOutputs: Sendable {
    var values: [Value]
    /// Whether a whole number beyond 2^53 is among them that jq has probably rounded.
    var isRounded: Bool
}
