import RunnelEngine
import RunnelHTTP
import RunnelKit
import RunnelProcess
import RunnelSupport
import Synchronization
import Telemetry
import Templates
import YAML

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
    /// The secrets of all other settings, by path: `server/token`.
    let settingSecrets: [String: String]
    /// The files that hold secrets, absolute.
    let secretFiles: [String]
    /// `.env`, or the file that was named instead, absolute. nil without a `runnel.yaml`.
    let environmentFile: String?
    /// The configuration files that exist, absolute: `runnel.yaml`, then ``environmentFile``.
    let configurationFiles: [String]
    /// The files below ``directory`` that the configuration names, which pipelines do not touch. A reload replaces them.
    let configuredFiles = ConfiguredFiles()
    let env: [String: String]
    /// The variables of `env` whose values are not UTF-8 text.
    private let invalidEnv: [String]
    /// The secrets and variables that templates can use.
    let values: ProjectValues
    /// The one in `runnel.yaml`, or that of ``TokenFile``.
    let serverToken: Result<String, UnavailableSecret>?
    /// `server.tokens`, by name.
    let namedTokens: [(name: String, scope: AccessScope, value: Result<String, UnavailableSecret>)]
    /// `server.sign_in.secret`; nil if it is not set.
    let signInSecret: Result<String, UnavailableSecret>?
    /// Returns `journal.password` for a new connection; nil if it is not set. A reload replaces it.
    let journalPassword: Watched<(@Sendable () -> Result<String, UnavailableSecret>)?>
    /// The settings of plugins, by name.
    let pluginSettings: PluginSettings
    /// The diagnostics of `runnel.yaml`.
    let report: LoadReport
    /// Every setting with its value and its source; secrets by name only.
    let effectiveSettings: [EffectiveSetting]
    /// What `runnel.yaml` says, with the chosen profile. It may hold secrets.
    let fileSettings: Value
    /// Where settings stand in `runnel.yaml`; see ``SettingsLoader/Outcome/roots``.
    let settingRoots: [YAMLNode]
    /// Redacts the secrets of this project.
    let redactor: Redactor
    /// Where traces are sent; nil where nothing is recorded.
    let traces: TraceConfiguration?
    /// What is wrong with the settings and variables of traces, a sentence each. They are left out then.
    let traceWarnings: [String]
    /// Where `runnel serve` sends metrics; nil where it does not.
    let metrics: MetricsConfiguration?
    /// The same of metrics, without what is among ``traceWarnings``.
    let metricsWarnings: [String]
    /// The header fields of `traces` and `metrics` that have no value, a sentence each, by path.
    let lostHeaders: [String: String]
    /// Replaces the secrets of this project in everything that is written to the journal.
    let seal: SecretSeal

    /// Finds `runnel.yaml` upwards from a folder, and reads it with overrides from the environment.
    ///
    /// The search stops at the home folder, at a file system boundary, and at a folder of another user.
    /// - Parameters:
    ///   - start: The pipeline's folder, absolute.
    ///   - config: An explicit file to use instead.
    ///   - hasSecrets: Whether secrets are read; otherwise placeholders are used.
    ///   - runsCommands: Whether secrets of commands are fetched; commands that only look execute nothing. The password of
    ///     a journal is fetched when the journal is opened.
    ///   - seal: The seal of the project before a reload, to which the new secrets are added; nil for a new one.
    /// - Returns: The project, or only the report if its configuration has errors.
    /// - Throws: If a file cannot be read, if a project of another user is not trusted, or if the file is named `runnel.yml`.
    static func find(
        from start: String, config: String?, environment: [String: String], hasSecrets: Bool = true,
        runsCommands: Bool = false, seal: SecretSeal? = nil
    ) throws(FileReading.Failure) -> Result<Project, InvalidConfiguration> {
        let trust = Trust.current
        let named = config ?? environment["RUNNEL_CONFIG"]
        let file: String? = if let named { FileReading.absolute(named) } else { try search(from: start, trust) }
        let directory = file.map(FileReading.folder) ?? start
        if let problem = trust.problem(withProject: directory, configuration: file) {
            throw FileReading.Failure(message: "\(problem.message)\n  = \(problem.hint)")
        }
        let bytes = try file.map { path throws(FileReading.Failure) in try FileReading.yaml(of: path) }
        let shown = named ?? file.map(FileReading.shown) ?? "runnel.yaml"
        // Tests are isolated from the real environment.
        let options = GlobalOptions.current
        let own =
            hasSecrets
            ? try EnvironmentFile(
                beside: file == nil ? nil : directory, named: options.envFile ?? environment["RUNNEL_ENV_FILE"])
            : EnvironmentFile()
        let variables = own.values.merging(environment) { _, process in process }
        let outcome = SettingsLoader.load(
            bytes, file: shown, environment: variables, sections: RunnelCommand.plugins.settingsSections,
            profile: options.profile ?? variables["RUNNEL_PROFILE"])
        // A file that is named on the command line may be anywhere.
        let checked =
            named == nil
            ? file.map { OutsideLink.checked(outcome.report, of: $0, in: directory) } ?? outcome.report : outcome.report
        let report = LoadReport(source: checked.source, diagnostics: own.diagnostics + checked.diagnostics)
        guard let settings = outcome.settings, !report.diagnostics.hasErrors else {
            return .failure(InvalidConfiguration(report: report))
        }
        return .success(
            Project(
                directory, settings, outcome, report, variables, own, hasSecrets, seal,
                files: [file, own.isRead ? own.path : nil].compactMap(\.self),
                commands: SecretCommand(environment: environment, directory: directory), runsCommands: runsCommands))
    }

    private init(
        _ directory: String, _ settings: Settings, _ outcome: SettingsLoader.Outcome, _ report: LoadReport,
        _ environment: [String: String], _ environmentFile: EnvironmentFile, _ hasSecrets: Bool, _ seal: SecretSeal?,
        files configurationFiles: [String], commands: SecretCommand, runsCommands: Bool
    ) {
        self.directory = directory
        self.settings = settings
        self.environmentFile = environmentFile.path
        self.configurationFiles = configurationFiles
        effectiveSettings = outcome.effective
        fileSettings = outcome.file
        settingRoots = outcome.roots
        let files = Mutex<Set<String>>([])
        let readFile: SensitiveResolver.ReadFile = { path in
            files.withLock { _ = $0.insert(path) }
            return SensitiveResolver.read(path)
        }
        func makeResolver(runsCommands: Bool) -> SensitiveResolver {
            guard hasSecrets else { return .standIns }
            return Self.resolver(
                outcome.effective, environment, directory, readFile, runsCommands ? commands : nil)
        }
        let resolver = makeResolver(runsCommands: runsCommands)
        (secrets, unavailableSecrets) = Self.secrets(settings.secrets, resolver)
        let variables = environment.filter { settings.env.contains($0.key) }
        env = variables.filter { !$0.value.hasReplacedBytes }
        invalidEnv = variables.filter { $0.value.hasReplacedBytes }.keys.sorted()
        let ofCommands = settings.secrets.filter { if case .command = $0.value.source { true } else { false } }
        values = ProjectValues(
            secrets: secrets, env: env, vars: settings.vars,
            unfetchedSecrets: hasSecrets && !runsCommands ? Set(ofCommands.keys) : [],
            unavailableSecrets: unavailableSecrets)
        let folders = PluginFolder.all(in: directory, secrets: settings.secrets.keys.sorted())
        let schemas = PluginSettings.schemas(of: folders)
        let literals = SettingsLoader.literalSecrets(of: schemas, in: outcome.roots, file: report.source.name)
        self.report = LoadReport(
            source: report.source, diagnostics: (report.diagnostics + literals).sortedByPlace())
        pluginSettings = PluginSettings(
            settings.plugins, schemas: schemas, sections: outcome.sections, of: RunnelCommand.plugins,
            resolver: resolver, folder: directory)
        let file = hasSecrets ? TokenFile(in: directory + "/.runnel").token() : nil
        let token = settings.server.token.map { resolver.resolve($0, of: "server.token") }
        let named: [(name: String, scope: AccessScope, value: Result<String, UnavailableSecret>)] =
            settings.server.tokens.sorted { $0.key < $1.key }.map {
                ($0.key, $0.value.scope, resolver.resolve($0.value.token, of: "server.tokens.\($0.key)"))
            }
        serverToken = token.map(APIToken.checked) ?? file.map { .success($0) }
        namedTokens = named.map { ($0.name, $0.scope, APIToken.checked($0.value)) }
        let proof = settings.server.signIn?.secret.map { resolver.resolve($0, of: "server.sign_in.secret") }
        signInSecret = proof.map(APIToken.checked)
        let (version, host) = (RunnelCommand.version, JournalSetup.hostName())
        let tracing = Self.receiver("traces", settings.traces.headers, resolver) { headers, warnings in
            TraceConfiguration.resolve(
                settings.traces, headers: headers, environment: environment, version: version, host: host,
                warnings: &warnings)
        }
        let measuring = Self.receiver("metrics", settings.metrics.headers, resolver) { headers, warnings in
            MetricsConfiguration.resolve(
                settings.metrics, headers: headers, environment: environment, version: version, host: host,
                warnings: &warnings)
        }
        (traces, traceWarnings) = (tracing.configuration, tracing.warnings)
        (metrics, metricsWarnings) = (
            measuring.configuration, measuring.warnings.filter { !tracing.warnings.contains($0) }
        )
        lostHeaders = tracing.lost.merging(measuring.lost) { own, _ in own }
        let password = settings.journal.password.map {
            Self.journalPassword($0, resolver, whenOpened: makeResolver(runsCommands: true), isFetched: runsCommands)
        }
        journalPassword = Watched(password?.read)
        var others = Self.tokens(token ?? file.map { .success($0) }, named)
        others.merge(Self.headers(traces?.receiver, metrics?.receiver)) { own, _ in own }
        others["server/sign_in/secret"] = try? proof?.get()
        others["journal/password"] = try? password?.value.get()
        if let password = settings.journal.url?.password, password.utf8.count >= Redactor.minimumLength {
            others["journal/url"] = password
        }
        others.merge(pluginSettings.secrets) { own, _ in own }
        settingSecrets = others
        secretFiles = files.withLock { $0.sorted() }
        let all = secrets.merging(others) { own, _ in own }
        seal?.update(all)
        self.seal = seal ?? SecretSeal(secrets: all)
        redactor = Redactor(self.seal)
        configuredFiles.replace(with: ConfiguredFileFinder.files(of: self, folders, settings: outcome.merged))
        if hasSecrets { Streams.mask(by: redactor) }
    }

    /// Resolves secrets to their values.
    private static func resolver(
        _ settings: [EffectiveSetting], _ environment: [String: String], _ directory: String,
        _ readFile: @escaping SensitiveResolver.ReadFile, _ commands: SecretCommand?
    ) -> SensitiveResolver {
        let places = Dictionary(settings.map { ($0.key, $0.source.name) }, uniquingKeysWith: { $1 })
        let run = commands.map { commands -> SensitiveResolver.RunCommand in
            { CommandOutputs.shared.output(of: $0, for: $1, in: directory, commands) }
        }
        return SensitiveResolver(
            environment: environment, folder: directory, place: { places[$0] ?? nil }, readFile: readFile, run: run)
    }

    /// The values of `secrets`, and why others have none.
    private static func secrets(
        _ settings: [String: SensitiveValue], _ resolver: SensitiveResolver
    ) -> (values: [String: String], unavailable: [String: String]) {
        var (values, unavailable): ([String: String], [String: String]) = ([:], [:])
        for (name, value) in settings {
            switch resolver.resolve(value, of: "secrets.\(name)") {
            case .success(let secret): values[name] = secret
            case .failure(let problem): unavailable[name] = problem.reason
            }
        }
        return (values, unavailable)
    }

    /// `journal.password`: its value, and a function that returns it for a new connection. The function reads a file again,
    /// because passwords are rotated while a server runs, and runs a command that has not been run, once.
    private static func journalPassword(
        _ setting: SensitiveValue, _ resolver: SensitiveResolver, whenOpened opening: SensitiveResolver, isFetched: Bool
    ) -> (value: Result<String, UnavailableSecret>, read: @Sendable () -> Result<String, UnavailableSecret>) {
        let name = "journal.password"
        let value = resolver.resolve(setting, of: name)
        switch setting.source {
        case .file: return (value, { resolver.resolve(setting, of: name) })
        case .command where !isFetched:
            let fetched = FetchedOnce { opening.resolve(setting, of: name) }
            return (value, { fetched.value })
        default: return (value, { value })
        }
    }

    /// A secret that is fetched when it is first needed.
    private final class FetchedOnce: Sendable {
        private let known = Mutex<String?>(nil)
        private let fetch: @Sendable () -> Result<String, UnavailableSecret>

        init(_ fetch: @escaping @Sendable () -> Result<String, UnavailableSecret>) {
            self.fetch = fetch
        }

        var value: Result<String, UnavailableSecret> {
            known.withLock { known in
                if let known { return .success(known) }
                let found = fetch()
                known = try? found.get()
                if let known { Streams.mask(late: known) }
                return found
            }
        }
    }

    /// The tokens of the server that are known, by path.
    private static func tokens(
        _ token: Result<String, UnavailableSecret>?,
        _ named: [(name: String, scope: AccessScope, value: Result<String, UnavailableSecret>)]
    ) -> [String: String] {
        var tokens: [String: String] = [:]
        tokens["server/token"] = try? token?.get()
        for token in named { tokens["server/tokens/\(token.name)"] = try? token.value.get() }
        return tokens
    }

    /// The header fields of receivers that may be secrets, by path.
    private static func headers(_ traces: OTLPReceiver?, _ metrics: OTLPReceiver?) -> [String: String] {
        var headers: [String: String] = [:]
        for (section, receiver) in [("traces", traces), ("metrics", metrics)] {
            for header in receiver?.headers ?? []
            where SensitiveName.matches(header.name) || header.value.utf8.count >= 16 {
                headers["\(section)/headers/\(header.name)"] = header.value
            }
        }
        return headers
    }

    /// Fetches the header fields of a section, and has the configuration made with them.
    private static func receiver<Configuration>(
        _ section: String, _ fields: [String: SensitiveValue], _ resolver: SensitiveResolver,
        _ configure: (_ headers: [String: String], _ warnings: inout [String]) -> Configuration?
    ) -> (configuration: Configuration?, warnings: [String], lost: [String: String]) {
        var headers: [String: String] = [:]
        var lost: [String: String] = [:]
        for (name, value) in fields {
            let path = "\(section).headers.\(name)"
            switch resolver.resolve(value, of: path) {
            case .success(let text): headers[name] = text
            case .failure(let problem): lost[path] = "`\(path)` \(problem.predicate)"
            }
        }
        var warnings: [String] = []
        let configuration = configure(headers, &warnings)
        guard configuration != nil else { return (configuration, warnings, [:]) }
        return (configuration, lost.sorted { $0.key < $1.key }.map { $0.value } + warnings, lost)
    }

    /// A path of the settings as an absolute one.
    func path(_ text: String) -> String { text.hasPrefix("/") ? text : directory + "/" + text }

    /// The folder of the journal and related files.
    var stateDirectory: String { directory + "/.runnel" }

    /// Where plugins keep what they can make again. nil where no runs are kept either: looking at pipelines leaves
    /// nothing behind.
    var cacheFolder: String? { FileReading.exists(stateDirectory) ? stateDirectory + "/cache" : nil }

    /// Refuses scripts in files that belong to another user.
    var distrust: PipelineLoader.Distrust {
        { [trust = Trust.current, directory] path in
            trust.problem(with: path, in: directory).map {
                StepError(CommandErrorCode.pipelineUntrusted, $0.message, hint: $0.hint)
            }
        }
    }

    var names: ProjectNames {
        ProjectNames(
            secrets: settings.secrets.keys.sorted(), env: settings.env, invalidEnv: invalidEnv, vars: settings.vars,
            unavailableSecrets: unavailableSecrets)
    }

    /// Where a setting is set: the file with the line, or the variable; nil where it is not set there.
    func place(of setting: String) -> String? { effectiveSettings.first { $0.key == setting }?.source.name }

    /// The tokens of the API: `server.token`, or the one in ``TokenFile``, and `server.tokens`, each with its setting.
    var apiTokens: [(setting: String, name: String, scope: AccessScope, value: Result<String, UnavailableSecret>)] {
        var tokens = namedTokens.map {
            (setting: "server.tokens.\($0.name).token", name: $0.name, scope: $0.scope, value: $0.value)
        }
        if let serverToken {
            tokens.insert((setting: "server.token", name: APIToken.unnamed, scope: .admin, value: serverToken), at: 0)
        }
        return tokens
    }

    /// The token with which commands call the server: `server.token`, or the named one that may do most.
    var clientToken: String? {
        if let token = try? serverToken?.get() { return token }
        let known = namedTokens.compactMap { token in (try? token.value.get()).map { (token.scope, $0) } }
        return known.max { $0.0 < $1.0 }?.1
    }

    /// The source of ``clientToken``, for messages; nil without one.
    var clientTokenPlace: String? {
        guard clientToken != nil else { return nil }
        guard (try? serverToken?.get()) != nil else { return "`server.tokens`" }
        guard let token = settings.server.token else { return "\"\(TokenFile(in: stateDirectory).path)\"" }
        let setting = "`server.token`" + (place(of: "server.token").map { " in \($0)" } ?? "")
        guard case .file(let path) = token.source else { return setting }
        return "the file \"\(path)\" (\(setting))"
    }

    /// What the entries of triggers can refer to.
    var triggerScope: DictionaryScope { DictionaryScope(values.scope) }

    /// Whether a folder is in a project with a `runnel.yaml`.
    static func isProject(_ folder: String) -> Bool {
        ProcessInfo.processInfo.environment["RUNNEL_CONFIG"] != nil
            || (try? search(from: FileReading.absolute(folder), Trust.current)) != nil
    }

    /// - Throws: If the file is named `runnel.yml`. If it were ignored, runs would have another journal and other limits.
    private static func search(from start: String, _ trust: Trust) throws(FileReading.Failure) -> String? {
        var folder = start
        while true {
            let candidate = folder == "/" ? "/runnel.yaml" : folder + "/runnel.yaml"
            if FileReading.exists(candidate) { return candidate }
            try FileReading.refuseOtherEnding(of: candidate)
            guard trust.goesOn(above: folder) else { return nil }
            folder = FileReading.folder(of: folder)
        }
    }
}

/// `runnel.yaml` or an overriding variable has errors.
struct InvalidConfiguration: Error {
    let report: LoadReport

    /// Prints the errors.
    ///
    /// - Returns: The exit status to throw.
    func reported() -> ExitStatus {
        DiagnosticOutput.write([report], format: .text)
        return .usage
    }
}

/// The outputs of the commands of secrets, as long as their `cache` allows: reading the configuration again does not ask
/// a password manager again.
private final class CommandOutputs: Sendable {
    private struct Entry {
        let output: String
        let time: ContinuousClock.Instant
    }

    static let shared = CommandOutputs()
    private let entries = Mutex<[[String]: Entry]>([:])

    func output(
        of words: [String], for cache: Duration, in directory: String, _ commands: SecretCommand
    ) -> Result<String, UnavailableSecret> {
        let key = [directory] + words
        if let known = entries.withLock({ $0[key] }), known.time.duration(to: .now) < cache {
            return .success(known.output)
        }
        let result = commands.run(words)
        if case .success(let output) = result {
            entries.withLock { $0[key] = Entry(output: output, time: .now) }
        }
        return result
    }
}
