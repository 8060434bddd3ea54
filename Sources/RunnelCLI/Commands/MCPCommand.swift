import ArgumentParser
import MCP
import RunnelEngine
import RunnelKit

/// `runnel mcp`
struct MCPCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mcp",
        abstract: "Serve the pipelines of a folder as MCP tools on standard input and output.",
        discussion: HelpText.text(
            """
            An assistant starts this command and calls the pipelines; their inputs are the tools' arguments. Each \
            call is a run of the journal, and its progress is reported. When the assistant disconnects, its runs \
            are cancelled.
            """,
            examples: [
                "runnel mcp /srv/automation/pipelines": "The command for the settings of an assistant."
            ]))

    @Argument(
        help: "The folder; default is `pipelines` of the project, or the project's folder.", completion: .directory)
    var path: String?
    @Option(parsing: .unconditional, help: "Maximum number of concurrent calls.") var limit = 16
    @Flag(help: "Use an embedded simulator instead of the Marketplace.") var simulate = false
    @OptionGroup var options: ProjectOptions

    func validate() throws {
        if limit < 1 { throw ValidationError("--limit \(limit): expected 1 or more") }
    }

    func run() async throws {
        let folder = path ?? PipelineFolder.usual(in: self.options.directory ?? ".")
        let files = path.map { PipelineFolder($0) } ?? PipelineFolder(searching: folder)
        let options = self.options.near(folder)
        let streams = StandardStreams.takingOver()
        let project = try options.project(runsCommands: true)
        ServedFolders(project).add(folder)
        let loader = try await project.loader(startsServers: true, simulates: simulate)
        let limit = limit
        try await withSimulator(when: simulate) { simulator in
            let journal = try JournalSetup.open(project)
            try await withJournalErrors {
                let runs = await ForegroundRuns(
                    project: project, loader: loader, journal: journal, simulator: simulator, isJSON: false)
                let server = MCPServer(
                    name: "runnel", version: RunnelCommand.version,
                    provider: PipelineTools(folder: files, loader: loader, runs: runs), streams: streams,
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
