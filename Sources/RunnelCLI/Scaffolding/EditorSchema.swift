import ArgumentParser
import PipelineTesting
import RunnelEngine
import RunnelKit
import RunnelProcess
import RunnelReference

/// The files of a project that editors complete and check, with the JSON schemas that `runnel init` writes for them.
enum EditorSchema: String, ExpressibleByArgument, CaseIterable {
    case pipeline, test, settings, plugin

    /// The name of the schema in the project's folder.
    var fileName: String { self == .pipeline ? "runnel.schema.json" : "runnel.\(rawValue).schema.json" }

    /// The comment at the top of a file.
    ///
    /// - Parameter folder: The relative path from the file to the project's folder, such as `../`.
    func editorLine(from folder: String = "") -> String { PipelineSchema.editorLine(path: folder + fileName) + "\n" }

    /// The schema as it is written to ``fileName``.
    ///
    /// - Parameter registry: The steps and triggers of the project.
    func text(_ registry: StepRegistry) -> String { value(registry).json(pretty: true) + "\n" }

    func value(_ registry: StepRegistry) -> Value {
        switch self {
        case .pipeline: PipelineSchema.pipeline(registry)
        case .test: TestFileSchema.schema
        case .settings: PipelineSchema.settings(registry)
        case .plugin:
            PipelineSchema.file(
                title: "Runnel plugin", description: "The manifest of a Runnel plugin: `plugin.yaml`.",
                PluginManifest.schema)
        }
    }

    /// The schemas of the project that are not what they would be now.
    static func stale(in project: Project, _ registry: StepRegistry) -> [EditorSchema] {
        allCases.filter { schema in
            let path = "\(project.directory)/\(schema.fileName)"
            guard FileReading.exists(path), let bytes = try? FileReading.bytes(of: path) else { return false }
            return bytes != Array(schema.text(registry).utf8)
        }
    }
}
