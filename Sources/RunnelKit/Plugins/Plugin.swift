/// What extends Runnel: a named bundle of steps, triggers and template filters, with the services they share.
///
/// Everything built in is a plugin too; there is no other way to add a step
/// or a trigger.
public protocol Plugin: Sendable {
    /// A short word, unique among the plugins of a worker.
    var name: String { get }
    var steps: [StepDefinition] { get }
    var triggers: [TriggerDefinition] { get }
    var filters: [TemplateFilter] { get }
    /// Says how the plugin's services are made; called once, when a worker starts.
    func registerServices(in services: Services) async
}

extension Plugin {
    public var steps: [StepDefinition] { [] }
    public var triggers: [TriggerDefinition] { [] }
    public var filters: [TemplateFilter] { [] }
    public func registerServices(in services: Services) async {}
}
