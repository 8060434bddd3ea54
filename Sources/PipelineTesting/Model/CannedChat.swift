import MarketplaceSimulator
import YAML

/// One entry of `chat:`: what the agent answers to one request.
struct CannedChat: Sendable {
    var answer: CannedAnswer
    /// Given as often as it is asked for.
    var isRepeated: Bool
    var node: YAMLNode
}

/// All answers of one test.
struct CannedChats: Sendable {
    /// In the order of all calls.
    var inOrder: [CannedChat] = []
    /// For the calls of one step, in their order.
    var byStep: [String: [CannedChat]] = [:]
}
