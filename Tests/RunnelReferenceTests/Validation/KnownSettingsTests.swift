import RunnelEngine
import RunnelKit
import Testing
import YAML

/// A pipeline with one mistake, and what is said of it: the place, the code and the words.
private struct Mistake: CustomTestStringConvertible {
    let yaml: String
    let found: String
    let hint: String?

    init(_ yaml: String, _ found: String, hint: String? = nil) {
        self.yaml = yaml
        self.found = found
        self.hint = hint
    }

    var testDescription: String { yaml }
}

@Suite("What is known of settings is checked before a run") struct KnownSettingsTests {
    private static let step = "steps: [ { uses: log } ]\n"

    private static func triggers(_ entry: String) -> String { "\(step)on:\n  \(entry)" }
    private static func step(_ uses: String, _ with: String) -> String {
        "steps:\n  - uses: \(uses)\n    with: \(with)"
    }

    private static let mistakes = [
        Mistake(
            triggers("watch: { path: inbox, interval: 1ms }"), "3:35 wrong-value `interval`: 1ms is too short",
            hint: "10ms at least"),
        Mistake(
            triggers("watch: { path: '{{ env.inbox }}', interval: 1ms }"),
            "3:47 wrong-value `interval`: 1ms is too short", hint: "10ms at least"),
        Mistake(
            triggers("watch: { path: in/box, after: move, move_to: in }"),
            "3:48 wrong-value `move_to`: \"in\" is or holds the watched folder \"in/box\"",
            hint: "name another folder, such as \"done\""),
        Mistake(
            triggers("watch: { path: '{{ env.inbox }}', after: move, move_to: . }"),
            "3:59 wrong-value `move_to`: \".\" is or holds the watched folder"),
        Mistake(
            triggers("watch: { path: failed, after: delete }"),
            "3:10 wrong-value `failed`: \"failed\" is or holds the watched folder \"failed\""),
        Mistake(
            triggers("watch: { path: inbox, after: move, move_to: pipelines }"),
            "3:47 path-protected `move_to`: pipelines do not touch \"pipelines/….yaml\""),
        Mistake(
            triggers("webhook: { path: hooks/a, verify: { scheme: github, secret: '{{ secrets.a }}' } }"),
            "3:20 doubtful-value `path`: the hook is called at \"/hooks/hooks/a\": a path stands behind /hooks/ already",
            hint: "write \"a\""),
        Mistake(
            triggers("webhook: { verify: { scheme: bearer, secret: '{{ secrets.a }}' }, methods: [] }"),
            "3:78 wrong-value `methods`: the list holds no method"),
        Mistake(
            triggers("webhook: { verify: { scheme: none }, max_body: 65MiB }"),
            "3:50 wrong-value `max_body`: expected a size from 1B to 64MiB, found 65MiB"),
        Mistake(triggers("webhook: { path: tickets }"), "3:12 wrong-value webhook: say with `verify: { scheme: … }`"),
        Mistake(
            "name: my tickets\n" + triggers("webhook: { verify: { scheme: none } }"),
            "4:12 wrong-value webhook: the pipeline's name \"my tickets\" cannot be the path of a hook"),
        Mistake(
            "inputs: { e: { type: array, default: [] } }\n\(step)",
            "1:22 wrong-value `type`: expected one of \"string\", \"number\", \"integer\", \"boolean\", \"list\", \"object\", "
                + "found \"array\"",
            hint: "did you mean \"list\"?"),
        Mistake(
            "inputs: { e: { type: Dict, default: {} } }\n\(step)", "1:22 wrong-value `type`: expected one of",
            hint: "did you mean \"object\"?"),
        Mistake(
            "inputs: { e: { type: text, default: 1 } }\n\(step)", "1:22 wrong-value `type`: expected one of",
            hint: "did you mean \"string\"?"),
        Mistake(
            "inputs: { e: { type: float, default: 1.5 } }\n\(step)", "1:22 wrong-value `type`: expected one of",
            hint: "did you mean \"number\"?"),
        Mistake(
            "inputs: { e: { type: long, default: 1 } }\n\(step)", "1:22 wrong-value `type`: expected one of",
            hint: "did you mean \"integer\"?"),
        Mistake(
            "inputs: { e: { typ: list, default: [] } }\n\(step)", "1:16 unknown-key the input \"e\" has no key \"typ\"",
            hint: "did you mean \"type\"?"),
        Mistake(
            triggers("schedule: []"), "3:13 wrong-value `schedule`: the list holds no trigger",
            hint: "take `schedule` out, or write what starts a run"),
        Mistake(
            triggers("manual: { x: 1 }"), "3:13 unknown-key `manual` has no key \"x\"",
            hint: "write `manual:` alone: runs by hand are always possible; what they are given stands in `inputs:`"),
        Mistake(triggers("manual: false"), "3:11 wrong-value `manual`: expected no value, found false"),
        Mistake(
            triggers("run: { except: ['*'] }"),
            "3:18 wrong-value `except`: every pipeline of `pipelines` is left out here, so no run would start",
            hint: "leave out fewer, such as `except: [alert]`"),
        Mistake(
            step("http.fetch", "{ url: 'http://a', redirects: 99 }"),
            "3:41 wrong-value `redirects`: expected a number from 0 to 50, found the number 99"),
        Mistake(
            step("http.fetch", "{ url: '{{ input }}', redirects: -1 }"),
            "3:44 wrong-value `redirects`: expected a number from 0 to 50, found the number -1"),
        Mistake(
            step(
                "http.fetch",
                "{ url: 'http://a', auth: { bearer: '{{ secrets.a }}' }, headers: { Authorization: y } }"),
            "3:36 wrong-value `auth`: cannot be combined with the header \"authorization\"",
            hint: "remove one of them"),
        Mistake(
            step(
                "http.fetch",
                "{ url: '{{ input }}', auth: { bearer: '{{ secrets.a }}' }, headers: { authorization: '{{ secrets.b }}' } }"
            ),
            "3:39 wrong-value `auth`: cannot be combined with the header \"authorization\"",
            hint: "remove one of them"),
        Mistake(
            step("http.fetch", "{ url: 'http://a', headers: { X: 1, x: 2 } }"),
            "3:50 wrong-value `headers.x`: \"X\" and \"x\" are the same header",
            hint: "leave one of them out: names of headers count without case"),
        Mistake(
            step("webhook.send", "{ url: '{{ input }}', headers: { X: 1, x: 2 } }"),
            "3:53 wrong-value `headers.x`: \"X\" and \"x\" are the same header",
            hint: "leave one of them out: names of headers count without case"),
        Mistake(
            step("http.fetch", "{ url: 'http://a', auth: { bearer: '' } }"),
            "3:46 wrong-value `auth.bearer`: the token is empty"),
        Mistake(
            step("http.fetch", "{ url: 'http://a', auth: { basic: { user: 'a:b', password: '{{ secrets.a }}' } } }"),
            "3:53 wrong-value `auth.basic.user`: a user must not contain a colon"),
        Mistake(
            step("webhook.send", "{ url: '{{ secrets.hook }}', attempts: 0 }"),
            "3:50 wrong-value `attempts`: expected a number from 1 to 100, found the number 0"),
        Mistake(
            step("file.read", "{ path: '{{ input }}.csv', delimiter: ';;' }"),
            "3:49 wrong-value `delimiter`: expected one character, found \";;\""),
        Mistake(step("chat", "{ prompt: ' ' }"), "3:21 empty-prompt `prompt`: it is empty"),
        Mistake(step("chat", "{ messages: [] }"), "3:23 empty-prompt `messages`: it is empty"),
        Mistake(
            step("chat", "{ messages: [ { content: '{{ input }}' }, { content: '' } ] }"),
            "3:64 empty-prompt `messages[1].content`: it is empty"),
    ]

