import ArgumentParser

/// `runnel runs`
struct RunsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "runs", abstract: "List, show, watch, resume, retry and cancel runs.",
        discussion: "Name a run by its id, an unambiguous prefix of its id, or `last`.",
        subcommands: [
            RunsListCommand.self, RunsShowCommand.self, RunsWatchCommand.self, RunsRetryCommand.self,
            RunsResumeCommand.self, RunsCancelCommand.self, RunsPruneCommand.self,
        ], defaultSubcommand: RunsListCommand.self)
}
