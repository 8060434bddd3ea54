import RunnelEngine
import RunnelKit

/// A run that `--no-journal` does not keep. The journal counts what chats use, so no budget could stop one.
enum UnkeptRun {
    /// Exits the command if a step of the pipeline really asks an agent while a budget is set for it.
    static func refuseBudget(_ pipeline: Pipeline, _ registry: StepRegistry, _ project: Project) throws {
        for plugin in registry.plugins {
            guard plugin is any AgentPlugin, let section = (plugin as? any ConfigurablePlugin)?.sectionField?.key,
                let settings = project.pluginSettings.sections[section]
            else { continue }
            let names = Set(plugin.steps.map(\.name))
            guard let step = pipeline.allSteps.first(where: { names.contains($0.uses) }) else { continue }
            let budgets = [
                ("\(section).budget", settings["budget"]),
                ("\(section).pipeline_budgets.\(pipeline.name)", settings["pipeline_budgets"]?[pipeline.name]),
            ]
            guard let budget = budgets.first(where: { $0.1?.asObject != nil })?.0 else { continue }
            throw ExitStatus.usage.reporting(
                "--no-journal: what the step \"\(step.id)\" uses would not count in the budget `\(budget)`",
                hint: "leave out --no-journal, or ask a simulator with --simulate")
        }
    }
}
