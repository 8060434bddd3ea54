/// What has been given out of an answer.
struct AnswerProgress: Sendable {
    var ids: MessageInfo?
    var text: [UInt8] = []
    /// In bytes.
    var reasoning = 0
    var tasks = 0

    mutating func note(_ events: [ChatEvent]) {
        for event in events {
            switch event {
            case .role(_, let info): ids = info ?? ids
            case .text(let piece): text.append(contentsOf: piece.utf8)
            case .reasoning(let piece): reasoning += piece.utf8.count
            case .task(let task):
                tasks += 1
                ids = task.completing(ids)
            case .finish, .usage: break
            }
        }
    }
}

/// Leaves out of a stream that was taken up again what has been given out before.
///
/// No public text says whether such a stream begins anew or goes on. One that begins with the role of the speaker begins
/// anew; what it repeats has to be the same text, and all of it.
struct ReplayFilter: Sendable {
    /// The stream is no repetition of what is known, or only of its beginning.
    struct Mismatch: Error {}

    private enum Mode { case undecided, replay, rest }

    private let known: AnswerProgress
    /// Whether the stream has to begin anew, since nobody has kept what came before.
    private let needsReplay: Bool
    private var mode = Mode.undecided
    private var seen = AnswerProgress()
    /// How many bytes of the known text have come again.
    private var repeated = 0

    init(known: AnswerProgress, needsReplay: Bool = false) {
        self.known = known
        self.needsReplay = needsReplay
    }

    /// Whether the stream has begun anew.
    var isReplay: Bool { mode == .replay }

    /// Checks at the end of the stream that all of the known text has come again.
    func finish() throws(Mismatch) {
        if mode == .replay, repeated < known.text.count { throw Mismatch() }
    }

    mutating func pass(_ events: [ChatEvent]) throws(Mismatch) -> [ChatEvent] {
        var passed: [ChatEvent] = []
        for event in events {
            if mode == .undecided {
                if case .role = event { mode = .replay } else { mode = .rest }
                if mode == .rest, needsReplay { throw Mismatch() }
            }
            guard mode == .replay else {
                passed.append(event)
                continue
            }
            if let event = try unknown(event) { passed.append(event) }
        }
        return passed
    }

    /// What is new in an event of a stream that begins anew.
    private mutating func unknown(_ event: ChatEvent) throws(Mismatch) -> ChatEvent? {
        switch event {
        case .text(let piece):
            let bytes = Array(piece.utf8)
            let overlap = min(bytes.count, known.text.count - repeated)
            guard known.text[repeated..<(repeated + overlap)].elementsEqual(bytes[..<overlap]) else {
                throw Mismatch()
            }
            repeated += overlap
            return overlap == bytes.count ? nil : .text(String(decoding: bytes[overlap...], as: UTF8.self))
        case .reasoning(let piece):
            let bytes = Array(piece.utf8)
            let overlap = min(bytes.count, max(0, known.reasoning - seen.reasoning))
            seen.reasoning += bytes.count
            return overlap == bytes.count ? nil : .reasoning(String(decoding: bytes[overlap...], as: UTF8.self))
        case .task:
            seen.tasks += 1
            return seen.tasks > known.tasks ? event : nil
        case .finish:
            try finish()
            return event
        case .role, .usage: return event
        }
    }
}
