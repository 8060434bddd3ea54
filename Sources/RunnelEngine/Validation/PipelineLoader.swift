public import RunnelKit
public import Templates
public import YAML

/// Loads and validates pipeline files.
public struct PipelineLoader: Sendable {
    public let registry: StepRegistry
    public let environment: TemplateEnvironment
    /// The names available in `secrets` and `env`; nil if unknown and not checked.
    public let names: ProjectNames?
    /// The project that paths are checked against. Without a folder, absolute paths are not checked.
    private let project: ProjectDirectory

    /// - Throws: A ``RegistryError`` for clashing filters, or a step whose schema is not a JSON schema.
    public init(registry: StepRegistry, names: ProjectNames? = nil, project: ProjectDirectory? = nil) throws {
        self.registry = registry
        self.names = names
        self.project = project ?? ProjectDirectory(path: "")
        environment = try TemplateEnvironment(filters: registry.filters)
    }

    /// The pipeline, unless it has errors, and the diagnostics sorted by position.
    ///
    /// - Parameter isStored: Whether a run has begun with it. What depends on the state of the project, such as files
    ///   and the settings of plugins, is then left to its steps, so that their failure can be handled.
    public func load(
        _ bytes: [UInt8], file: String, isStored: Bool = false
    ) -> (pipeline: Pipeline?, report: LoadReport) {
        let document: YAMLDocument
        do {
            document = try YAMLParser.parse(bytes, name: file)
        } catch {
            let source = YAMLSource(name: file, text: String(decoding: bytes, as: UTF8.self))
            return (nil, LoadReport(source: source, diagnostics: [Diagnostic(error, file: file)]))
        }
        var decoder = PipelineDecoder(
            source: document.source, environment: environment,
            shorthands: Dictionary(
                registry.triggerNames.compactMap { name in
                    registry.trigger(named: name)?.shorthand.map { (name, $0) }
                }, uniquingKeysWith: { first, _ in first }))
        guard var pipeline = decoder.pipeline(document) else {
            return (nil, LoadReport(source: document.source, diagnostics: decoder.diagnostics.items.sortedByPlace()))
        }
        var diagnostics = decoder.diagnostics
        let paths = PathChecker(project: project)
        StepChecker(registry: registry, paths: paths, isStored: isStored).check(pipeline, into: &diagnostics)
        TriggerChecker(registry: registry, paths: paths).check(pipeline, into: &diagnostics)
        let files =
            isStored
            ? [:]
            : TemplateFileReader(registry: registry, paths: paths, environment: environment)
                .files(of: pipeline, into: &diagnostics)
        ReferenceChecker(pipeline: pipeline, names: names, registry: registry, files: files).check(into: &diagnostics)
        let sorted = diagnostics.items.sortedByPlace()
        if !sorted.hasErrors { pipeline.definition = document.source.text.sha256 }
        return (
            sorted.hasErrors ? nil : pipeline,
            LoadReport(source: document.source, diagnostics: sorted)
        )
    }
}

/// The diagnostics of one file.
public struct LoadReport: Sendable {
    public let source: YAMLSource
    public let diagnostics: [Diagnostic]

    public init(source: YAMLSource, diagnostics: [Diagnostic]) {
        self.source = source
        self.diagnostics = diagnostics
    }
}

/// The names that a project's configuration makes available to templates.
public struct ProjectNames: Sendable {
    public var secrets: [String]
    public var env: [String]
    /// `vars` of `runnel.yaml`.
    public var vars: [String: Value]
    /// Secrets without a value and the reasons; using one is an error.
    public var unavailableSecrets: [String: String]

    public init(
        secrets: [String], env: [String], vars: [String: Value] = [:], unavailableSecrets: [String: String] = [:]
    ) {
        self.vars = vars
        self.secrets = secrets
        self.env = env
        self.unavailableSecrets = unavailableSecrets
    }
}
