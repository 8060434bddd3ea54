internal import RunnelSupport
internal import RunnelValue

/// What simulated chats have used. A word counts as a model token.
public struct SimulatedUsage: Sendable, Equatable {
    /// The number of chats.
    public var chats = 0
    /// The tokens of their messages.
    public var inputTokens = 0
    /// The tokens of their answers.
    public var outputTokens = 0

    init() {}

    init(of request: ParsedChatRequest, answer: String) {
        chats = 1
        inputTokens = request.messages.reduce(0) { $0 + Self.tokens($1.content) }
        outputTokens = Self.tokens(answer)
    }

    /// What the stream says; nil where it says nothing.
    init?(sentIn steps: [StreamStep]) {
        let mark = "data: {\"choices\":[],\"usage\":"
        for case .send(let text) in steps.suffix(2) where text.hasPrefix(mark) {
            guard let usage = try? Value.received(String(text.dropFirst("data: ".count)))["usage"] else { continue }
            chats = 1
            inputTokens = Int(clamping: usage["prompt_tokens"]?.asInt ?? 0)
            outputTokens = Int(clamping: usage["completion_tokens"]?.asInt ?? 0)
            return
        }
        return nil
    }

    private static func tokens(_ text: String) -> Int { max(1, text.split(whereSeparator: \.isWhitespace).count) }
}

/// Adds up what was used, as a server with idempotency keys does: a repeat costs nothing.
struct UsageAccount: Sendable {
    /// Beyond that the oldest keys may be counted again.
    private static let maximumKeys = 100_000
    private(set) var total = SimulatedUsage()
    private var keys: Set<String> = []

    mutating func add(_ usage: SimulatedUsage, key: String?) {
        if let key {
            guard keys.insert(key).inserted else { return }
            if keys.count > Self.maximumKeys { keys.removeFirst() }
        }
        total.chats += usage.chats
        total.inputTokens += usage.inputTokens
        total.outputTokens += usage.outputTokens
    }
}
