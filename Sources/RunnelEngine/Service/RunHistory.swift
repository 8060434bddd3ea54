import RunnelKit

/// What a run said so far, for those who begin to watch when it has begun; of a long one, the end.
struct RunHistory {
    private(set) var updates: [RunUpdate] = []
    /// Bytes of text that are held.
    private(set) var size = 0

    /// Bytes of text, about.
    private static let maximumSize = 256 << 10
    static let maximumCount = 1024
    /// Pieces of a step's text are put together up to so many bytes.
    private static let piece = 4 << 10

    mutating func append(_ update: RunUpdate) {
        size += Self.size(of: update)
        if case .text(let step, let text) = update, case .text(step, let earlier)? = updates.last,
            earlier.utf8.count + text.utf8.count <= Self.piece
        {
            updates[updates.count - 1] = .text(step: step, earlier + text)
        } else {
            updates.append(update)
        }
        while updates.count > Self.maximumCount || size > Self.maximumSize, updates.count > 1 {
            size -= Self.size(of: updates.removeFirst())
        }
    }

    private static func size(of update: RunUpdate) -> Int {
        switch update {
        case .text(_, let text), .note(_, let text): text.utf8.count
        case .stepStarted, .stepEnded: 0
        }
    }
}
