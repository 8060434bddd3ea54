public import RunnelKit
public import Templates
public import YAML

/// Loads and validates pipeline files.
public struct PipelineLoader: Sendable {
    /// The steps and triggers that pipelines can use.
    public let registry: StepRegistry
    /// The filters that templates can use.
    public let environment: TemplateEnvironment
    /// The names available in `secrets` and `env`; nil if unknown and not checked.
    public let names: ProjectNames?
    /// The project that paths are checked against. Without a folder, absolute paths are not checked.
    private let project: ProjectDirectory
    private let distrust: Distrust?

    /// The reason why a script in this file must not be executed, such as that the file belongs to another user; nil if it
    /// may.
    public typealias Distrust = @Sendable (_ file: String) -> StepError?

    /// - Parameter distrust: Asked about each file that holds a script; nil to trust all.
    /// - Throws: A ``RegistryError`` for clashing filters, or a step whose schema is not a JSON schema.
    public init(
        registry: StepRegistry, names: ProjectNames? = nil, project: ProjectDirectory? = nil, distrust: Distrust? = nil
    ) throws {
        self.registry = registry
        self.names = names
        self.distrust = distrust
        self.project = project ?? ProjectDirectory(path: "")
        environment = try TemplateEnvironment(filters: registry.filters)
    }

    /// The pipeline, unless it has errors, and the diagnostics sorted by position.
    ///
    /// - Parameter isStored: Whether a run has begun with it. What depends on the state of the project, such as files,
    ///   plugins and secrets, is then left to its steps, so that their failure can be handled.
    public func load(
        _ bytes: [UInt8], file: String, isStored: Bool = false
    ) -> (pipeline: Pipeline?, report: LoadReport) {
        let document: YAMLDocument
        var stored: [String: String]?
        do {
            var bytes = bytes
            if bytes.contains(0x1E) {
                let bundle = DefinitionBundle(joined: String(decoding: bytes, as: UTF8.self))
                (bytes, stored) = (Array(bundle.text.utf8), bundle.included)
            }
            document = try YAMLParser.parse(bytes, name: file, isStored: isStored)
        } catch {
            let source = YAMLSource(name: file, text: String(decoding: bytes, as: UTF8.self))
            return (nil, LoadReport(source: source, diagnostics: [Diagnostic(error, in: source)]))
        }
        var decoder = makeDecoder(document.source, isStored: isStored)
        let decoded = decoder.pipeline(document)
        var diagnostics = decoder.diagnostics
        guard var pipeline = decoded else {
            diagnostics.conceal(in: document.root)
            return (
                nil,
                LoadReport(
                    source: document.source, diagnostics: diagnostics.items.sortedByPlace(),
                    literals: [file: diagnostics.literals])
            )
        }
        var includes = includeLoader(of: pipeline.name, stored: stored, isStored: isStored)
        check(pipeline, file, &includes, isStored: isStored, into: &diagnostics)
        if !(diagnostics.items + includes.diagnostics).hasErrors {
            pipeline = includes.expand(pipeline, into: &diagnostics)
        }
        diagnostics.conceal(in: document.root)
        let sorted = (diagnostics.items + includes.diagnostics).sortedByPlace()
        if !sorted.hasErrors { pipeline.identify() }
        return (
            sorted.hasErrors ? nil : pipeline,
            LoadReport(
                source: document.source, diagnostics: sorted, included: includes.sources, unread: includes.unread,
                literals: includes.literals.merging([file: diagnostics.literals]) { _, own in own })
        )
    }

    /// Whether the files that a pipeline includes are still what they were when it was read.
    func isCurrent(_ report: LoadReport) -> Bool {
        report.included.allSatisfy { path, source in
            (try? IncludeLoader.text(of: path, in: project)) == source.text
        } && report.unread.allSatisfy { (try? IncludeLoader.text(of: $0, in: project)) == nil }
    }

    private func makeDecoder(_ source: YAMLSource, isStored: Bool) -> PipelineDecoder {
        PipelineDecoder(source: source, environment: environment, registry: registry, isStored: isStored)
    }

    /// - Parameter stored: The texts of the files that a run began with; nil to read them.
    private func includeLoader(of name: String, stored: [String: String]?, isStored: Bool) -> IncludeLoader {
        let read: (String) throws(StepError) -> String = { [project] path throws(StepError) in
            if let stored {
                guard let text = stored[path] else {
                    throw StepError(FileErrorCode.fileNotFound, "the journal does not hold \"\(path)\"")
                }
                return text
            }
            guard !project.path.isEmpty else {
                throw StepError(FileErrorCode.fileNotFound, "\"\(path)\" cannot be read: there is no project")
            }
            return try IncludeLoader.text(of: path, in: project)
        }
        let check: (YAMLDocument, inout IncludeLoader) -> (Pipeline?, DiagnosticList) = { document, includes in
            var decoder = makeDecoder(document.source, isStored: isStored)
            let file = decoder.includedFile(document, pipeline: name)
            var diagnostics = decoder.diagnostics
            if let file {
                let included = document.source.name
                let path = included.hasPrefix("/") ? included : "\(project.path)/\(included)"
                self.check(file, path, &includes, isStored: isStored, into: &diagnostics)
            }
            diagnostics.conceal(in: document.root)
            return (file, diagnostics)
        }
        return IncludeLoader(isStored: isStored, read: read, check: check)
    }

