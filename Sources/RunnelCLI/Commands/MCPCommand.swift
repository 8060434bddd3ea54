import ArgumentParser
import MCP
import RunnelEngine
import RunnelKit

/// `runnel mcp`
struct MCPCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mcp",
        abstract: "Serve the pipelines of a folder as MCP tools on standard input and output.",
        discussion: """
            An assistant starts this command and calls the pipelines; their inputs are the tools' arguments. Each call is
            a run of the journal, and what it does is told as it comes. When the assistant goes, runs are cancelled.
            """)

    @Argument(help: "The folder.", completion: .directory) var folder = "."
    @Option(help: "Maximum number of concurrent calls.") var limit = 16
    @Flag(help: "Use an embedded simulator instead of the Marketplace.") var simulate = false
    @Option(help: "Use this configuration instead of the nearest `runnel.yaml`.", completion: .file())
    var config: String?

    func validate() throws {
        if limit < 1 { throw ValidationError("--limit \(limit): expected 1 or more") }
    }

    func run() async throws {
        var options = ProjectOptions()
        (options.directory, options.config) = (folder, config)
        let streams = StandardStreams.takingOver()
        let project = try options.project()
        ServedFolders(project).add(folder)
        let loader = try await project.loader(startsServers: true)
        let (folder, limit) = (folder, limit)
        try await withSimulator(when: simulate) { simulator in
            let journal = try JournalSetup.open(project)
            try await withJournalErrors {
                let runs = await ForegroundRuns(
                    project: project, loader: loader, journal: journal, simulator: simulator, isJSON: false)
                let server = MCPServer(
                    name: "runnel", version: RunnelCommand.version,
                    provider: PipelineTools(folder: folder, loader: loader, runs: runs), streams: streams,
                    maximumCalls: limit)
                _ = try await withInterrupt {
                    try await runs.worker.withSession { await server.run() }
                }
                await runs.assembly.services.shutDown()
            }
            await journal.close()
        }
    }
}
