import ArgumentParser
import MarketplaceSimulator
import RunnelEngine
import RunnelKit
import RunnelStore
internal import RunnelSupport
import YAML

/// Shell completions.
enum PipelineCompletion {
    /// The pipelines below the current folder.
    static let files = completion { _ in
        PipelineNames.below(".").map { ($0.file, $0.name) }
    }

    /// The names of the project's pipelines.
    static let names = completion { _ in
        PipelineNames.below(".").map { ($0.name, $0.file) }
    }

    /// The newest runs of the project, and `last`.
    static let runs = completion { _ in
        let runs = await newestRuns()
        let described = runs.map { run in
            (run.id, "\(run.stateText) \(run.pipeline) \(LocalTime.short(run.shownTime))")
        }
        return [("last", "the newest run")] + described
    }

    /// The steps of the run that the command line names.
    static let steps = completion { words in
        let runs = await newestRuns()
        let named = runs.first { run in words.contains { $0.count > 3 && run.id.hasPrefix($0) } } ?? runs.first
        guard let named, let root = root(of: PipelineNames.below(".").first { $0.name == named.pipeline }?.file) else {
            return []
        }
        return ids(in: root["steps"])
    }

    /// The types of steps of the project.
    static let stepTypes = completion { _ in
        guard let known = await registry() else { return [] }
        return known.names.map { ($0, known[$0]?.summary ?? "") }
    }

    /// The types of triggers of the project.
    static let triggerTypes = completion { _ in
        guard let known = await registry() else { return [] }
        return known.triggerNames.map { ($0, known.trigger(named: $0)?.summary ?? "") }
    }

    /// `NAME=` for the inputs of the pipeline that the command line names.
    static let inputs = completion { words in
        let known = PipelineNames.below(".")
        let paths = words.filter { !$0.hasPrefix("-") }.map { LoadedPipeline.path($0, in: nil) }
        guard let root = root(of: paths.first { path in known.contains { $0.file == path } }) else { return [] }
        guard case .mapping(let pairs)? = root["inputs"]?.content else { return [] }
        return pairs.map { ($0.key.asString.map { $0 + "=" } ?? "", $0.value["description"]?.asString ?? "") }
    }

    /// What a simulator can do wrong.
    static let faults = CompletionKind.list(Fault.allCases.map(\.rawValue))

    /// - Parameter values: The values with a few words about each, for the words of the command line.
    private static func completion(
        _ values: @escaping @Sendable (_ words: [String]) async -> [(value: String, about: String)]
    ) -> CompletionKind {
        .custom { words, _, prefix in
            await values(words).filter { $0.value.hasPrefix(prefix) }.map(shown)
        }
    }

    /// In the form that the shell shows with a description.
    private static func shown(_ value: String, about: String) -> String {
        let about = TerminalText.line(about)
        guard !about.isEmpty else { return value }
        switch CompletionShell.requesting {
        case .zsh?: return value.replacing(":", with: "\\:") + ":" + about
        case .fish?: return value + "\t" + about
        default: return value
        }
    }

    /// What ships with Runnel, and the plugins of the project.
    private static func registry() async -> StepRegistry? {
        guard
            case .success(let project)? = try? Project.find(
                from: FileReading.absolute("."), config: nil, environment: [:], hasSecrets: false)
        else { return nil }
        return try? await ProjectPlugins(project).registry
    }

    private static func newestRuns() async -> [RunRecord] {
        guard
            case .success(let project)? = try? Project.find(
                from: FileReading.absolute("."), config: nil, environment: [:]),
            let journal = try? JournalSetup.existing(of: project, migrates: false)
        else { return [] }
        let runs = (try? await journal.seenRuns(RunFilter(limit: 50))) ?? []
        await journal.close()
        return runs
    }

    private static func root(of file: String?) -> YAMLNode? {
        file.flatMap { file in
            (try? FileReading.yaml(of: file)).flatMap { try? YAMLParser.parse($0, name: file).root }
        }
    }

    /// The ids of steps at any depth, with their types.
    private static func ids(in steps: YAMLNode?) -> [(value: String, about: String)] {
        (steps?.items ?? []).flatMap { step in
            let own = step["id"]?.asString.map { [($0, step["uses"]?.asString ?? "")] } ?? []
            return own + ids(in: step["steps"])
        }
    }
}
