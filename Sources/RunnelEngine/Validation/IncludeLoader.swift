import RunnelKit
import YAML

/// Reads the files that a pipeline includes, each once, and puts their steps in their places.
struct IncludeLoader {
    /// See ``PipelineLoader/load(_:file:isStored:)``.
    let isStored: Bool
    /// Reads a file of the project.
    let read: (_ path: String) throws(StepError) -> String
    /// Decodes and checks an included file, whose own includes are read by this loader.
    let check: (_ document: YAMLDocument, _ loader: inout IncludeLoader) -> (Pipeline?, DiagnosticList)

    /// The files without errors.
    private var files: [String: Pipeline] = [:]
    /// The files that were read.
    private(set) var sources: [String: YAMLSource] = [:]
    /// The files that could not be read.
    private(set) var unread: Set<String> = []
    private(set) var diagnostics: [Diagnostic] = []
    /// The places of literal secrets, by path.
    private(set) var literals: [String: [YAMLRange]] = [:]
    /// The files that are being read, outermost first.
    private var open: [String] = []

    /// The maximum number of steps of a pipeline with those that it includes.
    static let stepLimit = 5000
    private static let sizeLimit = ByteCount(1 << 20)

    init(
        isStored: Bool, read: @escaping (_ path: String) throws(StepError) -> String,
        check:
            @escaping (_ document: YAMLDocument, _ loader: inout IncludeLoader) -> (
                Pipeline?, DiagnosticList
            )
    ) {
        (self.isStored, self.read, self.check) = (isStored, read, check)
    }

    static func text(of path: String, in project: ProjectDirectory) throws(StepError) -> String {
        try project.text(of: path, upTo: sizeLimit)
    }

    /// The steps that the pipeline can use: those of plugins, and the files that it includes.
    mutating func registry(
        for pipeline: Pipeline, _ registry: StepRegistry, into diagnostics: inout DiagnosticList
    ) -> StepRegistry {
        var definitions: [String: StepDefinition] = [:]
        for step in pipeline.allSteps {
            guard let path = IncludePath(step.uses) else { continue }
            let file = load(path, at: step.usesNode, into: &diagnostics)
            definitions[path.text] = StepDefinition(
                name: path.text, summary: file?.description ?? "",
                documentation: StepDocumentation(details: "", output: "", examples: []),
                schema: file?.inputsSchema ?? ["type": "object"]
            ) { _, _ in .null }
        }
        guard !definitions.isEmpty else { return registry }
        var all = registry
        let plugin = IncludedFiles(steps: definitions.sorted { $0.key < $1.key }.map(\.value))
        // No plugin can have steps of such names.
        try? all.add(plugin)
        return all
    }

    private mutating func load(
        _ include: IncludePath, at node: YAMLNode, into diagnostics: inout DiagnosticList
    ) -> Pipeline? {
        let path = include.path
        if let index = open.firstIndex(of: path) {
            let ring = (open[index...] + [path]).joined(separator: " → ")
            diagnostics.error(
                PipelineErrorCode.includeCycle, node, "\"\(include.text)\" includes itself: \(ring)",
                hint: "take one of these steps out")
            return nil
        }
        if sources[path] != nil { return files[path] }
        let text: String
        do throws(StepError) {
            text = try read(path)
        } catch {
            unread.insert(path)
            diagnostics.error(
                reported: error.code, node, error.message,
                hint: error.hint ?? "the path begins at the project's folder, beside runnel.yaml")
            return nil
        }
        open.append(path)
        defer { open.removeLast() }
        let document: YAMLDocument
        do {
            document = try YAMLParser.parse(Array(text.utf8), name: path, isStored: isStored)
        } catch {
            let source = YAMLSource(name: path, text: text)
            sources[path] = source
            self.diagnostics.append(Diagnostic(error, in: source))
            return nil
        }
        sources[path] = document.source
        let (pipeline, found) = check(document, &self)
        self.diagnostics += found.items
        literals[path] = found.literals
        files[path] = pipeline
        return pipeline
    }

    // MARK: - Expanding

    /// The pipeline with the steps of the files in their places.
    mutating func expand(_ pipeline: Pipeline, into diagnostics: inout DiagnosticList) -> Pipeline {
        guard !sources.isEmpty else { return pipeline }
        for step in pipeline.allSteps {
            guard let path = IncludePath(step.uses), count(of: path.path) > Self.stepLimit else {
                continue
            }
            diagnostics.error(
                PipelineErrorCode.tooManySteps, step.usesNode,
                "\"\(path.text)\" has more than \(Self.stepLimit) steps with all that it includes")
            return pipeline
        }
        var pipeline = pipeline
        pipeline.included = sources
        func expanded(_ steps: [PipelineStep]) -> [PipelineStep] {
            steps.map { self.expanded($0, "", nil) }
        }
        pipeline.steps = expanded(pipeline.steps)
        pipeline.onFailure = expanded(pipeline.onFailure)
        pipeline.finally = expanded(pipeline.finally)
        return pipeline
    }

    private var counts: [String: Int] = [:]

    /// The number of steps of a file with all that it includes, bounded.
    private mutating func count(of path: String) -> Int {
        if let known = counts[path] { return known }
        var sum = 0
        for step in files[path]?.allSteps ?? [] {
            sum += 1 + (IncludePath(step.uses).map { count(of: $0.path) } ?? 0)
            if sum > Self.stepLimit { break }
        }
        counts[path] = sum
        return sum
    }

    private func expanded(_ step: PipelineStep, _ prefix: String, _ source: YAMLSource?)
        -> PipelineStep
    {
        var step = step
        step.id = prefix + step.id
        step.source = source
        step.group = step.group?.map { expanded($0, prefix, source) }
        guard let path = IncludePath(step.uses), let file = files[path.path] else { return step }
        let scope = step.id + "."
        func added(_ added: AddedStep, with: TemplateTree, like step: PipelineStep) -> PipelineStep {
            var new = PipelineStep(
                id: scope + added.kind.rawValue, uses: added.kind.rawValue, usesNode: step.usesNode,
                with: with,
                withNode: step.withNode, onError: .fail, node: step.node)
            (new.added, new.source) = (added, step.source)
            return new
        }
        var steps = file.steps.map { expanded($0, scope, file.source) }
        if let output = file.output, let last = steps.last {
            var place = last
            place.withNode = nil
            steps.append(added(.output, with: .object([("value", output)]), like: place))
        }
        if !file.inputs.isEmpty {
            steps.insert(added(.inputs(of: file), with: step.with, like: step), at: 0)
        }
        step.group = steps
        step.uses = ""
        step.scope = scope
        return step
    }
}

/// The files that a pipeline includes, as steps.
private struct IncludedFiles: Plugin {
    let name = "./"
    let steps: [StepDefinition]
}
