import RunnelEngine
import RunnelKit
import YAML

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// `runnel.yaml`, the secrets it names, and the pipelines that fall under it.
enum ConfigurationCheck {
    static func configuration(_ project: Project) -> [Finding] {
        let diagnostics = project.report.diagnostics
        let file = project.report.source.name
        guard FileReading.exists(project.directory + "/runnel.yaml") || FileReading.exists(file) else {
            return [.good("configuration", "there is no runnel.yaml; \(project.directory) is the project")]
        }
        let found: [Finding] = diagnostics.map {
            .warning("configuration", "\($0.file):\($0.range?.start.line ?? 1): \($0.message)", $0.hint)
        }
        return found.isEmpty ? [.good("configuration", file)] : found
    }

    static func secrets(_ project: Project) -> [Finding] {
        var findings = project.unavailableSecrets.sorted { $0.key < $1.key }.map {
            Finding.problem("secrets", "the secret \"\($0.key)\" has no value: \($0.value)")
        }
        if !project.secrets.isEmpty, findings.isEmpty {
            let count = project.secrets.count
            findings.append(.good("secrets", count == 1 ? "the one has a value" : "all \(count) have values"))
        }
        return findings
    }

    static func plugins(_ plugins: ProjectPlugins) -> [Finding] {
        var findings = plugins.registry.missingPlugins.sorted { $0.key < $1.key }.map {
            Finding.problem("plugins", "the plugin \"\($0.key)\" was not loaded: \($0.value)")
        }
        if findings.isEmpty, !plugins.folders.isEmpty {
            findings.append(.good("plugins", plugins.folders.map(\.name).joined(separator: ", ")))
        }
        return findings
    }

    /// What every user of the machine could change.
    static func permissions(_ project: Project, _ plugins: ProjectPlugins) -> [Finding] {
        let names = ["", "/runnel.yaml", "/.env", "/.runnel", "/plugins", "/pipelines"]
        return (names.map { project.directory + $0 } + plugins.folders.flatMap { [$0.path, $0.path + "/plugin.yaml"] })
            .filter { path in
                var status = stat()
                return stat(path, &status) == 0 && status.st_mode & S_IWOTH != 0
            }.map {
                .warning(
                    "permissions",
                    "\"\(FileReading.shown($0))\" can be changed by every user of this machine, who could have programs started",
                    "take that right away: chmod o-w \($0)")
            }
    }

    /// The pipelines that are valid, and what there is to say of all.
    static func pipelines(_ project: Project, _ loader: PipelineLoader) -> (good: [Pipeline], findings: [Finding]) {
        let folder = project.directory
        guard let files = try? PipelineFiles.under(folder) else {
            return (
                [], [.warning("pipelines", "there are none below \(folder)", "`runnel new pipeline NAME` makes one")]
            )
        }
        var good: [Pipeline] = []
        var findings: [Finding] = []
        for file in files {
            guard !FileReading.leads(out: folder, file) else {
                findings.append(.warning("pipelines", OutsideLink.message(FileReading.shown(file)), OutsideLink.hint))
                continue
            }
            guard let bytes = try? FileReading.yaml(of: file) else { continue }
            let shown = FileReading.shown(file)
            let (pipeline, report) = loader.load(bytes, file: shown)
            if let pipeline { good.append(pipeline) }
            let errors = report.diagnostics.filter { $0.severity == .error }
            // Other YAML may lie in a project; what has no steps does not want to be a pipeline.
            guard let first = errors.first, report.source.text.contains("steps:") else { continue }
            let more = errors.count > 1 ? ", and \(errors.count - 1) more" : ""
            findings.append(
                .problem(
                    "pipelines", "\(shown):\(first.range?.start.line ?? 1): \(first.message)\(more)",
                    "`runnel validate \(shown)` shows all of it"))
        }
        if findings.isEmpty {
            findings = [.good("pipelines", good.count == 1 ? "the one is valid" : "all \(good.count) are valid")]
        }
        return (good, findings)
    }
}
