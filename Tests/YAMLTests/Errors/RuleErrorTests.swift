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
                p.yaml:3:1: error: The key "on" is used twice in one mapping. [duplicate-key]
                   3 | on: pull
                     | ^~
                p.yaml:1:1: note: It is used here first.
                   1 | on: push
                     | ^~
                hint: Keep one of the two, or give one another name.
                """#),
        ErrorExample(
            "{a: 1, 'a': 2}",
            shows: #"""
                p.yaml:1:8: error: The key "a" is used twice in one mapping. [duplicate-key]
                   1 | {a: 1, 'a': 2}
                     |        ^~~
                p.yaml:1:2: note: It is used here first.
                   1 | {a: 1, 'a': 2}
                     |  ^
                hint: Keep one of the two, or give one another name.
                """#),
        ErrorExample(
            "0x10: a\n16: b\n",
            shows: #"""
                p.yaml:2:1: error: The key "16" is used twice in one mapping. [duplicate-key]
                   2 | 16: b
                     | ^~
                p.yaml:1:1: note: It is used here first.
                   1 | 0x10: a
                     | ^~~~
                hint: Keep one of the two, or give one another name.
                """#),
        ErrorExample(
            "? [a, {b: c}]\n: 1\n? [a, {b: c}]\n: 2\n",
            shows: #"""
                p.yaml:3:3: error: The key (a list) is used twice in one mapping. [duplicate-key]
                   3 | ? [a, {b: c}]
                     |   ^~~~~~~~~~~
                p.yaml:1:3: note: It is used here first.
                   1 | ? [a, {b: c}]
                     |   ^~~~~~~~~~~
                hint: Keep one of the two, or give one another name.
                """#),
        ErrorExample(
            "a: !mine [1]\n",
            shows: #"""
                p.yaml:1:4: error: The tag "!mine" is not known. [unknown-tag]
                   1 | a: !mine [1]
                     |    ^~~~~
                hint: Remove it, or put the text in quotes if "!" is part of it. The known tags are !!str !!int !!float !!bool !!null !!seq !!map.
                """#),
        ErrorExample(
            "a: !!binary aGk=\n",
            shows: #"""
                p.yaml:1:4: error: The tag "!!binary" is not known. [unknown-tag]
                   1 | a: !!binary aGk=
                     |    ^~~~~~~~
                hint: Remove it, or put the text in quotes if "!" is part of it. The known tags are !!str !!int !!float !!bool !!null !!seq !!map.
                """#),
        ErrorExample(
            "%TAG !e! tag:e.org,2000:\n--- !e!x y\n",
            shows: #"""
                p.yaml:2:5: error: The tag "!<tag:e.org,2000:x>" is not known. [unknown-tag]
                   2 | --- !e!x y
                     |     ^~~~
                hint: Remove it, or put the text in quotes if "!" is part of it. The known tags are !!str !!int !!float !!bool !!null !!seq !!map.
                """#),
        ErrorExample(
            "n: !!int twelve\n",
            shows: #"""
                p.yaml:1:4: error: "twelve" is not a whole number, though its tag "!!int" says so. [tag-mismatch]
                   1 | n: !!int twelve
                     |    ^~~~~
                hint: Remove the tag or correct the value.
                """#),
        ErrorExample(
            "n: !!map [1]\n",
            shows: #"""
                p.yaml:1:4: error: A list is not a mapping, though its tag "!!map" says so. [tag-mismatch]
                   1 | n: !!map [1]
                     |    ^~~~~
                hint: Remove the tag or correct the value.
                """#),
        ErrorExample(
            "a: 1\n---\nb: 2\n",
            shows: #"""
                p.yaml:2:1: error: A second document begins here; a file may have only one. [multiple-documents]
                   2 | ---
                     | ^~~
                p.yaml:1:1: note: The first document begins here.
                   1 | a: 1
                     | ^
                hint: Put each document in a file of its own.
                """#),
        ErrorExample(
            "a: *b\n",
            shows: #"""
                p.yaml:1:4: error: The alias "*b" refers to an anchor that does not exist. [unknown-alias]
                   1 | a: *b
                     |    ^~
                hint: If "*" is part of the text, put the text in quotes: "*b".
                """#),
        ErrorExample(
            "a: &b 1\nc: *d\n",
            shows: #"""
                p.yaml:2:4: error: The alias "*d" refers to an anchor that does not exist. [unknown-alias]
                   2 | c: *d
                     |    ^~
                hint: The anchors before this place: "&b".
                """#),
        ErrorExample(
            "a: &a\n  b: [*a]\n",
            shows: #"""
                p.yaml:2:7: error: The alias "*a" is inside the value it stands for. [recursive-alias]
                   2 |   b: [*a]
                     |       ^~
                p.yaml:1:4: note: The value of "&a" begins here.
                   1 | a: &a
                     |    ^~
                """#),
        ErrorExample(
            "a:\n  <<: 12\n",
            shows: #"""
                p.yaml:2:7: error: The merge key "<<" needs a mapping or a list of mappings, but this is a number. [bad-merge]
                   2 |   <<: 12
                     |       ^~
                hint: Write `<<: *name`, where &name is the anchor of a mapping.
                """#),
        ErrorExample(
            "a:\n  <<: [{b: 1}, 2]\n",
            shows: #"""
                p.yaml:2:16: error: The merge key "<<" needs a mapping or a list of mappings, but this is a number. [bad-merge]
                   2 |   <<: [{b: 1}, 2]
                     |                ^
                hint: Write `<<: *name`, where &name is the anchor of a mapping.
                """#),
    ]
}
