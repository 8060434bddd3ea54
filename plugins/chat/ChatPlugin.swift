public import RunnelKit

/// Talks to agents through the Marketplace API.
public struct ChatPlugin: Plugin {
    public let name = "chat"
    public let steps = [StepDefinition(Chat.self)]

    public init() {}
}
