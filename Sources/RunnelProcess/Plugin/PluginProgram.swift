internal import RunnelKit

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
            throw StepError("plugin-start-failed", "the plugin \"\(name)\" has no command")
        }
        let environment: [String: String]
        do {
            environment = try manifest.env.resolve(in: host)
        } catch {
            let wrong = StepError(badConfiguration: error)
            throw StepError(
                "plugin-environment", "the plugin \"\(name)\" cannot start: \(wrong.message)", hint: wrong.hint)
        }
        let search = ProgramSearch(folder: folder, path: environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin")
        do throws(ProgramSearch.Problem) {
            return ChildLaunch(
                program: try search.find(word), arguments: Array(words.dropFirst()), environment: environment,
                directory: folder)
        } catch {
            throw StepError(
                "plugin-command-not-found", "the plugin \"\(name)\" cannot start: \(error.message)",
                hint: error.hint)
        }
    }

    /// Starts the program.
    package func start(sinks: PluginProcess.Sinks) async throws -> PluginProcess {
        let launch = try launch()
        do {
            return try await PluginProcess.start(launch, sinks: sinks)
        } catch let error as ChildStartError {
            let what =
                switch error.stage {
                case .preparation: "cannot start"
                case .directory: "cannot start in \(folder)"
                case .execution: "cannot start \(launch.program)"
                }
            let hint = "try to run it by hand in \(folder); a script needs a first line such as #!/usr/bin/env python3"
            throw StepError(
                "plugin-start-failed", "the plugin \"\(name)\" \(what): \(error.reason)",
                hint: error.stage == .execution && !error.isShortage ? hint : nil, isTransient: error.isShortage)
        }
    }
}
