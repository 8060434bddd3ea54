public import RunnelKit

/// Starting pipelines at set times.
public struct SchedulePlugin: Plugin {
    /// The plugin; it needs no settings.
    public init() {}

    /// The plugin's name.
    public let name = "schedule"

    /// The trigger `schedule`.
    public var triggers: [TriggerDefinition] { [TriggerDefinition(ScheduleTrigger.self)] }
}
