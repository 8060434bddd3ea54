import Synchronization

/// Limits the total memory of all request bodies.
final class BodyMemory: Sendable {
    /// The share of one request.
    final class Share: Sendable {
        private let memory: BodyMemory
        private let held = Mutex(0)

        fileprivate init(_ memory: BodyMemory) {
            self.memory = memory
        }

        /// - Returns: Whether there is room for that many bytes.
        func take(_ count: Int) -> Bool {
            guard memory.take(count) else { return false }
            held.withLock { $0 += count }
            return true
        }

        /// Releases all bytes that were taken.
        func end() {
            let count = held.withLock { held in
                defer { held = 0 }
                return held
            }
            memory.giveBack(count)
        }
    }

    private let limit: Int
    private let held = Mutex(0)

    init(limit: Int) {
        self.limit = limit
    }

    var heldBytes: Int { held.withLock { $0 } }

    func share() -> Share { Share(self) }

    private func take(_ count: Int) -> Bool {
        held.withLock { held in
            guard held + count <= limit else { return false }
            held += count
            return true
        }
    }

    private func giveBack(_ count: Int) {
        held.withLock { $0 -= count }
    }
}
