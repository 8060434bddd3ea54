import RunnelEngine
import RunnelKit
import RunnelServer
internal import RunnelSupport

/// What a command asks the server for, done without one: the runs wait in the journal for the next `runnel serve`, here or
/// on another machine that shares the journal.
struct OfflineServer: Sendable {
    let options: ProjectOptions
    let project: Project

    /// Whether no server is listening at the project's address.
    static func isNeeded(_ client: ServerClient) async -> Bool {
        if case .refuses = await client.probe() { true } else { false }
    }

    /// Performs the operations. A refusal ends the command with the reason. A missing journal is an error, unless
    /// `createsJournal` is set, for operations that need no earlier run.
    ///
    /// - Parameter simulates: Whether pipelines are valid without a configured agent, for operations that start no run.
    func perform<Result: Sendable>(
        createsJournal: Bool = false, simulates: Bool = false,
        _ body: @Sendable (OfflineOperations) async throws -> Result
    ) async throws -> Result {
        let journal =
            try createsJournal ? JournalSetup.open(project) : options.journal(of: project, migrates: true)
        let loader = try await project.loader(startsServers: false, simulates: simulates)
        let assembly = await RunnerAssembly(loader: loader, project: project, grantedFiles: [], simulator: nil)
        let result: Swift.Result<Result, any Error>
        do {
            result = .success(
                try await withJournalErrors { try await body(await operations(journal, assembly, loader)) })
        } catch {
            result = .failure(error)
        }
        await assembly.services.shutDown()
        await journal.close()
        do {
            return try result.get()
        } catch let refusal as OfflineOperations.Refusal {
            throw ExitStatus(refusal: refusal.status).reporting(refusal.message)
        }
    }

    private func operations(
        _ journal: any Journal, _ assembly: RunnerAssembly, _ loader: PipelineLoader
    ) async -> OfflineOperations {
        let worker = Worker(
            record: JournalSetup.identity(role: "run", project.settings.journal), journal: journal,
            runner: assembly.runner, loader: loader, logger: assembly.logger,
            deaths: project.settings.runs.deaths.number)
        let runs = project.settings.runs
        let queue = RunQueue(
            worker: worker, limit: 1, maximumQueued: runs.maxQueued.number,
            maximumQueuedBytes: runs.maxQueuedBytes.bytes)
        let served = ServedFolders(project).all.map { $0 == "." ? project.directory : "\(project.directory)/\($0)" }
        let folders = (served.isEmpty ? [project.directory] : served).map { PipelineFolder(searching: $0) }
        let host = PipelineHost(
            queue: queue, loader: loader, logger: assembly.logger, folder: project.directory,
            chainLimit: runs.chain.number, dedupe: project.settings.dedupe.keep
        ) {
            var seen: Set<[UInt8]> = []
            return try folders.flatMap { try $0.contents() }.filter { seen.insert(Array($0.file.utf8)).inserted }
        }
        await host.load()
        return OfflineOperations(
            queue: queue, host: host, journal: journal, version: RunnelCommand.version, logger: assembly.logger,
            now: WallClock.nanoseconds())
    }

    /// Says where the runs are.
    static func tell(of count: Int) {
        guard count > 0 else { return }
        Streams.error.write(
            count == 1
                ? "no server is running: the run waits in the journal for the next `runnel serve`\n"
                : "no server is running: \(count) runs wait in the journal for the next `runnel serve`\n")
    }
}
