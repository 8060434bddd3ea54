import RunnelKit

/// The recent events of a run, for watchers that join late; bounded to the end of a long run.
struct RunHistory {
    private(set) var updates: [RunUpdate] = []
    /// The bytes of buffered text.
    private(set) var size = 0

    /// The approximate limit of text in bytes.
    private static let maximumSize = 256 << 10
    static let maximumCount = 1024
    /// Chunks of a step's text are merged up to this number of bytes.
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
