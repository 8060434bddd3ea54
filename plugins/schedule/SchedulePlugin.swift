public import RunnelKit

/// Starting pipelines at set times.
public struct SchedulePlugin: Plugin {
    /// The plugin; it needs no settings.
    public init() {}

    /// The plugin's name.
    public let name = "schedule"

    /// The trigger `schedule`.
    public var triggers: [TriggerDefinition] { [TriggerDefinition(ScheduleTrigger.self)] }

    /// Where a trigger's memory keeps up to when its ticks have been dealt with. Whoever forgets it when an entry is
    /// disabled or removed lets the entry begin anew, without making up for what it missed meanwhile.
    public static let watermarkKey = Watermark.key
}
