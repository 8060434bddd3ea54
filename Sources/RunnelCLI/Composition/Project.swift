import RunnelEngine
import RunnelKit

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// A project as it was found on disk: its folder, its settings, its secrets.
struct Project: Sendable {
    /// Absolute.
    let directory: String
    let settings: Settings
    let secrets: [String: String]
    let unavailableSecrets: [String: String]
    let env: [String: String]
    let clientSecret: Result<String, UnavailableSecret>?
    let token: Result<String, UnavailableSecret>?
    let serverToken: Result<String, UnavailableSecret>?
    /// What plugins are set up with, by name.
    let pluginSettings: PluginSettings
    /// What is to be said about `runnel.yaml`.
    let report: LoadReport
    /// Masks everything in this project that must not be seen.
    let redactor: Redactor
    /// Keeps everything out of the journal that must not be seen.
    let seal: SecretSeal

    /// Finds `runnel.yaml` upwards from a folder, and reads it with the environment over it.
    ///
    /// The search ends at the home folder, at the border of a file system, and at a folder of another user.
    /// - Parameters:
    ///   - start: The pipeline's folder, absolute.
    ///   - config: A file named instead.
    ///   - hasSecrets: Whether secrets are read; otherwise there are stand-ins for them.
    /// - Returns: The project; or the report alone, when its configuration has errors.
    /// - Throws: Also for a project of another user that is not trusted.
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
        let outcome = SettingsLoader.load(bytes, file: shown, environment: environment)
        guard let settings = outcome.settings else {
            return .failure(InvalidConfiguration(report: outcome.report))
        }
        return .success(Project(directory, settings, outcome.report, environment, hasSecrets))
    }

    private init(
        _ directory: String, _ settings: Settings, _ report: LoadReport, _ environment: [String: String],
        _ hasSecrets: Bool
    ) {
        self.directory = directory
        self.settings = settings
        self.report = report
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
        pluginSettings = PluginSettings(settings.plugins, resolver: resolver)
        clientSecret = settings.marketplace.clientSecret.map(resolver.resolve)
        token = settings.marketplace.token.map(resolver.resolve)
        serverToken = settings.server.token.map(resolver.resolve)
        var all = secrets
        all["marketplace/client_secret"] = try? clientSecret?.get()
        all["marketplace/token"] = try? token?.get()
        all["server/token"] = try? serverToken?.get()
        all.merge(pluginSettings.secrets) { own, _ in own }
        seal = SecretSeal(secrets: all)
        redactor = Redactor(seal)
        if hasSecrets { Streams.mask(by: redactor) }
    }

    /// Where the journal and what belongs to it is.
    var stateDirectory: String { directory + "/.runnel" }

    var names: ProjectNames {
        ProjectNames(
            secrets: settings.secrets.keys.sorted(), env: settings.env, unavailableSecrets: unavailableSecrets)
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

/// `runnel.yaml`, or a variable in its place, has errors.
struct InvalidConfiguration: Error {
    let report: LoadReport
}
