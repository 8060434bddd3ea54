import ArgumentParser
import RunnelEngine
import RunnelKit
import RunnelStore

/// Shell completions.
enum PipelineCompletion {
    /// The pipelines below the current folder.
    static let files = CompletionKind.custom { _, _, prefix in
        let files = (try? PipelineFiles.under(".")) ?? []
        return files.filter { $0.hasPrefix(prefix) }
    }

    /// The names of the project's pipelines.
    static let names = CompletionKind.custom { _, _, prefix in
        guard let registry = try? StepRegistry(RunnelCommand.plugins),
            let loader = try? PipelineLoader(registry: registry)
        else { return [] }
        return ((try? PipelineFiles.under(".")) ?? []).compactMap { file in
            guard let bytes = try? FileReading.yaml(of: file) else { return nil }
            return loader.load(bytes, file: file).pipeline?.name
        }.filter { $0.hasPrefix(prefix) }
    }

    /// The newest runs of the project, and `last`.
    static let runs = CompletionKind.custom { _, _, prefix in
        guard
            case .success(let project)? = try? Project.find(
                from: FileReading.absolute("."), config: nil, environment: [:]),
            FileReading.exists(project.stateDirectory + "/journal.db"),
            let journal = try? SQLiteJournal.open(directory: project.stateDirectory)
        else { return ["last"] }
        let runs = (try? await journal.runs(RunFilter(limit: 50))) ?? []
        await journal.close()
        return (["last"] + runs.map(\.id)).filter { $0.hasPrefix(prefix) }
    }
}
