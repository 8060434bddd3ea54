public import RunnelEngine
public import RunnelKit

/// The project that a test file belongs to, as far as its tests need it. Secrets are not part of it.
public struct TestProject: Sendable {
    /// Makes the steps of one test, which see that test's world and nothing of the real one.
    public typealias MakeRegistry = @Sendable (TestWorld) async throws -> StepRegistry

    /// Absolute, without a slash at the end.
    public var directory: String
    /// What `runnel.yaml` makes available to templates. Whether a secret has a value does not matter.
    public var names: ProjectNames
    /// All steps and triggers there are.
    public var registry: StepRegistry
    /// For plugins that are told of the project or its secrets when they are made, such as those that start programs;
    /// nil where ``registry`` will do for every test.
    public var makeRegistry: MakeRegistry?
    /// What pipelines do not touch of the project.
    public var files: ProtectedPlaces

    public init(
        directory: String, names: ProjectNames, registry: StepRegistry, makeRegistry: MakeRegistry? = nil,
        files: ProtectedPlaces = .standard
    ) {
        self.directory = directory
        self.names = ProjectNames(secrets: names.secrets, env: names.env)
        self.registry = registry
        self.makeRegistry = makeRegistry
        self.files = files
    }
}

/// What one test takes for the real world.
public struct TestWorld: Sendable {
    /// The copy of the project, absolute.
    public let directory: String
    /// The stand-ins that the test gives.
    public let secrets: [String: String]
    public let env: [String: String]
}
