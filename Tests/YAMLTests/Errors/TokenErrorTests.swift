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
                p.yaml:1:4: error: "@b" begins with a character that no value may begin with. (libyaml: while scanning for the next token: found character that cannot start any token) [unexpected-character]
                   1 | a: @b
                     |    ^
                hint: Put the text in quotes.
                """#),
        ErrorExample(
            "a: `b`\n",
            shows: #"""
                p.yaml:1:4: error: "`b`" begins with a character that no value may begin with. (libyaml: while scanning for the next token: found character that cannot start any token) [unexpected-character]
                   1 | a: `b`
                     |    ^
                hint: Put the text in quotes.
                """#),
        ErrorExample(
            "a: %b\n",
            shows: #"""
                p.yaml:1:4: error: "%b" begins with a character that no value may begin with. (libyaml: while scanning for the next token: found character that cannot start any token) [unexpected-character]
                   1 | a: %b
                     |    ^
                hint: Put the text in quotes.
                """#),
        ErrorExample(
            "include: [*.md]\n",
            shows: #"""
                p.yaml:1:11: error: "*.md]" is not the name of an alias. (libyaml: while scanning an alias: did not find expected alphabetic or numeric character) [bad-anchor]
                   1 | include: [*.md]
                     |           ^
                hint: If "*" is part of the text, put the text in quotes.
                """#),
        ErrorExample(
            "a: &\n",
            shows: #"""
                p.yaml:1:4: error: "&" is not the name of an anchor. (libyaml: while scanning an anchor: did not find expected alphabetic or numeric character) [bad-anchor]
                   1 | a: &
                     |    ^
                hint: If "&" is part of the text, put the text in quotes.
                """#),
        ErrorExample(
            "a: \"b\\qc\"\n",
            shows: #"""
                p.yaml:1:6: error: "\q" is not an escape. (libyaml: while parsing a quoted scalar: found unknown escape character) [bad-escape]
                   1 | a: "b\qc"
                     |      ^~
                hint: Write "\\" for a backslash, or put the text in single quotes.
                """#),
        ErrorExample(
            "a: \"\\xZZ\"\n",
            shows: #"""
                p.yaml:1:5: error: The escape that begins "\xZZ"" lacks hexadecimal digits. (libyaml: while parsing a quoted scalar: did not find expected hexdecimal number) [bad-escape]
                   1 | a: "\xZZ"
                     |     ^~
                hint: Write "\xHH", "\uHHHH" or "\UHHHHHHHH", where each H is a hexadecimal digit.
                """#),
        ErrorExample(
            "a: \"\\uD800\"\n",
            shows: #"""
                p.yaml:1:5: error: The escape that begins "\uD800"" stands for no Unicode character. (libyaml: while parsing a quoted scalar: found invalid Unicode character escape code) [bad-escape]
                   1 | a: "\uD800"
                     |     ^~
                hint: Write "\xHH", "\uHHHH" or "\UHHHHHHHH", where each H is a hexadecimal digit.
                """#),
        ErrorExample(
            "a: \"b\n",
            shows: #"""
                p.yaml:1:4: error: The quote that opens here is not closed. (libyaml: while scanning a quoted scalar: found unexpected end of stream) [unclosed-quote]
                   1 | a: "b
                     |    ^
                """#),
        ErrorExample(
            "a: 'b\n--- x'\n",
            shows: #"""
                p.yaml:1:4: error: The quote that opens here is not closed. (libyaml: while scanning a quoted scalar: found unexpected document indicator) [unclosed-quote]
                   1 | a: 'b
                     |    ^
                """#),
        ErrorExample(
            "a: |0\n  b\n",
            shows: #"""
                p.yaml:1:4: error: The indentation in "|0" must be from 1 to 9. (libyaml: while scanning a block scalar: found an indentation indicator equal to 0) [bad-block-header]
                   1 | a: |0
                     |    ^~
                """#),
        ErrorExample(
            "a: | text\n",
            shows: #"""
                p.yaml:1:6: error: A block of text begins on the line after its "|" or ">"; here is "text". (libyaml: while scanning a block scalar: did not find expected comment or line break) [bad-block-header]
                   1 | a: | text
                     |      ^~~~
                hint: Put the text on the next line, indented; or put a text that begins with "|" or ">" in quotes.
                """#),
        ErrorExample(
            "a: !e!x y\n",
            shows: #"""
                p.yaml:1:4: error: The tag "!e!x" begins with a handle that no %TAG line declares. (libyaml: while parsing a node: found undefined tag handle) [bad-tag]
                   1 | a: !e!x y
                     |    ^
                hint: If "!" is part of the text, put the text in quotes.
                """#),
        ErrorExample(
            "a: !<x y\n",
            shows: #"""
                p.yaml:1:4: error: The tag "!<x" cannot be read. (libyaml: while scanning a tag: did not find the expected '>') [bad-tag]
                   1 | a: !<x y
                     |    ^
                hint: If "!" is part of the text, put the text in quotes.
                """#),
        ErrorExample(
            "%YAML 1.1\n%YAML 1.1\n---\n",
            shows: #"""
                p.yaml:2:1: error: The directive "%YAML 1.1" is there twice. (libyaml: found duplicate %YAML directive) [bad-directive]
                   2 | %YAML 1.1
                     | ^~~~~~~~~
                hint: If the line is part of a text, indent it or put the text in quotes.
                """#),
        ErrorExample(
            "%YAML 2.0\n--- a\n",
            shows: #"""
                p.yaml:1:1: error: "%YAML 2.0" is no version that can be read. (libyaml: found incompatible YAML document) [bad-directive]
                   1 | %YAML 2.0
                     | ^~~~~~~~~
                hint: If the line is part of a text, indent it or put the text in quotes.
                """#),
        ErrorExample(
            "%FOO\n--- a\n",
            shows: #"""
                p.yaml:1:1: error: The directive "%FOO" cannot be read. (libyaml: while scanning a directive: found unknown directive name) [bad-directive]
                   1 | %FOO
                     | ^~~~
                hint: If the line is part of a text, indent it or put the text in quotes.
                """#),
        ErrorExample(
            "%TAG ! a\n%TAG ! b\n--- a\n",
            shows: #"""
                p.yaml:2:1: error: The directive "%TAG ! b" is there twice. (libyaml: found duplicate %TAG directive) [bad-directive]
                   2 | %TAG ! b
                     | ^~~~~~~~
                hint: If the line is part of a text, indent it or put the text in quotes.
                """#),
    ]
}
