import ArgumentParser

/// `runnel runs`
struct RunsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "runs", abstract: "Look at runs, and resume, repeat or cancel them.",
        discussion: "A run is named by its id, by the beginning of its id, or by `last`.",
        subcommands: [
            RunsListCommand.self, RunsShowCommand.self, RunsWatchCommand.self, RunsRetryCommand.self,
            RunsResumeCommand.self, RunsCancelCommand.self, RunsPruneCommand.self,
        ], defaultSubcommand: RunsListCommand.self)
}
