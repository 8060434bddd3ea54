// swift-format-ignore-file
// Made from the sources by the tests of the reference; see `RUNNEL_WRITE_DOCS`.
extension ErrorCatalog {
    static let pipelineFilesAndConfiguration: [ErrorEntry] = [
        ErrorEntry(
            "bad-id", part: "Pipeline files and configuration",
            sentences: ["\"…\" is not a valid step id"],
            hints: ["use letters, digits, \"_\" and \"-\", beginning with a letter"]),
        ErrorEntry(
            "bad-keys", part: "Pipeline files and configuration",
            sentences: [
                "`max_parallel` needs `for_each`, or `steps` and `parallel: true`",
                "`parallel` needs `steps`",
                "a group of steps has no `…`",
            ],
            hints: [
                "use `max_parallel` for items",
                "set it on the steps inside",
                "a step has either `uses` or `steps`",
            ]),
        ErrorEntry(
            "dollar-template", part: "Pipeline files and configuration",
            sentences: ["the `$` before `{{` stays in the text"],
            hints: ["write `{{ … }}`; `${{ … }}` is the form of GitHub Actions"]),
        ErrorEntry(
            "duplicate-id", part: "Pipeline files and configuration",
            sentences: ["two steps have the id \"…\""],
            hints: ["the other one is on line …"]),
        ErrorEntry(
            "empty-file", part: "Pipeline files and configuration",
            sentences: ["the file is empty; a pipeline needs `steps:`", "… is empty"]),
        ErrorEntry(
            "empty-value", part: "Pipeline files and configuration",
            sentences: ["`…`: expected …, found null", "the default of the input \"…\" is null"],
            hints: ["`required: false` allows null"]),
        ErrorEntry(
            "later-step", part: "Pipeline files and configuration",
            sentences: ["the step \"…\" runs once for each item of \"…\"", "the step \"…\" runs later"],
            hints: [
                "the list `steps.…` holds their outputs",
                "it is on line …; only steps above can be used",
            ]),
        ErrorEntry(
            "literal-secret", part: "Pipeline files and configuration",
            sentences: ["`…` is a literal in the file"],
            hints: ["use `{ env: NAME }` or `{ file: path }`, so that the file can be shared"]),
        ErrorEntry(
            "missing-default", part: "Pipeline files and configuration",
            sentences: ["the input \"…\" needs a `default`: runs started by `…` cannot set it"]),
        ErrorEntry(
            "missing-key", part: "Pipeline files and configuration",
            sentences: ["… needs the key \"…\"", "a pipeline needs the key \"steps\""],
            hints: ["write `…: …`", "add `steps:` with a list of steps"]),
        ErrorEntry(
            "no-steps", part: "Pipeline files and configuration",
            sentences: ["`steps` is empty"],
            hints: ["add at least one step"]),
        ErrorEntry(
            "secret-unavailable", part: "Pipeline files and configuration",
            sentences: ["the secret \"…\" has no value: …"],
            hints: ["see `secrets:` in runnel.yaml"]),
        ErrorEntry(
            "unknown-key", part: "Pipeline files and configuration",
            sentences: ["… has no key \"…\"", "unknown trigger \"…\""],
            hints: ["known keys: …", "valid triggers: …"]),
        ErrorEntry(
            "unknown-name", part: "Pipeline files and configuration",
            sentences: [
                "`…` is not available under `on:`",
                "`error` is only available in `on_failure` and `finally`",
                "`…` is only available in a step with `for_each`",
                "unknown name \"…\"",
            ],
            hints: ["triggers can use secrets and env"]),
        ErrorEntry(
            "unknown-reference", part: "Pipeline files and configuration",
            sentences: [
                "there is no step with the id \"…\"",
                "`…` has no key \"…\"",
                "`…` is …, which has no keys…",
                "there is no … \"…\"",
            ],
            hints: ["`…` gives …", "known: …"]),
        ErrorEntry(
            "unknown-setting", part: "Pipeline files and configuration",
            sentences: ["the environment variable … is not a setting of Runnel"]),
        ErrorEntry(
            "unknown-step", part: "Pipeline files and configuration",
            sentences: [
                "the step \"…\" is not available: the plugin \"…\" was not loaded",
                "unknown step \"…\"",
            ]),
        ErrorEntry(
            "unquoted-template", part: "Pipeline files and configuration",
            sentences: ["a key must be a text, found …"],
            hints: ["put a template in quotes: \"{{ … }}\""]),
        ErrorEntry(
            "wrong-type", part: "Pipeline files and configuration",
            sentences: [
                "… must be a mapping, found …",
                "`…`: expected a string, found …",
                "`…`: expected a list, found …",
                "`for_each`: expected a list, found …",
                "`with`: expected a mapping, found …",
                "`if`: expected an expression, found …",
                "`inputs`: expected a name for each input, found …",
                "`on`: expected a key for each trigger, found …",
                "`…`: expected a mapping, found …",
            ],
            hints: [
                "put it in quotes if it is meant as text",
                "write a list, or a template that results in one: \"{{ input }}\"",
                "write `on: { schedule: { cron: \"0 9 * * *\" } }`",
            ]),
        ErrorEntry(
            "wrong-value", part: "Pipeline files and configuration",
            sentences: ["the default of the input \"…\": …", "the environment variable …: …"]),
    ]
}
