import ArgumentParser
import RunnelEngine
import RunnelKit
import RunnelSupport

/// `runnel doctor`
struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "Check everything that Runnel depends on, and show how to fix problems.",
        discussion: HelpText.text(
            "Exit status: 0 no problems, 1 problems found.",
            examples: [
                "runnel doctor": "Checks configuration, Marketplace, pipelines, journal and server.",
                "runnel doctor --offline": "Without connecting to the Marketplace.",
            ]))

    @OptionGroup var options: ProjectOptions
    @Flag(help: "Do not connect to the Marketplace.") var offline = false
    @Flag(help: "Use an embedded simulator instead of the Marketplace.") var simulate = false
    @Flag(help: "Print a JSON list.") var json = false

    func run() async throws {
        // What is wrong with the configuration is one of the findings.
        let project = try options.project(runsCommands: !offline, saysProblems: false)
        let command = self
        try await withSimulator(when: simulate) { simulator in
            let findings = try await command.findings(project, simulator)
            command.write(findings, project.redactor)
            if findings.contains(where: { $0.level == .problem }) { throw ExitStatus.runFailed }
        }
    }

    private func findings(_ project: Project, _ simulator: SimulatedMarketplace?) async throws -> [HealthFinding] {
        var findings = ConfigurationCheck.configuration(project) + ConfigurationCheck.secrets(project)
        let plugins = try await ProjectPlugins.load(project, simulates: simulate)
        let loader = try PipelineLoader(
            registry: plugins.registry, names: project.names, project: project.files(), distrust: project.distrust)
        let (pipelines, found) = ConfigurationCheck.pipelines(project, loader)
        // A pipeline that cannot be read has a name, too.
        let areAllKnown = !found.contains { $0.level == .problem }
        let context = DiagnosisContext(
            project: project.files(), isOffline: offline, pipelines: areAllKnown ? pipelines.map(\.name) : nil)
        for plugin in plugins.registry.plugins { await plugin.registerServices(in: context.services) }
        for plugin in plugins.registry.plugins { findings += await plugin.talking(toAny: simulator).diagnose(context) }
        findings += ConfigurationCheck.plugins(plugins) + ConfigurationCheck.permissions(project, plugins)
        findings += ConfigurationCheck.schemas(project, plugins)
        findings += found + (await TriggerCheck.triggers(project, pipelines, plugins.registry, context))
        findings += await JournalCheck.findings(project)
        findings += MachineCheck.findings(project)
        return Self.verdicts(await findings + TriggerCheck.server(project))
    }

    /// Removes the good findings about a subject with a problem, which they would contradict.
    static func verdicts(_ findings: [HealthFinding]) -> [HealthFinding] {
        let broken = Set(findings.filter { $0.level == .problem }.map(\.subject))
        return findings.filter { $0.level != .good || !broken.contains($0.subject) }
    }

    private func write(_ findings: [HealthFinding], _ redactor: Redactor) {
        if json {
            let list = redactor.redactMessages(in: .list(findings.map(\.json)))
            return Streams.output.write(json: list, isPretty: true)
        }
        let style = TextStyle.standardOutput
        for finding in findings {
            Streams.output.write(styled: finding.text(style, width: Streams.output.width) + "\n")
        }
        let problems = findings.filter { $0.level == .problem }.count
        let warnings = findings.filter { $0.level == .warning }.count
        func count(_ number: Int, _ word: String) -> String { "\(number) \(word)\(number == 1 ? "" : "s")" }
        Streams.output.write(
            problems + warnings == 0
                ? "all checks passed\n" : "\(count(problems, "problem")), \(count(warnings, "warning"))\n")
    }
}
