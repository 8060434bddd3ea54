import Synchronization

/// Limits the total memory of all request bodies. Those of anonymous callers can take half of it.
final class BodyMemory: Sendable {
    /// The share of one request.
    final class Share: Sendable {
        private let memory: BodyMemory
        private let isAnonymous: Bool
        private let held = Mutex(0)

        fileprivate init(_ memory: BodyMemory, isAnonymous: Bool) {
            self.memory = memory
            self.isAnonymous = isAnonymous
        }

        /// - Returns: Whether there is room for that many bytes.
        func take(_ count: Int) -> Bool {
            guard memory.take(count, isAnonymous: isAnonymous) else { return false }
            held.withLock { $0 += count }
            return true
        }

        /// Releases all bytes that were taken.
        func end() {
            let count = held.withLock { held in
                defer { held = 0 }
                return held
            }
            memory.giveBack(count, isAnonymous: isAnonymous)
        }
    }

    private let limit: Int
    private let held = Mutex((all: 0, anonymous: 0))

    init(limit: Int) {
        self.limit = limit
    }

    var heldBytes: Int { held.withLock { $0.all } }

    func share(isAnonymous: Bool = false) -> Share { Share(self, isAnonymous: isAnonymous) }

    private func take(_ count: Int, isAnonymous: Bool) -> Bool {
        held.withLock { held in
            guard held.all + count <= limit, !isAnonymous || held.anonymous + count <= limit / 2 else { return false }
            held.all += count
            if isAnonymous { held.anonymous += count }
            return true
        }
    }

    private func giveBack(_ count: Int, isAnonymous: Bool) {
        held.withLock { held in
            held.all -= count
            if isAnonymous { held.anonymous -= count }
        }
    }
}
