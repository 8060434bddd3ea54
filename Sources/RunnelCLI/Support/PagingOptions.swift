import ArgumentParser

/// `-n` and `--before` of commands that list numbered records, the newest first.
struct PagingOptions: ParsableArguments {
    @Option(name: .shortAndLong, help: "How many, the newest first.")
    var number = 50
    @Option(help: ArgumentHelp("Only those before this number: the last of a page before.", valueName: "number"))
    var before: Int?

    func validate() throws {
        if number < 1 { throw ValidationError("-n \(number): expected 1 or more") }
    }

    /// ``before`` as the journal has it.
    var last: Int64? { before.map { Int64($0) } }
}
