import RunnelEngine
import RunnelKit
import WatchPlugin

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Where pipelines wait for files, and where the server listens.
enum TriggerCheck {
    static func folders(_ project: Project, _ pipelines: [Pipeline]) -> [Finding] {
        var findings: [Finding] = []
        for pipeline in pipelines {
            for trigger in pipeline.triggers where trigger.kind == WatchPlugin().name {
                guard case .object(let members) = trigger.entry,
                    case .literal(.string(let path))? = members.first(where: { $0.key == "path" })?.value
                else { continue }
                findings += folder(path, project, pipeline.name)
            }
        }
        return findings
    }

    private static func folder(_ path: String, _ project: Project, _ pipeline: String) -> [Finding] {
        let absolute = path.hasPrefix("/") ? path : project.directory + "/" + path
        var isDirectory = false
        guard FileReading.exists(absolute, isDirectory: &isDirectory), isDirectory else {
            return [
                .warning(
                    "folders", "\"\(path)\", which \(pipeline) watches, is not there",
                    "make it: mkdir -p \(absolute); Runnel begins to watch it when it comes")
            ]
        }
        guard FileManager.default.isReadableFile(atPath: absolute) else {
            return [.problem("folders", "\"\(path)\", which \(pipeline) watches, cannot be read")]
        }
        return [.good("folders", "\"\(path)\" is watched by \(pipeline)")]
    }

    /// Whether a server runs, or could.
    static func server(_ project: Project) async -> [Finding] {
        let settings = project.settings.server
        if case .failure(let problem)? = project.serverToken {
            return [.problem("server", "`server.token` has no value: \(problem.reason)")]
        }
        let address = "\(settings.host):\(settings.port)"
        switch await ServerClient(project: project).probe() {
        case .answers(let version): return [.good("server", "runnel \(version) answers at \(address)")]
        case .refuses: return [.good("server", "none runs at \(address)")]
        case .someoneElse:
            return [
                .problem(
                    "server", "something else listens on \(address)",
                    "end it, or choose another port: `server: { port: … }` in runnel.yaml")
            ]
        case .wrongToken:
            return [
                .problem(
                    "server", "the server at \(address) does not take this project's token",
                    "it was started with another `server.token`; start it again")
            ]
        }
    }
}
