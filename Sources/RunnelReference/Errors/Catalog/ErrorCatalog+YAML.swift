// swift-format-ignore-file
// Made from the sources by the tests of the reference; see `RUNNEL_WRITE_DOCS`.
extension ErrorCatalog {
    static let yAML: [ErrorEntry] = [
        ErrorEntry(
            "bad-anchor", part: "YAML",
            sentences: ["… is not the name of …."],
            hints: ["If \"…\" is part of the text, put the text in quotes."]),
        ErrorEntry(
            "bad-block-header", part: "YAML",
            sentences: [
                "The indentation in … must be from 1 to 9.",
                "A block of text begins on the line after its \"|\" or \">\"; here is ….",
            ],
            hints: ["Put the text on the next line, indented; or put a text that begins with \"|\" or \">\" in quotes."]),
        ErrorEntry(
            "bad-directive", part: "YAML",
            sentences: [],
            hints: ["If the line is part of a text, indent it or put the text in quotes."]),
        ErrorEntry(
            "bad-escape", part: "YAML",
            sentences: ["\"…\" is not an escape.", "The escape that begins … …."],
            hints: [
                "Write \"\\\\\" for a backslash, or put the text in single quotes.",
                "Write \"\\xHH\", \"\\uHHHH\" or \"\\UHHHHHHHH\", where each H is a hexadecimal digit.",
            ]),
        ErrorEntry(
            "bad-indentation", part: "YAML",
            sentences: [
                "An item of a list (\"- \") is expected, but here is ….",
                "A key is expected, but here is ….",
            ],
            hints: [
                "Items of one list begin in the same column.",
                "Keys of one mapping begin in the same column.",
            ]),
        ErrorEntry(
            "bad-merge", part: "YAML",
            sentences: ["The merge key \"<<\" needs a mapping or a list of mappings, but this is …."],
            hints: ["Write `<<: *name`, where &name is the anchor of a mapping."]),
        ErrorEntry(
            "bad-tag", part: "YAML",
            sentences: [],
            hints: ["If \"!\" is part of the text, put the text in quotes."]),
        ErrorEntry(
            "control-character", part: "YAML",
            sentences: ["The character U+… (…) is not allowed in YAML."]),
        ErrorEntry(
            "duplicate-key", part: "YAML",
            sentences: ["The key … is used twice in one mapping."],
            hints: ["Keep one of the two, or give one another name."]),
        ErrorEntry(
            "invalid-utf16", part: "YAML",
            sentences: [],
            hints: ["Save the file as UTF-8."]),
        ErrorEntry(
            "invalid-utf8", part: "YAML",
            sentences: ["The byte 0x… is not valid UTF-8 here.", "The file is not valid UTF-8."],
            hints: ["Save the file as UTF-8."]),
        ErrorEntry(
            "missing-colon", part: "YAML",
            sentences: ["… stands where a key must, but has no \":\"."],
            hints: ["Write \"key: value\", or correct the indentation."]),
        ErrorEntry(
            "missing-value", part: "YAML",
            sentences: ["A value is expected, but here is …."]),
        ErrorEntry(
            "multiple-documents", part: "YAML",
            sentences: ["A second document begins here; a file may have only one."],
            hints: ["Put each document in a file of its own."]),
        ErrorEntry(
            "out-of-memory", part: "YAML",
            sentences: ["There is not enough memory to read the file."]),
        ErrorEntry(
            "recursive-alias", part: "YAML",
            sentences: ["The alias \"*…\" is inside the value it stands for."]),
        ErrorEntry(
            "syntax", part: "YAML",
            sentences: ["This is not valid YAML."]),
        ErrorEntry(
            "tab-indentation", part: "YAML",
            sentences: [
                "This line is indented with a tab; YAML allows only spaces.",
                "A tab follows the \"…\"; YAML allows only ",
                "spaces there.",
            ],
            hints: ["Replace the tab with spaces."]),
        ErrorEntry(
            "tag-mismatch", part: "YAML",
            sentences: ["…, though its tag \"…\" says so."],
            hints: ["Remove the tag or correct the value."]),
        ErrorEntry(
            "too-deep", part: "YAML",
            sentences: ["Lists and mappings are nested more than … levels deep here."]),
        ErrorEntry(
            "too-large", part: "YAML",
            sentences: ["The file is larger than the limit of … bytes."]),
        ErrorEntry(
            "too-many-directives", part: "YAML",
            sentences: ["There are more than … %TAG lines."]),
        ErrorEntry(
            "too-many-nodes", part: "YAML",
            sentences: ["The document has more than … values once its aliases are expanded."]),
        ErrorEntry(
            "unclosed-list", part: "YAML",
            sentences: ["A \",\" or \"]\" is expected, but here is …."]),
        ErrorEntry(
            "unclosed-mapping", part: "YAML",
            sentences: ["A \",\" or \"}\" is expected, but here is …."]),
        ErrorEntry(
            "unclosed-quote", part: "YAML",
            sentences: ["The quote that opens here is not closed."]),
        ErrorEntry(
            "unexpected-character", part: "YAML",
            sentences: ["… begins with a character that no value may begin with."],
            hints: ["Put the text in quotes."]),
        ErrorEntry(
            "unexpected-colon", part: "YAML",
            sentences: ["A \":\" cannot stand here.", "A \":\" must be followed by a space here."],
            hints: [
                "If the \":\" is part of a text, put the text in quotes; if not, check the indentation.",
                "If the \":\" is part of a text, put the text in quotes.",
            ]),
        ErrorEntry(
            "unexpected-content", part: "YAML",
            sentences: [
                "A line \"---\" must follow the directives.",
                "The document's value has ended; … cannot follow it.",
            ]),
        ErrorEntry(
            "unexpected-item", part: "YAML",
            sentences: ["An item of a list (\"- \") cannot begin here."],
            hints: ["Begin the list on a line of its own; if \"-\" is part of a text, put the text in quotes."]),
        ErrorEntry(
            "unexpected-key", part: "YAML",
            sentences: ["A key (\"? \") cannot begin here."],
            hints: ["If \"?\" is part of a text, put the text in quotes."]),
        ErrorEntry(
            "unknown-alias", part: "YAML",
            sentences: ["The alias \"*…\" refers to an anchor that does not exist."],
            hints: [
                "If \"*\" is part of the text, put the text in quotes: \"*…\".",
                "The anchors before this place: ….",
            ]),
        ErrorEntry(
            "unknown-tag", part: "YAML",
            sentences: ["The tag \"…\" is not known."],
            hints: ["Remove it, or put the text in quotes if \"!\" is part of it. The known tags are …."]),
        ErrorEntry(
            "unsupported-encoding", part: "YAML",
            sentences: ["The file is UTF-32, which cannot be read."],
            hints: ["Save the file as UTF-8."]),
    ]
}