    private func load(_ yaml: String) throws -> [Diagnostic] {
        let (_, diagnostics) = try Project.load(yaml)
        return diagnostics
    }

    @Test("and a mistake is found at its line and column", arguments: mistakes)
    fileprivate func found(_ mistake: Mistake) throws {
        let diagnostics = try load(mistake.yaml)
        #expect(diagnostics.count == 1)
        let first = try #require(diagnostics.first)
        let place = try #require(first.range?.start)
        let text = "\(place.line):\(place.column) \(first.code) \(first.message)"
        #expect(text.hasPrefix(mistake.found), "\(text)")
        if let hint = mistake.hint { #expect(first.hint == hint) }
    }

    @Test(
        "and what only a run can know is left to it",
        arguments: [
            triggers("watch: { path: '{{ env.inbox }}', interval: '{{ env.often }}', after: move, move_to: done }"),
            triggers("watch: { path: inbox, after: '{{ env.after }}', move_to: inbox }"),
            triggers("webhook: { verify: { scheme: '{{ env.scheme }}', secret: '{{ secrets.a }}' } }"),
            triggers("webhook: { path: 'hooks/{{ env.path }}', verify: { scheme: none } }"),
            triggers("webhook: { verify: { scheme: none }, timeout: 1m, respond: '{{ env.respond }}' }"),
            triggers("webhook: { verify: { scheme: standard-webhooks, secret: '{{ secrets.a }}' } }"),
            step(
                "http.fetch",
                "{ url: '{{ input }}', redirects: '{{ input }}', headers: '{{ input }}', auth: { bearer: '{{ secrets.a }}' } }"
            ),
            step("http.fetch", "{ url: '{{ input }}', auth: '{{ input }}', headers: { authorization: a } }"),
            step("webhook.send", "{ url: '{{ input }}', secret: '{{ secrets.a }}', attempts: '{{ input }}' }"),
            step("chat", "{ prompt: '{{ input }}' }"), step("chat", "{ messages: '{{ input }}' }"),
            step("chat", "{ schema: '{{ input }}', accept: '{{ input }}' }"),
            step("file.read", "{ path: a.csv, delimiter: '{{ input }}' }"),
            step("transform", "{ jq: '{{ input }}' }"),
            step("transform", "{ regex: { pattern: '{{ input }}', group: 1 } }"),
            step("template", "{ file: '{{ input }}' }"),
        ])
    func unknown(yaml: String) throws {
        #expect(try load(yaml).map { "\($0.code): \($0.message)" } == [])
    }

    // MARK: Outputs

    private static func output(_ uses: String, _ reference: String, _ more: String = "") -> String {
        "steps:\n  - { id: a, uses: \(uses)\(more) }\n  - { uses: log, with: { message: '{{ \(reference) }}' } }"
    }

    private static let outputs: [(String, String, String?)] = [
        (output("chat", "steps.a.txt"), "`steps.a` has no key \"txt\"", "did you mean \"text\"?"),
        (
            output("chat", "steps.a.answer | default(1)"), "`steps.a` has no key \"answer\"",
            "`chat` gives text, json, reasoning, finish_reason, message_id, conversation_id, tasks, usage"
        ),
        (
            output("http.fetch", "steps.a.boddy", ", with: { url: 'http://a' }"), "`steps.a` has no key \"boddy\"",
            "did you mean \"body\"?"
        ),
        (
            output("file.write", "steps.a.pth", ", with: { path: a }"), "`steps.a` has no key \"pth\"",
            "did you mean \"path\"?"
        ),
        (
            output("file.read", "steps.a.txt", ", with: { path: a }"), "`steps.a` has no key \"txt\"",
            "did you mean \"text\"?"
        ),
        (
            output("file.read", "steps.a[0].rwos", ", with: { glob: a }"), "`steps.a[0]` has no key \"rwos\"",
            "did you mean \"rows\"?"
        ),
        (
            output("webhook.send", "steps.a.stats", ", with: { url: 'http://a' }"), "`steps.a` has no key \"stats\"",
            "did you mean \"status\"?"
        ),
        (output("template", "steps.a.text", ", with: { text: a }"), "`steps.a` is a string, which has no keys", nil),
        (
            output("chat", "steps.a.text", ", for_each: [1]"),
            "`steps.a` is a list, which has no keys; `steps.a[0]` is its first item", nil
        ),
        (
            output("chat", "steps.a[0].txt", ", for_each: [1]"), "`steps.a[0]` has no key \"txt\"",
            "did you mean \"text\"?"
        ),
    ]

    @Test("no hint for names of other tools has the name of an existing key, step or trigger")
    func hints() throws {
        func names(_ hints: [NameHint], in place: NameHint.Place) -> Set<String> {
            Set(hints.filter { $0.place == place }.flatMap(\.names))
        }
        let registry = try Project.registry()
        for name in registry.names {
            let step = try #require(registry[name])
            #expect(names(step.nameHints, in: .keys).isDisjoint(with: step.fields.map(\.key)), "\(name)")
            #expect(names(step.nameHints, in: .name).isDisjoint(with: registry.names), "\(name)")
        }
        for name in registry.triggerNames {
            let trigger = try #require(registry.trigger(named: name))
            #expect(names(trigger.nameHints, in: .keys).isDisjoint(with: trigger.fields.map(\.key)), "\(name)")
            #expect(names(trigger.nameHints, in: .name).isDisjoint(with: registry.triggerNames), "\(name)")
        }
    }

    @Test("a key that a step's output does not have is an error", arguments: outputs)
    func outputKey(yaml: String, message: String, hint: String?) throws {
        let diagnostics = try load(yaml)
        #expect(diagnostics.map(\.message) == [message])
        #expect(diagnostics.map(\.hint) == [hint])
        #expect(diagnostics.map(\.code) == ["unknown-reference"])
        let start = try #require(diagnostics.first?.range?.start)
        #expect([start.line, start.column] == [3, 39])
    }

    @Test(
        "keys that are there, or that nobody knows, are none",
        arguments: [
            output("chat", "steps.a.text"),
            output("chat", "steps.a.json.label", ", with: { schema: { type: object } }"),
            output("chat", "steps.a.tasks[0].name"),
            output("chat", "steps.a.usage.total_tokens"), output("log", "steps.a.anything"),
            output("transform", "steps.a.anything", ", with: { jq: . }"),
            output("http.fetch", "steps.a.body.items[0].id", ", with: { url: 'http://a' }"),
            output("http.fetch", "steps.a.headers.etag", ", with: { url: 'http://a' }"),
            output("file.read", "steps.a.rows[0].name", ", with: { path: a.csv }"),
            output("file.read", "steps.a[0].text", ", with: { glob: a }"),
            output("chat", "steps.a.kind", ", on_error: continue"),
        ])
    func possible(yaml: String) throws {
        #expect(try load(yaml).map(\.message) == [])
    }
}
