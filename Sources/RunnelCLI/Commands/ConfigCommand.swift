import ArgumentParser
import RunnelEngine
import RunnelKit
internal import RunnelSupport

/// `runnel config`
struct ConfigCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config", abstract: "Print the configuration in effect, and where each setting comes from.",
        discussion: HelpText.text(
            "Secrets are not shown, only that they are set.",
            examples: [
                "runnel config": "Everything, with defaults.",
                "runnel config marketplace": "One section.",
                "runnel config --changed": "What differs from the defaults.",
            ]))

    @OptionGroup var options: ProjectOptions
    @Argument(help: ArgumentHelp("Only this setting or section: `journal`, `journal.keep`.", valueName: "setting"))
    var key: String?
    @Flag(help: "Only settings that are not at their default.") var changed = false
    @Flag(help: "Print one JSON object a setting.") var json = false

    func run() async throws {
        let project = try options.project()
        var settings = project.effectiveSettings
        if let key {
            settings = settings.filter { $0.key == key || $0.key.hasPrefix(key + ".") }
            guard !settings.isEmpty else {
                let sections = Set(project.effectiveSettings.map { String($0.key.prefix { $0 != "." }) })
                let known = sections.union(project.effectiveSettings.map(\.key))
                let hint =
                    Suggestion.hint(for: key, among: known)
                    ?? "the sections are \(sections.sorted().joined(separator: ", "))"
                throw ExitStatus.usage.reporting("there is no setting \"\(key)\" with a value", hint: hint)
            }
        }
        if changed { settings.removeAll { $0.source == .defaultValue } }
        if json {
            for setting in settings { Streams.output.write(json: setting.json) }
            return
        }
        let style = TextStyle.standardOutput
        let width = settings.map(\.key.count).max() ?? 0
        for setting in settings {
            let name = style.line(setting.key.padded(to: width))
            let source = style.dim("# " + style.line(setting.source.text))
            Streams.output.write(styled: "\(name)  \(style.line(setting.value.text))  \(source)\n")
        }
    }
}

extension EffectiveSetting {
    /// A secret has no value.
    var json: RunnelKit.Value {
        var object: ValueObject = ["key": .string(key)]
        if case .shown(let value) = value { object["value"] = .string(value) } else { object["secret"] = true }
        object["source"] = .string(source.text)
        return RunnelKit.Value.object(object)
    }
}

extension EffectiveSetting.Value {
    var text: String {
        switch self {
        case .shown(let value): value
        case .secret: "***"
        }
    }
}

extension EffectiveSetting.Source {
    var text: String {
        switch self {
        case .defaultValue: "default"
        case .file(let place): place
        case .environment(let name): name
        case .commandLine: "command line"
        }
    }
}
