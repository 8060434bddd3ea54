import RunnelKit
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Gives evaluations up while which the process grows too much.
///
/// libjq ends the process when its own stack has grown to 1 GiB or when an allocation fails, and nothing tells what one
/// program holds. So a thread of its own, which neither a busy process nor a test's clock can hold up, looks at the
/// whole process every now and then as long as there are evaluations. One that ends before is never looked at.
final class JQMemoryWatch: Sendable {
    static let shared = JQMemoryWatch()

    private static let intervalMicroseconds: UInt32 = 25_000

    private struct Watched {
        let evaluation: JQEvaluation
        /// What the process held when the evaluation was first seen, in bytes.
        var memory: Int?
    }

    private struct State {
        var watched: [ObjectIdentifier: Watched] = [:]
        var hasThread = false
        var isAwake = false
    }

    private let state = Mutex(State())
    private let wake = ThreadSignal()

    func begin(_ evaluation: JQEvaluation) {
        let (starts, wakes) = state.withLock { state in
            state.watched[ObjectIdentifier(evaluation)] = Watched(evaluation: evaluation)
            defer { (state.hasThread, state.isAwake) = (true, true) }
            return (!state.hasThread, !state.isAwake)
        }
        // Without a thread there is no watch; the next evaluation tries again.
        if starts, !DeepThread.start({ self.watch() }) { state.withLock { $0.hasThread = false } }
        if wakes { wake.signal() }
    }

    func end(_ evaluation: JQEvaluation) {
        _ = state.withLock { $0.watched.removeValue(forKey: ObjectIdentifier(evaluation)) }
    }

    private func watch() {
        while true {
            wake.wait()
            repeat { usleep(Self.intervalMicroseconds) } while look()
        }
    }

    /// - Returns: Whether there is anything to look at again.
    private func look() -> Bool {
        let memory = ProcessMemory.resident()
        let excessive = state.withLock { state -> [JQEvaluation]? in
            guard !state.watched.isEmpty else {
                state.isAwake = false
                return nil
            }
            guard let memory else { return [] }
            var excessive: [JQEvaluation] = []
            for (id, watched) in state.watched {
                guard let start = watched.memory else {
                    state.watched[id]?.memory = memory
                    continue
                }
                if memory - start > JQLimits.growth.bytes { excessive.append(watched.evaluation) }
            }
            return excessive
        }
        for evaluation in excessive ?? [] { evaluation.abandon(JQMessage.growth) }
        return excessive != nil
    }
}
