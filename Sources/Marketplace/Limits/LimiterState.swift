/// Decides who may begin a request: first come, first served, never more at one time and in a minute than allowed.
struct LimiterState: Sendable {
    static let window: Duration = .seconds(60)

    private let concurrent: Int
    private let perMinute: Int?
    private var open = 0
    private var queue: [Int] = []
    /// When requests of the last minute began; never more than `perMinute` entries.
    private var starts: [Duration] = []

    init(_ limits: MarketplaceConfiguration.Limits) {
        concurrent = limits.concurrentStreams
        perMinute = limits.requestsPerMinute
    }

    enum Answer: Equatable {
        case granted
        /// Ask again when told to.
        case wait
        /// Ask again after this time: only the passing of time helps.
        case sleep(Duration)
    }

    /// Asks for a place; a waiter asks with the same ticket until it is granted or it leaves.
    mutating func ask(ticket: Int, now: Duration) -> Answer {
        if !queue.contains(ticket) { queue.append(ticket) }
        guard queue.first == ticket, open < concurrent else { return .wait }
        if let perMinute {
            starts.removeAll { $0 + Self.window <= now }
            if starts.count >= perMinute, let first = starts.first { return .sleep(first + Self.window - now) }
            starts.append(now)
        }
        queue.removeFirst()
        open += 1
        return .granted
    }

    /// A waiter goes away.
    mutating func leave(ticket: Int) {
        queue.removeAll { $0 == ticket }
    }

    /// A request is over.
    mutating func release() {
        open -= 1
    }

    /// Who should ask again after any change.
    var next: Int? { open < concurrent ? queue.first : nil }
}
