internal import JSONSchema
internal import LibC
package import RunnelKit

/// Prepares and starts a plugin's command.
package struct PluginProgram: Sendable {
    package let manifest: PluginManifest
    /// Absolute.
    package let folder: String
    package let host: ProcessHost

    package init(manifest: PluginManifest, folder: String, host: ProcessHost) {
        (self.manifest, self.folder, self.host) = (manifest, folder, host)
    }

    package var name: String { manifest.name.text }

    /// Resolved for each start, because programs and secrets may change.
    func launch() throws -> ChildLaunch {
        guard let words = manifest.command?.words, let word = words.first else {
            throw StepError(PluginErrorCode.pluginStartFailed, "the plugin \"\(name)\" has no command")
        }
        let environment: [String: String]
        do {
            environment = try manifest.env.resolve(in: host)
        } catch {
            let wrong = StepError(badConfiguration: error)
            throw StepError(
                PluginErrorCode.pluginEnvironment, "the plugin \"\(name)\" cannot start: \(wrong.message)",
                hint: wrong.hint)
        }
        let search = ProgramSearch(folder: folder, path: environment["PATH"])
        do throws(ProgramSearch.Problem) {
            return ChildLaunch(
                program: try search.find(word), arguments: Array(words.dropFirst()), environment: environment,
                directory: folder)
        } catch {
            throw StepError(
                PluginErrorCode.pluginCommandNotFound, "the plugin \"\(name)\" cannot start: \(error.message)",
                hint: error.hint)
        }
    }

    /// Starts the program.
    ///
    /// - Parameter environment: Variables beside those that the manifest names, which win over these.
    package func start(
        sinks: PluginProcess.Sinks, environment: [String: String] = [:]
    ) async throws -> PluginProcess {
        var launch = try launch()
        launch.environment.merge(environment) { own, _ in own }
        do {
            return try await PluginProcess.start(launch, sinks: sinks)
        } catch let error as ChildStartError {
            // The script itself is there: `launch()` has found it.
            if error.stage == .execution, error.isMissing, let interpreter = Self.interpreter(of: launch.program) {
                if interpreter.hasSuffix("\r") {
                    throw StepError(
                        PluginErrorCode.pluginStartFailed,
                        "the plugin \"\(name)\" cannot start \(launch.program): its first line ends with a carriage return (CRLF)",
                        hint: "save the file with LF as the end of its lines")
                }
                throw StepError(
                    PluginErrorCode.pluginStartFailed,
                    "the plugin \"\(name)\" cannot start \(launch.program): its first line names \"\(interpreter)\", which is not there",
                    hint: "correct the first line, such as #!/usr/bin/env python3")
            }
            let what =
                switch error.stage {
                case .preparation: "cannot start"
                case .directory: "cannot start in \(folder)"
                case .execution: "cannot start \(launch.program)"
                }
            let hint = "try to run it by hand in \(folder); a script needs a first line such as #!/usr/bin/env python3"
            throw StepError(
                PluginErrorCode.pluginStartFailed, "the plugin \"\(name)\" \(what): \(error.reason)",
                hint: error.stage == .execution && !error.isShortage ? hint : nil, isTransient: error.isShortage)
        }
    }
}

extension PluginProgram {
    /// The interpreter in a script's shebang line (`#!/bin/sh`); nil without one. A carriage return at its end is kept,
    /// because the kernel takes it as part of the name.
    private static func interpreter(of script: String) -> String? {
        guard let file = fopen(script, "re") else { return nil }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 256)
        let count = fread(&bytes, 1, bytes.count, file)
        let line = bytes[..<count].prefix { $0 != UInt8(ascii: "\n") }
        guard line.starts(with: "#!".utf8) else { return nil }
        return String(decoding: line.dropFirst(2), as: UTF8.self).split { $0 == " " || $0 == "\t" }.first
            .map(String.init)
    }
}

/// The worker's environment for process plugins.
public struct ProcessHost: Sendable {
    /// The worker's environment. A child sees only what its manifest lists.
    public var variables: [String: String]
    /// The project's secrets, for manifests that name them.
    public var secret: @Sendable (_ name: String) -> String?
    /// For a declared secret without a value: the problem, as a predicate, and what to do. nil for a secret that is not
    /// declared.
    public var missing: @Sendable (_ secret: String) -> (problem: String, hint: String)?
    /// The project's folder, passed to children in `RUNNEL_PROJECT`.
    public var project: String
    /// The plugin's settings as JSON, passed to children in `RUNNEL_SETTINGS`.
    var settings: String?

    /// - Parameters:
    ///   - variables: The worker's environment.
    ///   - project: The project's folder, absolute.
    ///   - secret: The project's secrets.
    ///   - missing: See ``missing``.
    public init(
        variables: [String: String], project: String, secret: @escaping @Sendable (String) -> String? = { _ in nil },
        missing: @escaping @Sendable (_ secret: String) -> (problem: String, hint: String)? = { _ in nil }
    ) {
        self.variables = variables
        self.project = project
        self.secret = secret
        self.missing = missing
    }

    /// Takes the settings of a plugin, checked against what its manifest allows.
    package mutating func set(_ settings: Value?, for manifest: PluginManifest) throws(FieldError) {
        self.settings = try PluginSetup(manifest, settings).json
    }
}

/// A plugin's settings, validated against its manifest.
struct PluginSetup: Sendable {
    /// The settings as JSON for the child's environment; nil for a plugin without settings.
    let json: String?

    /// - Throws: The first error, at `plugins.<name>`.
    init(_ manifest: PluginManifest, _ settings: Value?) throws(FieldError) {
        let place: [FieldError.PathElement] = [.key("plugins"), .key(manifest.name.text)]
        guard let schema = manifest.settings else {
            guard settings == nil || settings == [:] else {
                throw FieldError("the plugin has no settings", hint: "remove them", path: place)
            }
            json = nil
            return
        }
        let value = settings ?? [:]
        if let issue = schema.compiled.validate(value).first {
            throw FieldError(
                issue.message, hint: issue.hint,
                path: place + (issue.path.isRoot ? [] : [.key("\(issue.path)")]))
        }
        json = value.json()
    }
}
