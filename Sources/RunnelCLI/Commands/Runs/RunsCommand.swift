import ArgumentParser

/// `runnel runs`
struct RunsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "runs", abstract: "List, show, watch, resume, retry and cancel runs.",
        discussion: HelpText.text(
            "Name a run by its id, an unambiguous prefix of its id, or `last`.",
            examples: [
                "runnel runs list --state failed --since 12h": "What failed tonight?",
                "runnel runs show last": "Its steps, attempts, errors and outputs.",
                "runnel runs retry last --from answer": "Again from the step answer.",
            ]),
        subcommands: [
            RunsListCommand.self, RunsShowCommand.self, RunsWatchCommand.self, RunsRetryCommand.self,
            RunsResumeCommand.self, RunsCancelCommand.self, RunsPruneCommand.self,
        ], defaultSubcommand: RunsListCommand.self)
}
