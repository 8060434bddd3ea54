import Testing
import YAML

@Suite("Errors by Runnel's own rules")
struct RuleErrorTests {
    @Test("each is shown in these words", arguments: examples)
    func words(_ example: ErrorExample) throws {
        #expect(try failure(example.text).description == example.shows)
    }

    private static let examples = [
        ErrorExample(
            "on: push\nsteps: []\non: pull\n",
            shows: #"""
                p.yaml:3:1: error: the key "on" appears twice in one mapping [duplicate-key]
                   3 | on: pull
                     | ^~
                p.yaml:1:1: note: the first use is here
                   1 | on: push
                     | ^~
                hint: remove one of the two, or rename it
                """#),
        ErrorExample(
            "{a: 1, 'a': 2}",
            shows: #"""
                p.yaml:1:8: error: the key "a" appears twice in one mapping [duplicate-key]
                   1 | {a: 1, 'a': 2}
                     |        ^~~
                p.yaml:1:2: note: the first use is here
                   1 | {a: 1, 'a': 2}
                     |  ^
                hint: remove one of the two, or rename it
                """#),
        ErrorExample(
            "0x10: a\n16: b\n",
            shows: #"""
                p.yaml:2:1: error: the key "16" appears twice in one mapping [duplicate-key]
                   2 | 16: b
                     | ^~
                p.yaml:1:1: note: the first use is here
                   1 | 0x10: a
                     | ^~~~
                hint: remove one of the two, or rename it
                """#),
        ErrorExample(
            "? [a, {b: c}]\n: 1\n? [a, {b: c}]\n: 2\n",
            shows: #"""
                p.yaml:3:3: error: the key (a list) appears twice in one mapping [duplicate-key]
                   3 | ? [a, {b: c}]
                     |   ^~~~~~~~~~~
                p.yaml:1:3: note: the first use is here
                   1 | ? [a, {b: c}]
                     |   ^~~~~~~~~~~
                hint: remove one of the two, or rename it
                """#),
        ErrorExample(
            "a: 1e308\n9e999: [.inf, -.INF, '1e400']\nb: -12e4567\n",
            shows: #"""
                p.yaml:3:4: error: the number "-12e4567" is too large [number-too-large]
                   3 | b: -12e4567
                     |    ^~~~~~~~
                hint: put it in quotes if it is meant as text
                """#),
        ErrorExample(
            "a: !mine [1]\n",
            shows: #"""
                p.yaml:1:4: error: the tag "!mine" is unknown [unknown-tag]
                   1 | a: !mine [1]
                     |    ^~~~~
                hint: remove it, or put the text in quotes if "!" is part of it; known tags: !!str !!int !!float !!bool !!null !!seq !!map
                """#),
        ErrorExample(
            "a: !!binary aGk=\n",
            shows: #"""
                p.yaml:1:4: error: the tag "!!binary" is unknown [unknown-tag]
                   1 | a: !!binary aGk=
                     |    ^~~~~~~~
                hint: remove it, or put the text in quotes if "!" is part of it; known tags: !!str !!int !!float !!bool !!null !!seq !!map
                """#),
        ErrorExample(
            "%TAG !e! tag:e.org,2000:\n--- !e!x y\n",
            shows: #"""
                p.yaml:2:5: error: the tag "!<tag:e.org,2000:x>" is unknown [unknown-tag]
                   2 | --- !e!x y
                     |     ^~~~
                hint: remove it, or put the text in quotes if "!" is part of it; known tags: !!str !!int !!float !!bool !!null !!seq !!map
                """#),
        ErrorExample(
            "n: !!int twelve\n",
            shows: #"""
                p.yaml:1:4: error: "twelve" is not a whole number, but has the tag "!!int" [tag-mismatch]
                   1 | n: !!int twelve
                     |    ^~~~~
                hint: remove the tag or correct the value
                """#),
        ErrorExample(
            "n: !!map [1]\n",
            shows: #"""
                p.yaml:1:4: error: a list is not a mapping, but has the tag "!!map" [tag-mismatch]
                   1 | n: !!map [1]
                     |    ^~~~~
                hint: remove the tag or correct the value
                """#),
        ErrorExample(
            "a: 1\n---\nb: 2\n",
            shows: #"""
                p.yaml:2:1: error: a second document begins here; a file can hold only one [multiple-documents]
                   2 | ---
                     | ^~~
                p.yaml:1:1: note: the first document begins here
                   1 | a: 1
                     | ^
                hint: put each document in a file of its own
                """#),
        ErrorExample(
            "a: *b\n",
            shows: #"""
                p.yaml:1:4: error: the alias "*b" refers to an anchor that does not exist [unknown-alias]
                   1 | a: *b
                     |    ^~
                hint: if "*" is part of the text, put the text in quotes: "*b"
                """#),
        ErrorExample(
            "a: &b 1\nc: *d\n",
            shows: #"""
                p.yaml:2:4: error: the alias "*d" refers to an anchor that does not exist [unknown-alias]
                   2 | c: *d
                     |    ^~
                hint: the anchors before this place: "&b"
                """#),
        ErrorExample(
            "a: &a\n  b: [*a]\n",
            shows: #"""
                p.yaml:2:7: error: the alias "*a" is inside the value it stands for [recursive-alias]
                   2 |   b: [*a]
                     |       ^~
                p.yaml:1:4: note: the value of "&a" begins here
                   1 | a: &a
                     |    ^~
                """#),
        ErrorExample(
            "a:\n  <<: 12\n",
            shows: #"""
                p.yaml:2:7: error: the merge key "<<" needs a mapping or a list of mappings, but this is a number [bad-merge]
                   2 |   <<: 12
                     |       ^~
                hint: write `<<: *name`, where &name is the anchor of a mapping
                """#),
        ErrorExample(
            "a:\n  <<: [{b: 1}, 2]\n",
            shows: #"""
                p.yaml:2:16: error: the merge key "<<" needs a mapping or a list of mappings, but this is a number [bad-merge]
                   2 |   <<: [{b: 1}, 2]
                     |                ^
                hint: write `<<: *name`, where &name is the anchor of a mapping
                """#),
    ]
}
