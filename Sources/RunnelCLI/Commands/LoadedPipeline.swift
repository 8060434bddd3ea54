import RunnelEngine
import RunnelKit

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// A pipeline that was named on the command line, read and found valid, with its project.
struct LoadedPipeline: Sendable {
    let pipeline: Pipeline
    let project: Project
    let loader: PipelineLoader

    /// Prints what there is to say, and ends the command where there are errors.
    ///
    /// - Parameter startsServers: False for commands that only look: they start nothing, and read no file that a link leads
    ///   out to.
    init(_ name: String, config: String?, startsServers: Bool = false) async throws {
        do {
            let path = Self.path(name)
            let bytes = try FileReading.yaml(of: path)
            let folder = FileReading.folder(of: FileReading.absolute(path))
            let found = try Project.find(from: folder, config: config, environment: ProcessInfo.processInfo.environment)
            switch found {
            case .failure(let invalid):
                DiagnosticOutput.write([invalid.report], format: .text)
                throw ExitStatus.usage
            case .success(let project): self.project = project
            }
            if !startsServers, FileReading.leads(out: project.directory, path) {
                throw FileReading.Failure(message: OutsideLink.message(path) + "\n  = " + OutsideLink.hint)
            }
            loader = try await project.loader(startsServers: startsServers)
            let (pipeline, report) = loader.load(bytes, file: path)
            DiagnosticOutput.write([project.report, report], format: .text, redactor: project.redactor)
            guard let pipeline else { throw ExitStatus.usage }
            self.pipeline = pipeline
        } catch let error as FileReading.Failure {
            Streams.error.write("error: \(error.message)\n")
            throw ExitStatus.usage
        }
    }

    /// The file that is meant, with the ending that was left out.
    static func path(_ name: String) -> String {
        [name, name + ".yaml", name + ".yml"].first { candidate in
            var isDirectory = false
            return FileReading.exists(candidate, isDirectory: &isDirectory) && !isDirectory
        } ?? name
    }
}

/// A pipeline that is a link to a file outside of its project. What only looks does not show that file's lines: a
/// stranger's link may lead to secrets.
enum OutsideLink {
    static func message(_ path: String) -> String { "\"\(path)\" is a link that leads out of the project" }
    static let hint = "name the file itself, or copy it into the project"
}
