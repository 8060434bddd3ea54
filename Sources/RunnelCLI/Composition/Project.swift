import RunnelEngine
import RunnelKit
import Templates

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// A project on disk: its folder, settings and secrets.
struct Project: Sendable {
    /// Absolute.
    let directory: String
    let settings: Settings
    let secrets: [String: String]
    let unavailableSecrets: [String: String]
    let env: [String: String]
    let serverToken: Result<String, UnavailableSecret>?
    /// `server.tokens`, by name.
    let namedTokens: [(name: String, scope: AccessScope, value: Result<String, UnavailableSecret>)]
    /// The settings of plugins, by name.
    let pluginSettings: PluginSettings
    /// The diagnostics of `runnel.yaml`.
    let report: LoadReport
    /// Every setting with its value and its source; secrets by name only.
    let effectiveSettings: [EffectiveSetting]
    /// Redacts the secrets of this project.
    let redactor: Redactor
    /// Replaces the secrets of this project in everything that is written to the journal.
    let seal: SecretSeal

    /// Finds `runnel.yaml` upwards from a folder, and reads it with overrides from the environment.
    ///
    /// The search stops at the home folder, at a file system boundary, and at a folder of another user.
    /// - Parameters:
    ///   - start: The pipeline's folder, absolute.
    ///   - config: An explicit file to use instead.
    ///   - hasSecrets: Whether secrets are read; otherwise placeholders are used.
    /// - Returns: The project, or only the report if its configuration has errors.
    /// - Throws: Also for an untrusted project of another user.
    static func find(
        from start: String, config: String?, environment: [String: String], hasSecrets: Bool = true
    ) throws(FileReading.Failure) -> Result<Project, InvalidConfiguration> {
        let trust = Trust.current
        let named = config ?? environment["RUNNEL_CONFIG"]
        let file = named.map { FileReading.absolute($0) } ?? search(from: start, trust)
        let directory = file.map(FileReading.folder) ?? start
        if let problem = trust.problem(withProject: directory, configuration: file) {
            throw FileReading.Failure(message: "\(problem.message)\n  = \(problem.hint)")
        }
        let bytes = try file.map { path throws(FileReading.Failure) in try FileReading.yaml(of: path) }
        let shown = named ?? file.map(FileReading.shown) ?? "runnel.yaml"
        let outcome = SettingsLoader.load(
            bytes, file: shown, environment: environment, sections: RunnelCommand.plugins.settingsSections)
        guard let settings = outcome.settings else {
            return .failure(InvalidConfiguration(report: outcome.report))
        }
        return .success(Project(directory, settings, outcome, environment, hasSecrets))
    }

    private init(
        _ directory: String, _ settings: Settings, _ outcome: SettingsLoader.Outcome, _ environment: [String: String],
        _ hasSecrets: Bool
    ) {
        self.directory = directory
        self.settings = settings
        report = outcome.report
        effectiveSettings = outcome.effective
        let real = SensitiveResolver(environment: environment) { path in
            let absolute = path.hasPrefix("/") ? path : directory + "/" + path
            return FileManager.default.contents(atPath: absolute).map { String(decoding: $0, as: UTF8.self) }
        }
        let resolver = hasSecrets ? real : .standIns
        var secrets: [String: String] = [:]
        var unavailable: [String: String] = [:]
        for (name, value) in settings.secrets {
            switch resolver.resolve(value) {
            case .success(let secret): secrets[name] = secret
            case .failure(let problem): unavailable[name] = problem.reason
            }
        }
        self.secrets = secrets
        unavailableSecrets = unavailable
        env = Dictionary(
            uniqueKeysWithValues: Set(settings.env).compactMap { name in environment[name].map { (name, $0) } })
        pluginSettings = PluginSettings(
            settings.plugins, sections: outcome.sections, of: RunnelCommand.plugins, resolver: resolver,
            folder: directory)
        serverToken = settings.server.token.map(resolver.resolve)
        var all = secrets
        namedTokens = settings.server.tokens.sorted { $0.key < $1.key }.map {
            ($0.key, $0.value.scope, resolver.resolve($0.value.token))
        }
        all["server/token"] = try? serverToken?.get()
        for token in namedTokens { all["server/tokens/\(token.name)"] = try? token.value.get() }
        all.merge(pluginSettings.secrets) { own, _ in own }
        seal = SecretSeal(secrets: all)
        redactor = Redactor(seal)
        if hasSecrets { Streams.mask(by: redactor) }
    }

    /// The folder of the journal and related files.
    var stateDirectory: String { directory + "/.runnel" }

    var names: ProjectNames {
        ProjectNames(
            secrets: settings.secrets.keys.sorted(), env: settings.env, unavailableSecrets: unavailableSecrets)
    }

    /// The token with which commands call the server: `server.token`, or the named one that may do most.
    var clientToken: String? {
        if let token = try? serverToken?.get() { return token }
        let known = namedTokens.compactMap { token in (try? token.value.get()).map { (token.scope, $0) } }
        return known.max { $0.0 < $1.0 }?.1
    }

    /// What the entries of triggers can refer to.
    var triggerScope: DictionaryScope {
        DictionaryScope([
            "secrets": .object(ValueObject(secrets.map { ($0.key, .string($0.value)) })),
            "env": .object(ValueObject(env.map { ($0.key, .string($0.value)) })),
        ])
    }

    private static func search(from start: String, _ trust: Trust) -> String? {
        var folder = start
        while true {
            let candidate = folder == "/" ? "/runnel.yaml" : folder + "/runnel.yaml"
            if FileReading.exists(candidate) { return candidate }
            guard trust.goesOn(above: folder) else { return nil }
            folder = FileReading.folder(of: folder)
        }
    }
}

/// `runnel.yaml` or an overriding variable has errors.
struct InvalidConfiguration: Error {
    let report: LoadReport
}
