// swift-format-ignore-file
// Made from the sources by the tests of the reference; see `RUNNEL_WRITE_DOCS`.
extension ErrorCatalog {
    static let templates: [ErrorEntry] = [
        ErrorEntry(
            "bad-arguments", part: "Templates",
            sentences: [
                "the filter `default` takes one argument: `default(value)`",
                "the filter `…` takes …, found …: `…`",
                "`…()` takes …, found …",
            ]),
        ErrorEntry(
            "bad-expression", part: "Templates",
            sentences: [
                "the expression is empty",
                "the expression is nested deeper than … levels",
                "unexpected `:`",
                "the expression has more than … operators",
                "unexpected `=`",
                "expected …, found …",
                "`…` is not allowed in an expression",
                "the number … does not fit 64 bits",
                "the string is not closed",
            ],
            hints: [
                "write the arguments of a filter in parentheses: `x | …(…)`",
                "write `==` to compare",
            ]),
        ErrorEntry(
            "bad-operand", part: "Templates",
            sentences: [
                "`…`: cannot compute … … …",
                "`…`: division by zero",
                "`…`: the result does not fit 64 bits",
                "`…`: … has no negative",
                "`…`: expected whole numbers, and no step of 0",
                "`…`: … and … cannot be compared",
                "`…`: … cannot be looked for in …",
                "`…` is …, and … cannot be looked up in it",
                "`…` is …; a loop needs a list or an object",
            ]),
        ErrorEntry(
            "bad-tag", part: "Templates",
            sentences: ["`{% … %}` takes no argument, found `…`"],
            hints: ["write `{% elif … %}`"]),
        ErrorEntry(
            "bad-value", part: "Templates",
            sentences: ["`…` is binary data, not text"],
            hints: ["add `| base64` to put it into a text"]),
        ErrorEntry(
            "empty-value", part: "Templates",
            sentences: ["`…` is an empty text", "`…` is null"],
            hints: [
                "add `| default(\"\")` if that is intended",
                "add `| default(\"…\")` if it may be missing",
            ]),
        ErrorEntry(
            "filter-failed", part: "Templates",
            sentences: []),
        ErrorEntry(
            "missing-value", part: "Templates",
            sentences: [
                "unknown name `…`",
                "`…` is missing: `…` …",
                "`…` has no key …",
                "`…` is missing: `…` has … item…",
                "`…` is missing: `…` is …",
            ],
            hints: ["known names: …", "add `| default(\"…\")` if it may be missing"]),
        ErrorEntry(
            "stray-tag", part: "Templates",
            sentences: ["`{% … %}` has no matching opening tag"]),
        ErrorEntry(
            "too-deep", part: "Templates",
            sentences: ["tags are nested deeper than … levels"]),
        ErrorEntry(
            "too-large", part: "Templates",
            sentences: ["the text of `…` is larger than …", "the text grows beyond …"]),
        ErrorEntry(
            "too-many-iterations", part: "Templates",
            sentences: ["`…` has more than … items", "the loops run more than … times"]),
        ErrorEntry(
            "unclosed-expression", part: "Templates",
            sentences: ["`{%` is never closed", "`{{` is never closed"],
            hints: ["close it with `…`; to write it as text, put it between `{% raw %}` and `{% endraw %}`"]),
        ErrorEntry(
            "unclosed-tag", part: "Templates",
            sentences: [
                "`{% … %}` needs `{% … %}`, …",
                "`{%` is never closed",
                "`{{` is never closed",
                "`{% raw %}` has no `{% endraw %}`",
            ],
            hints: ["close it with `…`; to write it as text, put it between `{% raw %}` and `{% endraw %}`"]),
        ErrorEntry(
            "unknown-filter", part: "Templates",
            sentences: ["unknown filter \"…\""]),
        ErrorEntry(
            "unknown-function", part: "Templates",
            sentences: ["unknown function \"…\""],
            hints: ["`…` is a filter: write `… | …`", "known functions: …"]),
        ErrorEntry(
            "unknown-tag", part: "Templates",
            sentences: ["unknown tag `{% … %}`"],
            hints: ["known tags: if, for and raw"]),
    ]
}
