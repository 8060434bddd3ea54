// swift-format-ignore-file
// Made from the sources by the tests of the reference; see `RUNNEL_WRITE_DOCS`.
extension ErrorCatalog {
    static let pipelineFilesAndConfiguration: [ErrorEntry] = [
        ErrorEntry(
            "bad-expression", part: "Pipeline files and configuration",
            sentences: ["`if` is an expression: braces stand around all of it, or nowhere"],
            hints: ["write `if: …`", "leave the braces out"]),
        ErrorEntry(
            "bad-id", part: "Pipeline files and configuration",
            sentences: ["\"…\" is not a valid step id"],
            hints: ["use letters, digits, \"_\" and \"-\", beginning with a letter"]),
        ErrorEntry(
            "bad-keys", part: "Pipeline files and configuration",
            sentences: [
                "`max_parallel` needs `for_each`, or `steps` and `parallel: true`",
                "`…` needs `until` or `while`",
                "a step has either `until` or `while`",
                "a group of steps has no `…`",
                "`parallel` needs `steps`",
            ],
            hints: [
                "set it on the step inside",
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
            sentences: ["two steps have the id \"…\"", "two `…` triggers have the id \"…\""],
            hints: ["the other one is on line …", "give each its own"]),
        ErrorEntry(
            "empty-file", part: "Pipeline files and configuration",
            sentences: ["the file is empty; a pipeline needs `steps:`", "… is empty"]),
        ErrorEntry(
            "empty-value", part: "Pipeline files and configuration",
            sentences: ["`…`: expected …, found null", "the default of the input \"…\" is null"],
            hints: ["`required: false` allows null"]),
        ErrorEntry(
            "feeds-in-a-ring", part: "Pipeline files and configuration",
            sentences: ["the step \"…\" writes \"…\": these pipelines feed each other, …; `runs.chain` ends that"],
            hints: ["let one of them write where none of them watches"]),
        ErrorEntry(
            "feeds-itself", part: "Pipeline files and configuration",
            sentences: ["the step \"…\" writes \"…\", where \"…\" itself watches; what its own runs write starts no run"],
            hints: ["write to another folder, or leave these files out with `include` or `exclude`"]),
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
            sentences: [
                "… needs the key \"…\"",
                "a pipeline needs the key \"steps\"",
                "`debounce` needs the key \"for\"",
            ],
            hints: ["write `…: …`", "add `steps:` with a list of steps", "write `for: 10s`"]),
        ErrorEntry(
            "no-steps", part: "Pipeline files and configuration",
            sentences: ["`steps` is empty"],
            hints: ["add at least one step"]),
        ErrorEntry(
            "same-files", part: "Pipeline files and configuration",
            sentences: ["files of \"…\", which \"…\" moves away or deletes"],
            hints: ["files of \"…\", which \"…\" moves away or deletes"]),
        ErrorEntry(
            "same-route", part: "Pipeline files and configuration",
            sentences: ["give one of them another `path`"],
            hints: ["give one of them another `path`"]),
        ErrorEntry(
            "secret-unavailable", part: "Pipeline files and configuration",
            sentences: ["the secret \"…\" …"],
            hints: ["see `secrets:` in runnel.yaml"]),
        ErrorEntry(
            "unknown-key", part: "Pipeline files and configuration",
            sentences: [
                "… has no key \"…\"",
                "a profile has no key \"profiles\"",
                "unknown trigger \"…\"",
            ],
            hints: ["known keys: …", "valid triggers: …"]),
        ErrorEntry(
            "unknown-name", part: "Pipeline files and configuration",
            sentences: [
                "`…` is not available under `on:`",
                "`…` is not available in `if` and `debounce` of a trigger",
                "`error` is only available in `on_failure` and `finally`",
                "`…` is only available in a step with `for_each`",
                "unknown name \"…\"",
            ],
            hints: ["triggers can use vars, secrets and env", "they can use …"]),
        ErrorEntry(
            "unknown-profile", part: "Pipeline files and configuration",
            sentences: ["there is no profile \"…\""],
            hints: ["the file has no `profiles`"]),
        ErrorEntry(
            "unknown-reference", part: "Pipeline files and configuration",
            sentences: [
                "there is no step with the id \"…\"",
                "`…` has no key \"…\"",
                "`…` is …, which has no keys…",
                "`…` is …, which has no keys",
                "`…[…]` is missing: `…` has … item…",
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
                "`for_each`: the mapping names no list",
                "`for_each.…`: expected a list, found …",
                "`with`: expected a mapping, found …",
                "`if`: expected an expression, found …",
                "`inputs`: expected a name for each input, found …",
                "`on`: expected a key for each trigger, found …",
                "`profiles.…`: expected settings, found …",
                "`…`: expected a mapping, found …",
            ],
            hints: [
                "put it in quotes if it is meant as text",
                "write a list, or a template that results in one: \"{{ input }}\"",
                "write `on: { schedule: { cron: \"0 9 * * *\" } }`",
            ]),
        ErrorEntry(
            "wrong-value", part: "Pipeline files and configuration",
            sentences: [
                "the default of the input \"…\": …",
                "`for`: expected a duration above 0, found …",
                "`max`: … is shorter than `for`",
                "`id`: expected a name for the trigger, found …",
                "the environment variable …: …",
            ],
            hints: [
                "it is the time after the first event at which the run begins at the latest",
                "write a text that does not change, such as \"inbox\"",
            ]),
    ]
}
