// swift-format-ignore-file
// Made from the sources by the tests of the reference; see `RUNNEL_WRITE_DOCS`.
extension ErrorCatalog {
    static let testsOfPipelines: [ErrorEntry] = [
        ErrorEntry(
            "bad-keys", part: "Tests of pipelines",
            sentences: [
                "`fault` and `error` are mutually exclusive",
                "a run that succeeds has no `error`",
                "a run that fails has no `output`",
                "`…` cannot stand beside `prompt` or `system`",
                "`…` and `input_file` are mutually exclusive",
                "\"…\" is a group of steps",
                "… takes only one of …",
            ],
            hints: [
                "see `outputs` for its steps",
                "put it below one of them",
                "`input_file` brings both, as `--input-file` does",
                "name the steps inside",
            ]),
        ErrorEntry(
            "duplicate-name", part: "Tests of pipelines",
            sentences: ["two tests are named \"…\""],
            hints: ["the other is in line …"]),
        ErrorEntry(
            "empty-file", part: "Tests of pipelines",
            sentences: ["the file is empty; it has at least `tests:`"]),
        ErrorEntry(
            "empty-value", part: "Tests of pipelines",
            sentences: ["`…`: expected …, found null"],
            hints: ["remove it, or give it a value"]),
        ErrorEntry(
            "error", part: "Tests of pipelines",
            sentences: ["The request is refused.", "the step failed"]),
        ErrorEntry(
            "file-not-found", part: "Tests of pipelines",
            sentences: [],
            hints: ["name the pipeline with `pipeline:`, relative to the test file's folder"]),
        ErrorEntry(
            "missing-key", part: "Tests of pipelines",
            sentences: [
                "a chat answer needs `text`, `json`, `error` or `fault`",
                "an error needs the key \"status\"",
                "an HTTP answer needs the key \"url\"",
                "`judge` needs the key \"prompt\"",
                "the input \"…\" is required",
                "`trigger` needs the key \"type\"",
                "a stand-in needs `output` or `error`",
                "there are no tests",
                "a test needs the key \"name\"",
            ],
            hints: [
                "write `- text: the answer`",
                "write `status: 503`",
                "write the URL that is answered, or `url: { contains: … }`",
                "write what a good answer is like",
                "add `inputs: { …: … }`",
                "write `type: manual`",
                "write `{ output: what the step comes to }`",
                "write `tests:` and below it a list, each item with `name:` and `expect:`",
                "write `name: what must hold`",
            ]),
        ErrorEntry(
            "no-canned-answer", part: "Tests of pipelines",
            sentences: []),
        ErrorEntry(
            "unknown-key", part: "Tests of pipelines",
            sentences: ["a `…` trigger brings no \"…\"", "… has no key \"…\""],
            hints: ["it brings …", "it knows …"]),
        ErrorEntry(
            "unknown-reference", part: "Tests of pipelines",
            sentences: ["the pipeline \"…\" has no trigger \"…\"", "there is no … \"…\""],
            hints: ["it is not under its `on:`"]),
        ErrorEntry(
            "wrong-type", part: "Tests of pipelines",
            sentences: [
                "`chat`: expected a list of answers, or the id of a step",
                "`…`: expected a string, found …",
                "`…`: expected a list, found …",
                "`…`: expected keys and values, found …",
                "… is written as keys and values, found …",
            ],
            hints: [
                "put a dash before the answer: - …: …",
                "put it in quotes if it is meant as text",
            ]),
        ErrorEntry(
            "wrong-value", part: "Tests of pipelines",
            sentences: [
                "`status`: … is no error",
                "the input \"…\": …",
                "`matches`: … is no regular expression",
                "`now`: expected a time such as 2026-01-02T03:04:05Z, found \"…\"",
                "\"…\" is no file of the project",
            ],
            hints: [
                "400 to 599 are",
                "write its path from the project's folder on, such as inbox/a.txt",
            ]),
    ]
}
