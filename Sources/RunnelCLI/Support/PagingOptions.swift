import ArgumentParser

/// `--limit` and `--before` of commands that list numbered records, the newest first.
struct PagingOptions: ParsableArguments {
    @Option(name: [.customShort("n"), .long], help: "How many, the newest first.")
    var limit = 50
    @Option(help: ArgumentHelp("Only those before this number: the last of a page before.", valueName: "number"))
    var before: Int?

    func validate() throws {
        if limit < 1 { throw ValidationError("--limit \(limit): expected 1 or more") }
    }

    /// ``before`` as the journal has it.
    var last: Int64? { before.map { Int64($0) } }
}
