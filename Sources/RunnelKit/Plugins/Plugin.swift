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
    /// What `runnel doctor` says of the plugin: whether what it needs is there. Nothing unless a plugin says otherwise.
    func diagnose(_ context: DiagnosisContext) async -> [HealthFinding]
}

extension Plugin {
    /// None.
    public var steps: [StepDefinition] { [] }
    /// None.
    public var triggers: [TriggerDefinition] { [] }
    /// None.
    public var filters: [TemplateFilter] { [] }
    /// Registers nothing.
    public func registerServices(in services: Services) async {}
    /// Finds nothing.
    public func diagnose(_ context: DiagnosisContext) async -> [HealthFinding] { [] }
}
