import RunnelKit
import Synchronization

/// A jq program, compiled when the pipeline is validated and then kept.
struct JQProgram: FieldValue {
    let pool: JQStatePool

    static var schema: Value { ["type": "string", "minLength": 1] }

    init(field value: Value) throws(FieldError) {
        guard let text = value.asString else { throw .expected("a jq program", found: value) }
        try self.init(text)
    }

    init(_ text: String) throws(FieldError) {
        guard text.utf8.count <= 64 << 10 else { throw FieldError("the jq program is longer than 64 KiB") }
        pool = try JQStatePool.shared(program: text)
    }

    /// How many outputs a program may make.
    static let maximumOutputs = 100_000

    /// Everything the program makes of `input`, within `limit` on `clock`.
    func outputs(
        for input: Value, limit: Duration, clock: any Clock<Duration>
    ) async throws -> [Value] {
        let evaluation = JQEvaluation(state: try pool.take())
        return try await withThrowingTaskGroup(of: [Value]?.self) { [pool] group in
            group.addTask { try await evaluation.run(input, returningTo: pool) }
            group.addTask {
                try await clock.sleep(for: limit)
                evaluation.abandon(
                    StepError(
                        "jq-timeout", "the program took longer than its time limit of \(DurationText.format(limit))",
                        hint: "it may never end; if it needs the time, raise `timeout`"))
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

/// States of one program that wait for their next evaluation.
final class JQStatePool: Sendable {
    private let program: String
    private let idle: Mutex<[JQState]>
    /// Enough for what runs at once; more are thrown away.
    private static let maximumIdle = 8
    private static let maximumPrograms = 128

    private struct Cache {
        var pools: [String: JQStatePool] = [:]
        var order: [String] = []
    }
    private static let cache = Mutex(Cache())

    /// The pool of a program; compiled now if it is new.
    static func shared(program: String) throws(FieldError) -> JQStatePool {
        if let pool = cache.withLock({ $0.pools[program] }) { return pool }
        let pool = JQStatePool(program: program, first: try JQState(program: program))
        cache.withLock { cache in
            guard cache.pools.updateValue(pool, forKey: program) == nil else { return }
            cache.order.append(program)
            if cache.order.count > maximumPrograms { cache.pools[cache.order.removeFirst()] = nil }
        }
        return pool
    }

    private init(program: String, first: JQState) {
        self.program = program
        idle = Mutex([first])
    }

    func take() throws(FieldError) -> JQState {
        if let state = idle.withLock({ $0.popLast() }) { return state }
        return try JQState(program: program)
    }

    func give(back state: JQState) {
        guard state.isReusable else { return }
        idle.withLock { if $0.count < Self.maximumIdle { $0.append(state) } }
    }
}
