import RunnelKit
import Synchronization

/// The states of one program that wait for their next evaluation.
final class JQStatePool: Sendable {
    /// Enough for what runs at once; more are thrown away.
    private static let maximumIdle = 16
    private static let maximumPrograms = 128

    private struct Cache {
        var pools: [String: JQStatePool] = [:]
        /// From the one that was asked for longest ago.
        var order: [String] = []

        mutating func pool(_ program: String) -> JQStatePool? {
            guard let pool = pools[program] else { return nil }
            if order.last != program, let index = order.firstIndex(of: program) {
                order.append(order.remove(at: index))
            }
            return pool
        }

        mutating func insert(_ pool: JQStatePool) -> JQStatePool {
            // Two may have compiled it at the same moment.
            if let known = self.pool(pool.program) { return known }
            pools[pool.program] = pool
            order.append(pool.program)
            if order.count > JQStatePool.maximumPrograms { pools[order.removeFirst()] = nil }
            return pool
        }
    }
    private static let cache = Mutex(Cache())

    private let program: String
    private let idle: Mutex<[JQState]>

    private init(program: String, first: JQState) {
        self.program = program
        idle = Mutex([first])
    }

    /// The pool of a program; compiled now if it is new.
    static func shared(program: String) throws(FieldError) -> JQStatePool {
        if let pool = cache.withLock({ $0.pool(program) }) { return pool }
        let compiled = DeepThread.wait { Result { () throws(FieldError) in try JQState(program: program) } }
        let pool = JQStatePool(program: program, first: try compiled.get())
        return cache.withLock { $0.insert(pool) }
    }

    /// A state for one evaluation; compiled now if all are in use. Wants a deep stack.
    func take() throws(FieldError) -> JQState {
        if let state = idle.withLock({ $0.popLast() }) { return state }
        return try JQState(program: program)
    }

    func give(back state: JQState) {
        guard state.isReusable else { return }
        idle.withLock { if $0.count < Self.maximumIdle { $0.append(state) } }
    }
}
