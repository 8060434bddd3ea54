import RunnelKit
import Templates
import YAML

/// Reads the template files that a pipeline names, so that they are checked before a run.
struct TemplateFileReader {
    let registry: StepRegistry
    let paths: PathChecker
    let environment: TemplateEnvironment

    /// A template in a file, as a step names it.
    struct File {
        let path: String
        let text: String
        let template: Template
        /// Where the path stands in the pipeline.
        let node: YAMLNode

        /// The place of a byte for messages: "prompts/summary.txt:3:4".
        func place(_ utf8Offset: Int) -> String {
            "\(path):\(TemplateEnvironment.place(utf8Offset, in: text))"
        }
    }

    /// The files by step; what cannot be read or parsed is reported.
    func files(of pipeline: Pipeline, into diagnostics: inout DiagnosticList) -> [String: [File]] {
        // Without a folder nothing can be read.
        guard !paths.project.path.isEmpty else { return [:] }
        let named = pipeline.allSteps.map { step in (step: step, places: places(of: step)) }
        var files: [String: [File]] = [:]
        for (step, places) in named {
            for place in places where place.isTemplate {
                guard let path = place.text else { continue }
                // A file that another step may write need not be there yet.
                let isWritten = named.contains { other, places in
                    other.id != step.id && places.contains { !$0.isTemplate && ($0.text ?? path) == path }
                }
                guard let file = read(path, at: place.node, isWritten: isWritten, into: &diagnostics) else { continue }
                files[step.id, default: []].append(file)
            }
        }
        return files
    }

    private func places(of step: PipelineStep) -> [PathChecker.Place] {
        guard let places = registry[step.uses]?.paths, let node = step.withNode else { return [] }
        return paths.all(places, in: step.with, node: node)
    }

    private func read(
        _ path: String, at node: YAMLNode, isWritten: Bool, into diagnostics: inout DiagnosticList
    ) -> File? {
        let text: String
        do throws(StepError) {
            text = try paths.project.text(of: path)
        } catch {
            // Paths that are not allowed have been reported.
            let isReported = [StepErrorCode.badPath, .pathOutside, .pathProtected].contains { error.has($0) }
            if !isReported, !(isWritten && error.has(FileErrorCode.fileNotFound)) {
                diagnostics.error(reported: error.code, node, error.message, hint: error.hint)
            }
            return nil
        }
        let (template, issues) = Template.parse(text, environment: environment)
        let file = File(path: path, text: text, template: template, node: node)
        for issue in issues {
            diagnostics.error(
                reported: issue.code, node, "\(file.place(issue.utf8Range.lowerBound)): \(issue.message)",
                hint: issue.hint)
        }
        for failure in template.certainFailures {
            diagnostics.error(
                reported: failure.code, node, "\(file.place(failure.utf8Range.lowerBound)): \(failure.message)",
                hint: failure.hint)
        }
        return issues.isEmpty ? file : nil
    }
}
