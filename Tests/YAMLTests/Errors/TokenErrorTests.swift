import Testing
import YAML

@Suite("Errors of quotes, escapes, tags, directives and characters")
struct TokenErrorTests {
    @Test("each is shown in these words, with libyaml's after them", arguments: examples)
    func words(_ example: ErrorExample) throws {
        #expect(try failure(example.text).description == example.shows)
    }

    private static let examples = [
        ErrorExample(
            "a: @b\n",
            shows: #"""
                p.yaml:1:4: error: "@b" begins with a character that no value may begin with (libyaml: while scanning for the next token: found character that cannot start any token) [unexpected-character]
                   1 | a: @b
                     |    ^
                hint: put the text in quotes
                """#),
        ErrorExample(
            "a: `b`\n",
            shows: #"""
                p.yaml:1:4: error: "`b`" begins with a character that no value may begin with (libyaml: while scanning for the next token: found character that cannot start any token) [unexpected-character]
                   1 | a: `b`
                     |    ^
                hint: put the text in quotes
                """#),
        ErrorExample(
            "a: %b\n",
            shows: #"""
                p.yaml:1:4: error: "%b" begins with a character that no value may begin with (libyaml: while scanning for the next token: found character that cannot start any token) [unexpected-character]
                   1 | a: %b
                     |    ^
                hint: put the text in quotes
                """#),
        ErrorExample(
            "include: [*.md]\n",
            shows: #"""
                p.yaml:1:11: error: "*.md]" is not a valid name for an alias (libyaml: while scanning an alias: did not find expected alphabetic or numeric character) [bad-anchor]
                   1 | include: [*.md]
                     |           ^
                hint: if "*" is part of the text, put the text in quotes
                """#),
        ErrorExample(
            "a: &\n",
            shows: #"""
                p.yaml:1:4: error: "&" is not a valid name for an anchor (libyaml: while scanning an anchor: did not find expected alphabetic or numeric character) [bad-anchor]
                   1 | a: &
                     |    ^
                hint: if "&" is part of the text, put the text in quotes
                """#),
        ErrorExample(
            "a: \"b\\qc\"\n",
            shows: #"""
                p.yaml:1:6: error: "\q" is not an escape sequence (libyaml: while parsing a quoted scalar: found unknown escape character) [bad-escape]
                   1 | a: "b\qc"
                     |      ^~
                hint: write "\\" for a backslash, or put the text in single quotes
                """#),
        ErrorExample(
            "a: \"\\xZZ\"\n",
            shows: #"""
                p.yaml:1:5: error: the escape sequence "\xZZ"" lacks hexadecimal digits (libyaml: while parsing a quoted scalar: did not find expected hexdecimal number) [bad-escape]
                   1 | a: "\xZZ"
                     |     ^~
                hint: write "\xHH", "\uHHHH" or "\UHHHHHHHH", where each H is a hexadecimal digit
                """#),
        ErrorExample(
            "a: \"\\uD800\"\n",
            shows: #"""
                p.yaml:1:5: error: the escape sequence "\uD800"" is not a Unicode character (libyaml: while parsing a quoted scalar: found invalid Unicode character escape code) [bad-escape]
                   1 | a: "\uD800"
                     |     ^~
                hint: write "\xHH", "\uHHHH" or "\UHHHHHHHH", where each H is a hexadecimal digit
                """#),
        ErrorExample(
            "a: \"\\ud83d\\ude00\"\n",
            shows: #"""
                p.yaml:1:5: error: the escape sequence "\ud83d\ude00" is a surrogate pair, which YAML does not have (libyaml: while parsing a quoted scalar: found invalid Unicode character escape code) [bad-escape]
                   1 | a: "\ud83d\ude00"
                     |     ^~~~~~~~~~~~
                hint: write "\U0001F600", or the character itself
                """#),
        ErrorExample(
            "a: \"b\n",
            shows: #"""
                p.yaml:1:4: error: the quote that opens here is not closed (libyaml: while scanning a quoted scalar: found unexpected end of stream) [unclosed-quote]
                   1 | a: "b
                     |    ^
                """#),
        ErrorExample(
            "a: 'b\n--- x'\n",
            shows: #"""
                p.yaml:1:4: error: the quote that opens here is not closed (libyaml: while scanning a quoted scalar: found unexpected document indicator) [unclosed-quote]
                   1 | a: 'b
                     |    ^
                """#),
        ErrorExample(
            "a: |0\n  b\n",
            shows: #"""
                p.yaml:1:4: error: the indentation in "|0" must be from 1 to 9 (libyaml: while scanning a block scalar: found an indentation indicator equal to 0) [bad-block-header]
                   1 | a: |0
                     |    ^~
                """#),
        ErrorExample(
            "a: | text\n",
            shows: #"""
                p.yaml:1:6: error: a block scalar begins on the line after its "|" or ">", found "text" (libyaml: while scanning a block scalar: did not find expected comment or line break) [bad-block-header]
                   1 | a: | text
                     |      ^~~~
                hint: put the text on the next line, indented; or put a text that begins with "|" or ">" in quotes
                """#),
        ErrorExample(
            "a: !e!x y\n",
            shows: #"""
                p.yaml:1:4: error: the tag "!e!x" uses a handle that no %TAG line declares (libyaml: while parsing a node: found undefined tag handle) [bad-tag]
                   1 | a: !e!x y
                     |    ^
                hint: if "!" is part of the text, put the text in quotes
                """#),
        ErrorExample(
            "a: !<x y\n",
            shows: #"""
                p.yaml:1:4: error: the tag "!<x" is invalid (libyaml: while scanning a tag: did not find the expected '>') [bad-tag]
                   1 | a: !<x y
                     |    ^
                hint: if "!" is part of the text, put the text in quotes
                """#),
        ErrorExample(
            "%YAML 1.1\n%YAML 1.1\n---\n",
            shows: #"""
                p.yaml:2:1: error: the directive "%YAML 1.1" appears twice (libyaml: found duplicate %YAML directive) [bad-directive]
                   2 | %YAML 1.1
                     | ^~~~~~~~~
                hint: if the line is part of a text, indent it or put the text in quotes
                """#),
        ErrorExample(
            "%YAML 2.0\n--- a\n",
            shows: #"""
                p.yaml:1:1: error: "%YAML 2.0" is not a supported YAML version (libyaml: found incompatible YAML document) [bad-directive]
                   1 | %YAML 2.0
                     | ^~~~~~~~~
                hint: if the line is part of a text, indent it or put the text in quotes
                """#),
        ErrorExample(
            "%FOO\n--- a\n",
            shows: #"""
                p.yaml:1:1: error: the directive "%FOO" is invalid (libyaml: while scanning a directive: found unknown directive name) [bad-directive]
                   1 | %FOO
                     | ^~~~
                hint: if the line is part of a text, indent it or put the text in quotes
                """#),
        ErrorExample(
            "%TAG ! a\n%TAG ! b\n--- a\n",
            shows: #"""
                p.yaml:2:1: error: the directive "%TAG ! b" appears twice (libyaml: found duplicate %TAG directive) [bad-directive]
                   2 | %TAG ! b
                     | ^~~~~~~~
                hint: if the line is part of a text, indent it or put the text in quotes
                """#),
    ]
}
