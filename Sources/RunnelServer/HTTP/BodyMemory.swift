import Synchronization

/// Counts the bytes of all bodies that are held, so that many callers together cannot fill the memory.
final class BodyMemory: Sendable {
    /// What one request holds.
    final class Share: Sendable {
        private let memory: BodyMemory
        private let held = Mutex(0)

        fileprivate init(_ memory: BodyMemory) {
            self.memory = memory
        }

        /// - Returns: Whether there is room for so many bytes more.
        func take(_ count: Int) -> Bool {
            guard memory.take(count) else { return false }
            held.withLock { $0 += count }
            return true
        }

        /// Gives back all that was taken.
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
