/// All steps a worker knows, by name, and what else the plugins bring.
public struct StepRegistry: Sendable {
    private var entries: [String: (step: StepDefinition, plugin: String)] = [:]
    /// The filters that plugins bring, in the order of the plugins.
    public private(set) var filters: [TemplateFilter] = []
    private var triggerEntries: [String: (trigger: TriggerDefinition, plugin: String)] = [:]
    private var filterOwners: [String: String] = [:]
    /// In the order in which they were added.
    public private(set) var plugins: [any Plugin] = []
    /// Plugins that should be here and are not, with the reason in a few words.
    public private(set) var missingPlugins: [String: String] = [:]

    /// Registers the plugins one after another.
    public init(_ plugins: [any Plugin] = []) throws(RegistryError) {
        for plugin in plugins { try add(plugin) }
    }

    /// Registers the plugin; all of it or, when something clashes, nothing.
    public mutating func add(_ plugin: any Plugin) throws(RegistryError) {
        var copy = self
        try copy.insert(plugin)
        self = copy
    }

    private mutating func insert(_ plugin: any Plugin) throws(RegistryError) {
        guard !plugins.contains(where: { $0.name == plugin.name }) else {
            throw RegistryError(message: "two plugins are named \"\(plugin.name)\"; rename or remove one of them")
        }
        plugins.append(plugin)
        for step in plugin.steps {
            if let other = entries[step.name] {
                throw .clash("step", step.name, other.plugin, plugin.name)
            }
            entries[step.name] = (step, plugin.name)
        }
        for trigger in plugin.triggers {
            if trigger.name == TriggerDefinition.manual {
                throw RegistryError(
                    message:
                        "the trigger \"\(trigger.name)\" of the plugin \"\(plugin.name)\" has the name of runs that are "
                        + "started by hand; rename it")
            }
            if let other = triggerEntries[trigger.name] {
                throw .clash("trigger", trigger.name, other.plugin, plugin.name)
            }
            triggerEntries[trigger.name] = (trigger, plugin.name)
        }
        for filter in plugin.filters {
            if let other = filterOwners.updateValue(plugin.name, forKey: filter.name) {
                throw .clash("filter", filter.name, other, plugin.name)
            }
            filters.append(filter)
        }
    }

    /// Remembers a plugin that cannot be had, so that whoever misses its steps can be told why.
    public mutating func setMissing(_ plugin: String, because reason: String) {
        missingPlugins[plugin] = reason
    }

    /// The step with this name; nil where there is none.
    public subscript(name: String) -> StepDefinition? { entries[name]?.step }

    /// The name of the plugin that brought the step.
    public func plugin(of step: String) -> String? { entries[step]?.plugin }

    /// The names of all steps, sorted.
    public var names: [String] { entries.keys.sorted() }

    /// The trigger with this name; nil where there is none.
    public func trigger(named name: String) -> TriggerDefinition? { triggerEntries[name]?.trigger }

    /// The names of all triggers, sorted.
    public var triggerNames: [String] { triggerEntries.keys.sorted() }
}

/// Two plugins that cannot stand beside each other.
public struct RegistryError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What is wrong, in a sentence.
    public let message: String
    /// The text for a person.
    public var description: String { message }

    /// An error with this sentence.
    public init(message: String) {
        self.message = message
    }

    static func clash(_ kind: String, _ name: String, _ first: String, _ second: String) -> RegistryError {
        let whom = first == second ? "the plugin \"\(first)\" twice" : "the plugins \"\(first)\" and \"\(second)\""
        return RegistryError(
            message: "the \(kind) \"\(name)\" is registered by \(whom); rename it in one place or remove one")
    }
}
