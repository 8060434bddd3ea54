public import RunnelKit

/// Starting pipelines for new files.
public struct WatchPlugin: Plugin {
    public init() {}

    public let name = "watch"

    public var triggers: [TriggerDefinition] { [TriggerDefinition(Watch.self)] }
}