    /// - Parameter path: Where the file is, relative to the current folder or absolute.
    private func check(
        _ pipeline: Pipeline, _ path: String, _ includes: inout IncludeLoader, isStored: Bool,
        into diagnostics: inout DiagnosticList
    ) {
        let registry = includes.registry(for: pipeline, registry, into: &diagnostics)
        let paths = PathChecker(project: project)
        StepChecker(registry: registry, paths: paths, isStored: isStored).check(pipeline, into: &diagnostics)
        // What a run has begun with was checked then.
        if !isStored, let distrust, let step = ScriptChecker(registry: registry).firstScript(of: pipeline),
            let problem = distrust(path)
        {
            diagnostics.error(reported: problem.code, step.usesNode, problem.message, hint: problem.hint)
        }
        let before = diagnostics.items.count
        TriggerChecker(registry: registry, paths: paths).check(pipeline, into: &diagnostics)
        let files =
            isStored
            ? [:]
            : TemplateFileReader(registry: registry, paths: paths, environment: environment)
                .files(of: pipeline, into: &diagnostics)
        ReferenceChecker(pipeline: pipeline, names: names, registry: registry, files: files).check(into: &diagnostics)
        // A name that has no value now, such as a secret, fails the steps that use it.
        if isStored { diagnostics.turnErrorsIntoWarnings(from: before) }
    }
}

/// The diagnostics of one file.
public struct LoadReport: Sendable {
    package let source: YAMLSource
    package let diagnostics: [Diagnostic]
    /// The files that it includes, by path.
    public let included: [String: YAMLSource]
    /// The files that it includes and that cannot be read.
    let unread: Set<String>
    /// The places of literal secrets, by file.
    private let literals: [String: [YAMLRange]]

    package init(source: YAMLSource, diagnostics: [Diagnostic]) {
        self.init(source: source, diagnostics: diagnostics, literals: [:])
    }

    init(
        source: YAMLSource, diagnostics: [Diagnostic], included: [String: YAMLSource] = [:], unread: Set<String> = [],
        literals: [String: [YAMLRange]]
    ) {
        self.source = source
        self.diagnostics = diagnostics
        self.included = included
        self.unread = unread
        self.literals = literals
    }

    /// The first step or secret that a pipeline needs and that is missing at the moment; nil for none.
    package var missing: Diagnostic? {
        let codes: Set<String> = [PipelineErrorCode.unknownStep.rawValue, PipelineErrorCode.secretUnavailable.rawValue]
        return diagnostics.first { codes.contains($0.code) }
    }

    /// The paths of all included files, also of unreadable ones; relative to the project.
    package var usedFiles: [String] { Array(included.keys) + unread }

    /// The file and those that it includes, displayable: with asterisks for literal secrets.
    public var sources: [YAMLSource] {
        ([source] + included.sorted { $0.key < $1.key }.map(\.value)).map { source in
            source.masked(
                diagnostics.filter { $0.file == source.name }.flatMap(\.secrets) + (literals[source.name] ?? []))
        }
    }

    /// What the journal keeps of the file and those that it includes, displayable.
    var shownDefinition: String {
        let texts = sources.map { ($0.name, $0.text) }
        return DefinitionBundle(
            text: texts[0].1, included: Dictionary(texts.dropFirst(), uniquingKeysWith: { first, _ in first })
        ).joined
    }
}

extension Diagnostic {
    /// What must not be shown of its file.
    fileprivate var secrets: [YAMLRange] {
        code == PipelineErrorCode.literalSecret.rawValue ? hidden + [range].compactMap(\.self) : hidden
    }
}

/// The names that a project's configuration makes available to templates.
public struct ProjectNames: Sendable {
    package var secrets: [String]
    package var env: [String]
    /// Those of `env` whose value is not UTF-8 text; using one is an error.
    package var invalidEnv: [String]
    /// `vars` of `runnel.yaml`.
    public var vars: [String: Value]
    /// Secrets without a value and the reasons; using one is an error.
    public var unavailableSecrets: [String: String]

    package init(
        secrets: [String], env: [String], invalidEnv: [String] = [], vars: [String: Value] = [:],
        unavailableSecrets: [String: String] = [:]
    ) {
        self.invalidEnv = invalidEnv
        self.vars = vars
        self.secrets = secrets
        self.env = env
        self.unavailableSecrets = unavailableSecrets
    }
}
