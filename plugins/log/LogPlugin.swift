public import RunnelKit

/// Writes to Runnel's log.
public struct LogPlugin: Plugin {
    public let name = "log"
    public let steps = [StepDefinition(Log.self)]

    public init() {}
}
