// swift-format-ignore-file
// Made from the sources by the tests of the reference; see `RUNNEL_WRITE_DOCS`.
extension ErrorCatalog {
    static let pipelineFilesAndConfiguration: [ErrorEntry] = [
        ErrorEntry(
            "bad-id", part: "Pipeline files and configuration",
            sentences: ["\"…\" cannot be a step's id"],
            hints: ["use letters, digits, \"_\" and \"-\", beginning with a letter"]),
        ErrorEntry(
            "bad-keys", part: "Pipeline files and configuration",
            sentences: [
                "`max_parallel` goes with `for_each`, or with `steps` and `parallel: true`",
                "`parallel` goes with `steps`",
                "a group of steps has no `…`",
            ],
            hints: [
                "see `max_parallel` for items",
                "put it on the steps inside",
                "a step has either `uses` or `steps`",
            ]),
        ErrorEntry(
            "duplicate-id", part: "Pipeline files and configuration",
            sentences: ["two steps have the id \"…\""],
            hints: ["the other one is in line …"]),
        ErrorEntry(
            "empty-file", part: "Pipeline files and configuration",
            sentences: ["the file is empty; a pipeline has at least `steps:`", "… is empty"]),
        ErrorEntry(
            "empty-value", part: "Pipeline files and configuration",
            sentences: ["`…`: expected …, found null", "the default of the input \"…\" is null"],
            hints: ["`required: false` lets it be null"]),
        ErrorEntry(
            "later-step", part: "Pipeline files and configuration",
            sentences: [
                "the step \"…\" runs once for each item of \"…\"",
                "the step \"…\" has not run yet at this point",
            ],
            hints: [
                "the list `steps.…` holds what came of them",
                "it is in line …; only steps above can be used",
            ]),
        ErrorEntry(
            "literal-secret", part: "Pipeline files and configuration",
            sentences: ["`…` is written out in the file"],
            hints: ["write `{ env: NAME }` or `{ file: path }`, so that the file can be shared"]),
        ErrorEntry(
            "missing-default", part: "Pipeline files and configuration",
            sentences: ["the input \"…\" needs a `default`: a run that `…` starts has nobody to set it"]),
        ErrorEntry(
            "missing-key", part: "Pipeline files and configuration",
            sentences: ["… needs the key \"…\"", "a pipeline needs the key \"steps\""],
            hints: ["write `…: …`", "write `steps:` and below it a list, each item with `uses:`"]),
        ErrorEntry(
            "no-steps", part: "Pipeline files and configuration",
            sentences: ["`steps` is empty"],
            hints: ["a pipeline has at least one step", "a group has at least one step"]),
        ErrorEntry(
            "secret-unavailable", part: "Pipeline files and configuration",
            sentences: ["the secret \"…\" has no value: …"],
            hints: ["see `secrets:` in runnel.yaml"]),
        ErrorEntry(
            "unknown-key", part: "Pipeline files and configuration",
            sentences: ["… has no key \"…\"", "there is no trigger \"…\""],
            hints: ["it knows …", "there are …"]),
        ErrorEntry(
            "unknown-name", part: "Pipeline files and configuration",
            sentences: [
                "`…` is not known under `on:`",
                "`error` is known in `on_failure` and `finally` only",
                "`…` is known in a step with `for_each` only",
                "nothing is named \"…\" here",
            ],
            hints: ["a trigger knows secrets and env"]),
        ErrorEntry(
            "unknown-reference", part: "Pipeline files and configuration",
            sentences: ["there is no step with the id \"…\"", "there is no … \"…\""],
            hints: ["there are …"]),
        ErrorEntry(
            "unknown-setting", part: "Pipeline files and configuration",
            sentences: ["the environment variable … is not a setting of Runnel"]),
        ErrorEntry(
            "unknown-step", part: "Pipeline files and configuration",
            sentences: [
                "the step \"…\" cannot be had: the plugin \"…\" was not loaded",
                "there is no step \"…\"",
            ],
            hints: ["`runnel steps` lists them all"]),
        ErrorEntry(
            "unquoted-template", part: "Pipeline files and configuration",
            sentences: ["a key has to be a text, found …"],
            hints: ["put a template in quotes: \"{{ … }}\""]),
        ErrorEntry(
            "wrong-type", part: "Pipeline files and configuration",
            sentences: [
                "… is written as keys and values, found …",
                "`…`: expected a string, found …",
                "`…`: expected a list, found …",
                "`for_each`: expected a list, found …",
                "`with`: expected keys and values, found …",
                "`if`: expected an expression, found …",
                "`inputs`: expected a name for each input, found …",
                "`on`: expected a key for each trigger, found …",
                "`…`: expected keys and values, found …",
            ],
            hints: [
                "put it in quotes if it is meant as text",
                "write a list, or a template that is one: \"{{ input }}\"",
                "write `on: { schedule: { cron: \"0 9 * * *\" } }`",
            ]),
        ErrorEntry(
            "wrong-value", part: "Pipeline files and configuration",
            sentences: ["the default of the input \"…\": …", "the environment variable …: …"]),
    ]
}
