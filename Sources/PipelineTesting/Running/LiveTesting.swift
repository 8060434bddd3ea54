import RunnelKit
import Synchronization

/// How tests ask the configured agent, instead of giving the answers themselves.
///
/// Such a test runs several times, since an agent does not answer the same twice; the share that passes is reported.
/// Tests without an answer of an agent, and those whose answers go wrong on purpose, are left out.
public struct LiveTesting: Sendable {
    /// How often each test runs.
    public var samples: Int
    /// The share of the samples of a test that has to pass, from 0 to 1.
    public var atLeast: Double
    /// Keeps further samples from beginning once it is spent.
    public let budget: TokenBudget

    /// - Parameters:
    ///   - samples: At least 1.
    ///   - atLeast: From 0 to 1.
    ///   - budget: In model tokens, for all tests together; nil for no limit.
    public init(samples: Int = 1, atLeast: Double = 1, budget: Int? = nil) {
        self.samples = max(1, samples)
        self.atLeast = min(max(atLeast, 0), 1)
        self.budget = TokenBudget(limit: budget)
    }

    /// The samples of `count` that have to pass.
    func needed(of count: Int) -> Int { Int((Double(count) * atLeast - 1e-9).rounded(.up)) }
}

/// Counts the model tokens that tests have used.
public final class TokenBudget: Sendable {
    public let limit: Int?
    private let used = Mutex(0)

    init(limit: Int?) {
        self.limit = limit
    }

    public var usedTokens: Int { used.withLock { $0 } }
    var isSpent: Bool { limit.map { usedTokens >= $0 } ?? false }

    /// Adds what the outputs of steps say that they have used.
    func add(_ outputs: ValueObject) {
        let tokens = outputs.reduce(0) { $0 + Self.tokens(in: $1.value) }
        used.withLock { $0 += tokens }
    }

    /// The tokens of an answer, or of those in a list. Where the server told none, four bytes of text count as one.
    private static func tokens(in output: Value) -> Int {
        if let items = output.asList { return items.reduce(0) { $0 + tokens(in: $1) } }
        guard output["finish_reason"] != nil, let text = output["text"]?.asString else { return 0 }
        return Int(clamping: output["usage"]?["total_tokens"]?.asInt ?? Int64(text.utf8.count / 4 + 1))
    }
}
