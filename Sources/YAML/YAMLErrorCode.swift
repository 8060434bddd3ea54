package import RunnelValue

/// The codes of errors in the text of a YAML document.
package enum YAMLErrorCode: String, ErrorCode {
    case badAnchor = "bad-anchor"
    case badBlockHeader = "bad-block-header"
    case badDirective = "bad-directive"
    case badEscape = "bad-escape"
    case badIndentation = "bad-indentation"
    case badMerge = "bad-merge"
    case badTag = "bad-tag"
    case controlCharacter = "control-character"
    case duplicateKey = "duplicate-key"
    case invalidUTF16 = "invalid-utf16"
    case invalidUTF8 = "invalid-utf8"
    case missingColon = "missing-colon"
    case missingValue = "missing-value"
    case multipleDocuments = "multiple-documents"
    case numberTooLarge = "number-too-large"
    case outOfMemory = "out-of-memory"
    case recursiveAlias = "recursive-alias"
    case syntax
    case tabIndentation = "tab-indentation"
    case tagMismatch = "tag-mismatch"
    case tooDeep = "too-deep"
    case tooLarge = "too-large"
    case tooManyDirectives = "too-many-directives"
    case tooManyNodes = "too-many-nodes"
    case unclosedList = "unclosed-list"
    case unclosedMapping = "unclosed-mapping"
    case unclosedQuote = "unclosed-quote"
    case unexpectedCharacter = "unexpected-character"
    case unexpectedColon = "unexpected-colon"
    case unexpectedContent = "unexpected-content"
    case unexpectedItem = "unexpected-item"
    case unexpectedKey = "unexpected-key"
    case unknownAlias = "unknown-alias"
    case unknownTag = "unknown-tag"
    case unsupportedEncoding = "unsupported-encoding"

    package static let part = "YAML"

    /// What it means, and what to do.
    package var explanation: ErrorExplanation {
        switch self {
        case .badAnchor:
            ErrorExplanation(
                "… is not a valid name for …", hints: "if \"…\" is part of the text, put the text in quotes")
        case .badBlockHeader:
            ErrorExplanation(
                "the indentation in … must be from 1 to 9",
                "a block scalar begins on the line after its \"|\" or \">\", found …",
                hints: """
                    put the text on the next line, indented; or put a text that begins with "|" or ">" in \
                    quotes
                    """)
        case .badDirective:
            ErrorExplanation(
                "this is not a valid directive",
                hints: "if the line is part of a text, indent it or put the text in quotes")
        case .badEscape:
            ErrorExplanation(
                "\"…\" is not an escape sequence", "the escape sequence … …",
                hints: "write \"\\\\\" for a backslash, or put the text in single quotes",
                "write \"\\xHH\", \"\\uHHHH\" or \"\\UHHHHHHHH\", where each H is a hexadecimal digit",
                "write \"…\", or the character itself")
        case .badIndentation:
            ErrorExplanation(
                "expected a list item (\"- \"), found …", "expected a key, found …",
                hints: "all items of a list must begin in the same column",
                "all keys of a mapping must begin in the same column")
        case .badMerge:
            ErrorExplanation(
                "the merge key \"<<\" needs a mapping or a list of mappings, but this is …",
                hints: "write `<<: *name`, where &name is the anchor of a mapping")
        case .badTag:
            ErrorExplanation("this is not a valid tag", hints: "if \"!\" is part of the text, put the text in quotes")
        case .controlCharacter:
            ErrorExplanation(
                "the character U+… (…) is not allowed in YAML",
                "the character U+… (…) is not allowed: YAML 1.1 reads it as a line break, YAML 1.2 and editors do not",
                hints: "remove it, or write it as \"…\" in double quotes")
        case .duplicateKey:
            ErrorExplanation("the key … appears twice in one mapping", hints: "remove one of the two, or rename it")
        case .invalidUTF16: ErrorExplanation("the file is not valid UTF-16", hints: "save the file as UTF-8")
        case .invalidUTF8:
            ErrorExplanation(
                "the byte 0x… is not valid UTF-8 here", "the file is not valid UTF-8", hints: "save the file as UTF-8")
        case .missingColon:
            ErrorExplanation(
                "expected a key here, but … has no \":\"", hints: "write \"key: value\", or correct the indentation")
        case .missingValue: ErrorExplanation("expected a value, found …")
        case .multipleDocuments:
            ErrorExplanation(
                "a second document begins here; a file can hold only one",
                hints: "put each document in a file of its own")
        case .numberTooLarge:
            ErrorExplanation("the number \"…\" is too large", hints: "put it in quotes if it is meant as text")
        case .outOfMemory: ErrorExplanation("there is not enough memory to read the file")
        case .recursiveAlias: ErrorExplanation("the alias \"*…\" is inside the value it stands for")
        case .syntax: ErrorExplanation("this is not valid YAML")
        case .tabIndentation:
            ErrorExplanation(
                "this line is indented with a tab; YAML allows only spaces",
                "a tab follows the \"…\"; YAML allows only ", "spaces there", hints: "replace the tab with spaces")
        case .tagMismatch: ErrorExplanation("…, but has the tag \"…\"", hints: "remove the tag or correct the value")
        case .tooDeep: ErrorExplanation("lists and mappings are nested more than … levels deep here")
        case .tooLarge: ErrorExplanation("the file is larger than the limit of …")
        case .tooManyDirectives: ErrorExplanation("there are more than … %TAG lines")
        case .tooManyNodes: ErrorExplanation("the document has more than … values once its aliases are expanded")
        case .unclosedList: ErrorExplanation("expected \",\" or \"]\", found …")
        case .unclosedMapping: ErrorExplanation("expected \",\" or \"}\", found …")
        case .unclosedQuote: ErrorExplanation("the quote that opens here is not closed")
        case .unexpectedCharacter:
            ErrorExplanation("… begins with a character that no value may begin with", hints: "put the text in quotes")
        case .unexpectedColon:
            ErrorExplanation(
                "a \":\" is not allowed here", "a \":\" must be followed by a space here",
                hints: """
                    if the ":" is part of a text, put the text in quotes; if not, check the indentation
                    """, "if the \":\" is part of a text, put the text in quotes")
        case .unexpectedContent:
            ErrorExplanation(
                "a line \"---\" must follow the directives", "the document's value has ended; … cannot follow it")
        case .unexpectedItem:
            ErrorExplanation(
                "a list item (\"- \") is not allowed here",
                hints: """
                    begin the list on a line of its own; if "-" is part of a text, put the text in quotes
                    """)
        case .unexpectedKey:
            ErrorExplanation(
                "a key (\"? \") is not allowed here", hints: "if \"?\" is part of a text, put the text in quotes")
        case .unknownAlias:
            ErrorExplanation(
                "the alias \"*…\" refers to an anchor that does not exist",
                hints: "if \"*\" is part of the text, put the text in quotes: \"*…\"",
                "the anchors before this place: …")
        case .unknownTag:
            ErrorExplanation(
                "the tag \"…\" is unknown",
                hints: "remove it, or put the text in quotes if \"!\" is part of it; known tags: …")
        case .unsupportedEncoding:
            ErrorExplanation("the file is UTF-32, which is not supported", hints: "save the file as UTF-8")
        }
    }
}
