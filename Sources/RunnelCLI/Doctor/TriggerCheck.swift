import RunnelEngine
import RunnelKit

/// What triggers need, and where the server listens.
enum TriggerCheck {
    /// What the triggers of the pipelines say of themselves. One whose entry needs a secret that is not there is left
    /// out: the secret is reported.
    static func triggers(
        _ project: Project, _ pipelines: [Pipeline], _ registry: StepRegistry, _ context: DiagnosisContext
    ) async -> [HealthFinding] {
        let scope = project.triggerScope
        var findings: [HealthFinding] = []
        for pipeline in pipelines {
            for trigger in pipeline.triggers {
                guard let definition = registry.trigger(named: trigger.kind),
                    let entry = try? trigger.entry.render(scope).asObject ?? [:]
                else { continue }
                findings += await definition.diagnose(entry, pipeline.name, context)
            }
        }
        return findings
    }

    /// Whether a server is running, or could run.
    static func server(_ project: Project) async -> [HealthFinding] {
        let settings = project.settings.server
        if case .failure(let problem)? = project.serverToken {
            return [.problem("server", "`server.token` \(problem.predicate)")]
        }
        let address = "\(settings.host):\(settings.port)"
        switch await ServerClient(project: project).probe() {
        case .answers(let version): return [.good("server", "runnel \(version) answers at \(address)")]
        case .refuses: return [.good("server", "no server is running at \(address)")]
        case .someoneElse:
            return [
                .problem(
                    "server", "something else listens on \(address)",
                    "stop it, or choose another port: `server: { port: … }` in runnel.yaml")
            ]
        case .wrongToken:
            return [
                .problem(
                    "server", "the server at \(address) rejects this project's token",
                    "it was started with another `server.token`; restart it")
            ]
        }
    }
}
