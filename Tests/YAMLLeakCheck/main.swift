// Runs the parser over texts that end in every kind of error, and over some that are valid, for a memory checker:
//
//     swift build --product YAMLLeakCheck
//     valgrind --leak-check=full --errors-for-leak-kinds=definite,indirect --error-exitcode=1 \
//         .build/debug/YAMLLeakCheck
//
// Prints how many of the texts were refused, and fails when that is not as it should be.

import YAML

let texts = [
    // Valid.
    "a: &x [1, 'two', \"th\\x72ee\"]\nb: *x\nc: {<<: {d: 1}, e: !!str 2}\nf: |\n  text\n",
    "%YAML 1.1\n%TAG !y! tag:yaml.org,2002:\n---\n!y!str a\n...\n",
    // Refused by Runnel.
    "on: push\nsteps: []\non: pull\n", "{a: 1, 'a': 2}", "0x10: a\n16: b\n", "? [a, {b: c}]\n: 1\n? [a, {b: c}]\n: 2\n",
    "a: !mine [1]\n", "a: !!binary aGk=\n", "%TAG !e! tag:e.org,2000:\n--- !e!x y\n", "n: !!int twelve\n",
    "n: !!map [1]\n", "a: 1\n---\nb: 2\n", "a: *b\n", "a: &b 1\nc: *d\n", "a: &a\n  b: [*a]\n", "a:\n  <<: 12\n",
    "a:\n  <<: [{b: 1}, 2]\n", "a: \u{7}\n", "a: b # c\u{2028}d: e\n",
    // Refused by libyaml.
    "a:\n\tb: 1\n", "a: b\n\tc: d\n", "- \tb: 1\n  c: 2\n", "a: |\n\tb\n", "text: {{ input }} and\n",
    "run: Error: bad\n",
    "a: [1,\n  2\nb: 3\n", "a: [1, 2\n", "a: {b: 1\n", "a: {b: 1 c: 2}\n", "{a: 1} b\n", "a: 1\nfoo\nb: 2\n",
    "a:\n  b: 1\n   c: 2\n", "a:\n    b: 1\n  c: 2\n", "- a\nb: 1\n", "a: - b\n", "a: @b\n", "a: `b`\n", "a: %b\n",
    "include: [*.md]\n", "a: &\n", "a: \"b\\qc\"\n", "a: \"\\xZZ\"\n", "a: \"\\uD800\"\n", "a: \"b\n",
    "a: 'b\n--- x'\n",
    "a: |0\n  b\n", "a: | text\n", "a: !e!x y\n", "a: !<x y\n", "a: ? b\n", "%YAML 1.1\n%YAML 1.1\n---\n",
    "%YAML 2.0\n--- a\n", "%FOO\n--- a\n", "%YAML 1.1\nfoo\n", "%TAG ! a\n%TAG ! b\n--- a\n", "]\n", "a: }\n",
    "[a:,b]\n",
]

var refused = 0
for text in texts {
    do throws(YAMLError) {
        _ = try YAMLParser.parse(text, name: "text.yaml")
    } catch {
        refused += 1
    }
}
do throws(YAMLError) {
    _ = try YAMLParser.parse("- [[a]]", name: "text.yaml", limits: YAMLLimits(maxDepth: 2))
} catch { refused += 1 }
do throws(YAMLError) {
    _ = try YAMLParser.parse("- &a [b]\n- *a", name: "text.yaml", limits: YAMLLimits(maxNodes: 4))
} catch { refused += 1 }
print("\(refused) texts refused, \(texts.count + 2 - refused) accepted")

struct UnexpectedOutcome: Error {}
// The first two texts are valid, the two beside the list are not.
if refused != texts.count { throw UnexpectedOutcome() }
