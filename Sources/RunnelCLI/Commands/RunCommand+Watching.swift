import RunnelEngine
import RunnelKit

extension RunCommand {
    /// The files that a run depends on: the pipeline, the file with its inputs, the configuration, included files, and
    /// files that steps read. A file whose name is an expression is unknown.
    func watchedFiles() async -> [String] {
        let path = FileReading.absolute(LoadedPipeline.path(pipeline, in: options.directory))
        var files = [path]
        if let inputFile, inputFile != "-" { files.append(FileReading.absolute(inputFile)) }
        guard case .success(let project)? = try? options.find(near: path) else { return files }
        files.append(options.config.map { FileReading.absolute($0) } ?? project.directory + "/runnel.yaml")
        guard let registry = try? await ProjectPlugins(project).registry, let bytes = try? FileReading.yaml(of: path),
            let loader = try? PipelineLoader(registry: registry, project: project.files())
        else { return files }
        // `isStored` skips the check of template files, so that a file with an error is watched for its correction.
        let (loaded, report) = loader.load(bytes, file: path, isStored: true)
        files += report.usedFiles.map { project.directory + "/" + $0 }
        // Only files that steps read: a file that the run writes would trigger the next run.
        for step in loaded?.allSteps ?? [] where registry[step.uses]?.isRepeatable ?? false {
            for text in step.with.literalStrings where !text.contains("\n") {
                files.append(text.hasPrefix("/") ? text : project.directory + "/" + text)
            }
        }
        return files
    }
}

extension TemplateTree {
    /// All strings without an expression.
    fileprivate var literalStrings: [String] {
        switch self {
        case .literal(let value): value.strings
        case .template: []
        case .list(let items): items.flatMap(\.literalStrings)
        case .object(let members): members.flatMap(\.value.literalStrings)
        }
    }
}

extension Value {
    fileprivate var strings: [String] {
        switch self {
        case .string(let text): [text]
        case .list(let items): items.flatMap(\.strings)
        case .object(let members): members.values.flatMap(\.strings)
        default: []
        }
    }
}
