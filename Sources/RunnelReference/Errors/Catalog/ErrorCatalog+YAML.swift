// swift-format-ignore-file
// Made from the sources by the tests of the reference; see `RUNNEL_WRITE_DOCS`.
extension ErrorCatalog {
    static let yAML: [ErrorEntry] = [
        ErrorEntry(
            "bad-anchor", part: "YAML",
            sentences: ["… is not a valid name for …"],
            hints: ["if \"…\" is part of the text, put the text in quotes"]),
        ErrorEntry(
            "bad-block-header", part: "YAML",
            sentences: [
                "the indentation in … must be from 1 to 9",
                "a block scalar begins on the line after its \"|\" or \">\", found …",
            ],
            hints: ["put the text on the next line, indented; or put a text that begins with \"|\" or \">\" in quotes"]),
        ErrorEntry(
            "bad-directive", part: "YAML",
            sentences: [],
            hints: ["if the line is part of a text, indent it or put the text in quotes"]),
        ErrorEntry(
            "bad-escape", part: "YAML",
            sentences: ["\"…\" is not an escape sequence", "the escape sequence … …"],
            hints: [
                "write \"\\\\\" for a backslash, or put the text in single quotes",
                "write \"\\xHH\", \"\\uHHHH\" or \"\\UHHHHHHHH\", where each H is a hexadecimal digit",
            ]),
        ErrorEntry(
            "bad-indentation", part: "YAML",
            sentences: ["expected a list item (\"- \"), found …", "expected a key, found …"],
            hints: [
                "all items of a list must begin in the same column",
                "all keys of a mapping must begin in the same column",
            ]),
        ErrorEntry(
            "bad-merge", part: "YAML",
            sentences: ["the merge key \"<<\" needs a mapping or a list of mappings, but this is …"],
            hints: ["write `<<: *name`, where &name is the anchor of a mapping"]),
        ErrorEntry(
            "bad-tag", part: "YAML",
            sentences: [],
            hints: ["if \"!\" is part of the text, put the text in quotes"]),
        ErrorEntry(
            "control-character", part: "YAML",
            sentences: ["the character U+… (…) is not allowed in YAML"]),
        ErrorEntry(
            "duplicate-key", part: "YAML",
            sentences: ["the key … appears twice in one mapping"],
            hints: ["remove one of the two, or rename it"]),
        ErrorEntry(
            "invalid-utf16", part: "YAML",
            sentences: [],
            hints: ["save the file as UTF-8"]),
        ErrorEntry(
            "invalid-utf8", part: "YAML",
            sentences: ["the byte 0x… is not valid UTF-8 here", "the file is not valid UTF-8"],
            hints: ["save the file as UTF-8"]),
        ErrorEntry(
            "missing-colon", part: "YAML",
            sentences: ["expected a key here, but … has no \":\""],
            hints: ["write \"key: value\", or correct the indentation"]),
        ErrorEntry(
            "missing-value", part: "YAML",
            sentences: ["expected a value, found …"]),
        ErrorEntry(
            "multiple-documents", part: "YAML",
            sentences: ["a second document begins here; a file can hold only one"],
            hints: ["put each document in a file of its own"]),
        ErrorEntry(
            "out-of-memory", part: "YAML",
            sentences: ["there is not enough memory to read the file"]),
        ErrorEntry(
            "recursive-alias", part: "YAML",
            sentences: ["the alias \"*…\" is inside the value it stands for"]),
        ErrorEntry(
            "syntax", part: "YAML",
            sentences: ["this is not valid YAML"]),
        ErrorEntry(
            "tab-indentation", part: "YAML",
            sentences: [
                "this line is indented with a tab; YAML allows only spaces",
                "a tab follows the \"…\"; YAML allows only ",
                "spaces there",
            ],
            hints: ["replace the tab with spaces"]),
        ErrorEntry(
            "tag-mismatch", part: "YAML",
            sentences: ["…, but has the tag \"…\""],
            hints: ["remove the tag or correct the value"]),
        ErrorEntry(
            "too-deep", part: "YAML",
            sentences: ["lists and mappings are nested more than … levels deep here"]),
        ErrorEntry(
            "too-large", part: "YAML",
            sentences: ["the file is larger than the limit of … bytes"]),
        ErrorEntry(
            "too-many-directives", part: "YAML",
            sentences: ["there are more than … %TAG lines"]),
        ErrorEntry(
            "too-many-nodes", part: "YAML",
            sentences: ["the document has more than … values once its aliases are expanded"]),
        ErrorEntry(
            "unclosed-list", part: "YAML",
            sentences: ["expected \",\" or \"]\", found …"]),
        ErrorEntry(
            "unclosed-mapping", part: "YAML",
            sentences: ["expected \",\" or \"}\", found …"]),
        ErrorEntry(
            "unclosed-quote", part: "YAML",
            sentences: ["the quote that opens here is not closed"]),
        ErrorEntry(
            "unexpected-character", part: "YAML",
            sentences: ["… begins with a character that no value may begin with"],
            hints: ["put the text in quotes"]),
        ErrorEntry(
            "unexpected-colon", part: "YAML",
            sentences: ["a \":\" is not allowed here", "a \":\" must be followed by a space here"],
            hints: [
                "if the \":\" is part of a text, put the text in quotes; if not, check the indentation",
                "if the \":\" is part of a text, put the text in quotes",
            ]),
        ErrorEntry(
            "unexpected-content", part: "YAML",
            sentences: [
                "a line \"---\" must follow the directives",
                "the document's value has ended; … cannot follow it",
            ]),
        ErrorEntry(
            "unexpected-item", part: "YAML",
            sentences: ["a list item (\"- \") is not allowed here"],
            hints: ["begin the list on a line of its own; if \"-\" is part of a text, put the text in quotes"]),
        ErrorEntry(
            "unexpected-key", part: "YAML",
            sentences: ["a key (\"? \") is not allowed here"],
            hints: ["if \"?\" is part of a text, put the text in quotes"]),
        ErrorEntry(
            "unknown-alias", part: "YAML",
            sentences: ["the alias \"*…\" refers to an anchor that does not exist"],
            hints: [
                "if \"*\" is part of the text, put the text in quotes: \"*…\"",
                "the anchors before this place: …",
            ]),
        ErrorEntry(
            "unknown-tag", part: "YAML",
            sentences: ["the tag \"…\" is unknown"],
            hints: ["remove it, or put the text in quotes if \"!\" is part of it; known tags: …"]),
        ErrorEntry(
            "unsupported-encoding", part: "YAML",
            sentences: ["the file is UTF-32, which is not supported"],
            hints: ["save the file as UTF-8"]),
    ]
}
