import Foundation
import Testing

/// A pipeline with mistakes, and all lines that `validate` says about them: places, words, hints.
private struct Mistake: CustomTestStringConvertible {
    let yaml: String
    let said: [String]

    init(_ yaml: String, _ said: String...) {
        self.yaml = yaml
        self.said = said
    }

    var testDescription: String { yaml }
}

@Suite("What a person gets wrong") struct MistakeTests {
    private static let mistakes = [
        Mistake(
            "on: { watch: { path: inbox, settle: 500 } }\nsteps:\n  - uses: http.fetch\n    with: { url: 'http://a.example', timeout: 30 }\n",
            #"p.yaml:1:37: error: `settle`: expected a duration such as "500ms", "2s" or "1h30m", found the number 500 [wrong-value]"#,
            #"p.yaml:4:47: error: `timeout`: expected a duration such as "500ms", "2s" or "1h30m", found the number 30 [wrong-value]"#
        ),
        Mistake(
            "steps:\n  - uses: log\n    retry: { attempt: 3, backof: 2, growth: linear }\n",
            "p.yaml:3:14: error: `retry` has no key \"attempt\" [unknown-key]", #"= did you mean "attempts"?"#,
            "p.yaml:3:26: error: `retry` has no key \"backof\" [unknown-key]", #"= did you mean "backoff"?"#,
            #"p.yaml:3:45: error: `retry.growth`: "linear" is not one of "exponential", "constant" [wrong-value]"#),
        Mistake(
            "steps:\n  - uses: chat\n    with: { prompt: x, schema: { type: objct, requird: [a], properties: { a: { type: strng } } } }\n",
            #"p.yaml:3:40: error: `schema.type`: not a JSON schema: "objct" is not a type; types are string, number, integer, boolean, array, object, null [wrong-value]"#,
            #"= did you mean "object"?"#,
            #"p.yaml:3:56: error: `schema.requird`: not a JSON schema: unknown keyword "requird" [wrong-value]"#,
            #"= did you mean "required"?"#,
            #"p.yaml:3:86: error: `schema.properties.a.type`: not a JSON schema: "strng" is not a type; types are string, number, integer, boolean, array, object, null [wrong-value]"#,
            #"= did you mean "string"?"#),
        Mistake(
            "steps:\n  - uses: chat\n    with: { prompt: x, schema: { label: string, scores: { type: array } } }\n",
            #"p.yaml:3:41: error: `schema.label`: not a JSON schema: unknown keyword "label" [wrong-value]"#,
            "= a property is written as `properties: { label: { type: … } }`",
            #"p.yaml:3:57: error: `schema.scores`: not a JSON schema: unknown keyword "scores" [wrong-value]"#,
            "= a property is written as `properties: { scores: { type: … } }`"),
        Mistake(
            "steps:\n  - { uses: file.read, with: { file: a.txt } }\n  - { uses: file.read, with: { as: text } }\n",
            #"p.yaml:2:32: error: file.read has no key "file" [unknown-key]"#, #"= "path" or "glob" is required"#,
            #"p.yaml:3:32: error: file.read: "path" or "glob" is required [bad-keys]"#),
        Mistake(
            """
            steps:
              - { uses: http.fetch, with: { url: "http://a", auth: { user: a, password: b } } }
              - { uses: http.fetch, with: { url: "http://a", auth: {} } }
              - { uses: chat, with: { prompt: x, conversation: { id: a, key: "{{ input }}" } } }

            """,
            #"p.yaml:2:58: error: `auth`: http.fetch has no key "user" [unknown-key]"#,
            #"= "bearer" or "basic" is required"#,
            #"p.yaml:2:67: error: `auth`: http.fetch has no key "password" [unknown-key]"#,
            #"= "bearer" or "basic" is required"#,
            #"p.yaml:3:56: error: `auth`: "bearer" or "basic" is required [bad-keys]"#,
            #"p.yaml:4:54: error: `conversation`: "id" and "key" are mutually exclusive [bad-keys]"#),
        Mistake(
            "on: { push: { branches: [main] }, cron: '0 7 * * *' }\nsteps: [ { uses: log, with: { message: hi } } ]\n",
            #"p.yaml:1:7: error: unknown trigger "push" [unknown-key]"#,
            "= write `webhook: { path: …, verify: { scheme: github, secret: … } }`",
            #"p.yaml:1:35: error: unknown trigger "cron" [unknown-key]"#,
            "= write `schedule: { cron: … }` or `schedule: { every: … }`"),
        Mistake(
            """
            schedule: x
            cron: y
            watch: z
            on: { http: {}, folder: {}, workflow_dispatch: {}, webhook: { path: a, secret: x } }
            steps:
              - { uses: python, cmd: x }
              - { uses: chat, with: { prompt: x, temperature: 1 } }
              - { uses: file.write, with: { path: x, data: 1 }, text: x }
              - { prompt: x }

            """,
            #"p.yaml:1:1: error: a pipeline has no key "schedule" [unknown-key]"#, "= write `on: { schedule: … }`",
            #"p.yaml:2:1: error: a pipeline has no key "cron" [unknown-key]"#,
            "= write `on: { schedule: { cron: … } }`",
            #"p.yaml:3:1: error: a pipeline has no key "watch" [unknown-key]"#, "= write `on: { watch: … }`",
            #"p.yaml:4:7: error: unknown trigger "http" [unknown-key]"#, "= write `webhook: { path: … }`",
            #"p.yaml:4:17: error: unknown trigger "folder" [unknown-key]"#, "= write `watch: { path: … }`",
            #"p.yaml:4:29: error: unknown trigger "workflow_dispatch" [unknown-key]"#,
            "= leave it out: runs by hand are always possible",
            #"p.yaml:4:72: error: webhook has no key "secret" [unknown-key]"#,
            "= write `verify: { scheme: …, secret: … }`",
            #"p.yaml:6:13: error: unknown step "python" [unknown-step]"#,
            "= write `uses: shell` and `with: { run: … }`",
            #"p.yaml:6:21: error: a step has no key "cmd" [unknown-key]"#,
            "= write `uses: shell` and `with: { run: … }`",
            #"p.yaml:7:38: error: chat has no key "temperature" [unknown-key]"#, "= write it in `body: { … }`",
            #"p.yaml:8:42: error: file.write has no key "data" [unknown-key]"#, "= write `content: …`",
            #"p.yaml:8:53: error: a step has no key "text" [unknown-key]"#, "= indent `text` below `with:`",
            #"p.yaml:9:7: error: a step has no key "prompt" [unknown-key]"#, "= indent `prompt` below `with:`"),
        Mistake(
            "on: [webhook, schedule]\nsteps: [ { uses: log, with: { message: hi } } ]\n",
            "p.yaml:1:5: error: `on`: expected a key for each trigger, found a list [wrong-type]",
            "= write `on: { webhook: { … }, schedule: { … } }`"),
        Mistake(
            "on: { schedule: { cron: '0 7 * * *', tz: UTC }, watch: { path: in, pattern: x } }\ntasks: []\nsteps: [ { uses: log, with: { message: hi } } ]\n",
            #"p.yaml:1:38: error: schedule has no key "tz" [unknown-key]"#, "= write `timezone: …`",
            #"p.yaml:1:68: error: watch has no key "pattern" [unknown-key]"#, "= write `include: […]`",
            #"p.yaml:2:1: error: a pipeline has no key "tasks" [unknown-key]"#, "= a pipeline has one list of `steps`"),
        Mistake(
            "steps:\n  - uses: log\n    with: { message: hi }\n    retry: { max: 3, delay: 5s }\n  - if: input\n    then: []\n  - uses: log\n    with: { message: hi }\n    if: always()\n",
            "p.yaml:4:14: error: `retry` has no key \"max\" [unknown-key]", "= write `attempts: …`",
            "p.yaml:4:22: error: `retry` has no key \"delay\" [unknown-key]", "= write `backoff: …`",
            #"p.yaml:6:5: error: a step has no key "then" [unknown-key]"#,
            "= give each step, or each group of `steps`, an `if:` of its own",
            #"p.yaml:9:9: error: unknown function "always" [unknown-function]"#,
            "= steps of `finally` always run, steps of `on_failure` after a failure"),
        Mistake(
            "steps:\n\u{A0} - uses: log\n", "p.yaml:2:1: error: a pipeline has no key \"\u{A0} - uses\" [unknown-key]",
            "= write ordinary spaces: the space before it (U+00A0) is part of the text"),
        Mistake(
            "steps:\n  - uses：log\n  - { uses: log, with: { message：hi } }\n  - { – uses: log }\n",
            "p.yaml:2:5: error: a step must be a mapping, found \"uses：log\" [wrong-type]",
            "= write `uses: …` with an ASCII colon",
            "p.yaml:3:26: error: log has no key \"message：hi\" [unknown-key]",
            "= write `message: …` with an ASCII colon",
            "p.yaml:4:7: error: a step has no key \"– uses\" [unknown-key]",
            "= write `- …`: U+2013 is not the hyphen of a list"),
        Mistake(
            "steps:\n  - uses: log\n    with:\n    message: hi\n",
            #"p.yaml:4:5: error: a step has no key "message" [unknown-key]"#, "= indent `message` below `with:`"),
        Mistake(
            "steps:\n  - uses: log\n    if: \"{{ input }} == 'a'\"\n",
            "p.yaml:3:9: error: `if` is an expression: braces stand around all of it, or nowhere [bad-expression]",
            "= write `if: input == 'a'`"),
        Mistake(
            "steps:\n  - uses: log\n    with: { message: {{ input }} }\n",
            "p.yaml:3:22: error: a key must be a text, found keys and values [unquoted-template]",
            #"= put a template in quotes: "{{ … }}""#),
        Mistake(
            "steps:\n  - uses: log\n    with:\n      message: hi\n      ? [a, b]\n      : c\n",
            "p.yaml:5:9: error: a key must be a text, found a list [unquoted-template]"),
        Mistake(
            "steps:\n  - uses: \"no\\npe\"\n  - uses: log\n    with: { \"mess\\r\\nage\": x, message: hi }\n",
            #"p.yaml:2:11: error: unknown step "no\npe" [unknown-step]"#, "= `runnel steps` lists all steps",
            #"p.yaml:4:13: error: log has no key "mess\r\nage" [unknown-key]"#, "= `runnel steps log` lists its keys"),
        Mistake(
            "on: { schedule: { cron: '0 7 * * *', enabled: no } }\nsteps: [ { uses: file.write, with: { path: a, append: 'true' } } ]\n",
            #"p.yaml:1:47: error: `enabled`: expected true or false, found "no" [wrong-value]"#, "= write `false`",
            #"p.yaml:2:55: error: `append`: expected true or false, found "true" [wrong-value]"#, "= write `true`"),
        Mistake(
            "inputs: { f: { type: number, default: .nan }, g: { default: .inf } }\n"
                + "steps: [ { uses: template, with: { text: .inf } } ]\noutput: { a: -.INF }\n",
            #"p.yaml:1:39: error: the default of the input "f": expected a number, found ".nan" [wrong-value]"#,
            #"p.yaml:1:61: error: the number ".inf" cannot be written in JSON [wrong-value]"#,
            "= put it in quotes if it is meant as text",
            #"p.yaml:2:42: error: the number ".inf" cannot be written in JSON [wrong-value]"#,
            "= put it in quotes if it is meant as text",
            #"p.yaml:3:14: error: the number "-.INF" cannot be written in JSON [wrong-value]"#,
            "= put it in quotes if it is meant as text"),
        Mistake(
            "steps:\n  - uses: http.fetch\n    with: { url: http://a.example, query: { a: .inf } }\n",
            #"p.yaml:3:48: error: the number ".inf" cannot be written in JSON [wrong-value]"#,
            "= put it in quotes if it is meant as text"),
        Mistake(
            """
            name: " "
            inputs:
              a: { enum: [1, b] }
              b: { type: integer, enum: [1, '2'], default: 3 }
              c: { enum: [], default: x }
            steps: [ { uses: log, with: { message: hi } } ]

            """,
            "p.yaml:1:7: error: `name` is empty [wrong-value]",
            "= leave it out to name the pipeline after its file",
            #"p.yaml:3:15: error: the `enum` of the input "a": expected a string, found 1 [wrong-value]"#,
            "= set the `type` of the input, or put it in quotes",
            #"p.yaml:4:33: error: the `enum` of the input "b": expected a whole number, found "2" [wrong-value]"#,
            #"p.yaml:4:48: error: the default of the input "b": 3 is not one of 1, "2" [wrong-value]"#,
            #"p.yaml:5:14: error: the `enum` of the input "c" is empty [wrong-value]"#,
            "= list the values that are accepted, or remove it"),
        Mistake(
            "steps:\n  - run: echo hi\n    continue-on-error: true\n",
            #"p.yaml:2:5: error: a step has no key "run" [unknown-key]"#,
            "= write `uses: shell` and `with: { run: … }`",
            #"p.yaml:3:5: error: a step has no key "continue-on-error" [unknown-key]"#, "= write `on_error: continue`"),
        Mistake(
            "steps:\n  - uses: shell\n", #"p.yaml:2:11: error: shell needs the key "run" [missing-key]"#,
            "= `runnel steps shell` lists its keys"),
        Mistake(
            "steps:\n  - uses: http.get\n  - uses: file.copy\n",
            #"p.yaml:2:11: error: unknown step "http.get" [unknown-step]"#, #"= did you mean "http.fetch"?"#,
            #"p.yaml:3:11: error: unknown step "file.copy" [unknown-step]"#,
            #"= "file" has the steps file.read, file.write"#),
        Mistake(
            "concurrency: 2\non: { schedule: \"0 7 * * *\", watch: inbox }\nsteps: [ { uses: log, retry: 3 } ]\n",
            "p.yaml:1:14: error: `concurrency`: expected a mapping, found the number 2 [wrong-value]",
            "= write `concurrency: { limit: 2 }`",
            #"p.yaml:2:17: error: `schedule`: expected a mapping, found "0 7 * * *" [wrong-type]"#,
            #"= write `schedule: { cron: "0 7 * * *" }`"#,
            #"p.yaml:2:37: error: `watch`: expected a mapping, found "inbox" [wrong-type]"#,
            #"= write `watch: { path: "inbox" }`"#,
            "p.yaml:3:30: error: `retry`: expected a mapping, found the number 3 [wrong-value]",
            "= write `retry: { attempts: 3 }`"),
        Mistake(
            "inputs: { m: integer }\nsteps:\n  uses: log\n",
            #"p.yaml:1:14: error: the input "m" must be a mapping, found "integer" [wrong-type]"#,
            "= write `{ type: … }`, or `{ default: … }`",
            "p.yaml:3:3: error: `steps`: expected a list, found keys and values [wrong-type]",
            "= begin each item with `- `"),
        Mistake(
            "step: [ { uses: log } ]\n", #"p.yaml:1:1: error: a pipeline has no key "step" [unknown-key]"#,
            #"= did you mean "steps"?"#),
        Mistake(
            "on: { watch: { dir: inbox, after: mve } }\nsteps: [ { use: log } ]\n",
            #"p.yaml:1:16: error: watch has no key "dir" [unknown-key]"#, #"= it needs "path"; did you mean that?"#,
            #"p.yaml:1:35: error: `after`: "mve" is not one of "keep", "move", "delete" [wrong-value]"#,
            #"= did you mean "move"?"#, #"p.yaml:2:12: error: a step has no key "use" [unknown-key]"#,
            #"= did you mean "uses"?"#),
        Mistake(
            "steps:\n  - uses: log\n    on_error: contnue\n",
            #"p.yaml:3:15: error: `on_error`: expected one of "fail", "continue", found "contnue" [wrong-value]"#,
            #"= did you mean "continue"?"#),
        Mistake(
            "on: { schedule: { crn: '0 9 * * *' } }\nsteps: [ { uses: log } ]\n",
            #"p.yaml:1:19: error: schedule has no key "crn" [unknown-key]"#, #"= did you mean "cron"?"#),
        Mistake(
            "steps:\n  - { uses: log, with: x }\n  - { uses: log, with: [x] }\n",
            #"p.yaml:2:24: error: `with`: expected a mapping, found "x" [wrong-type]"#,
            "p.yaml:3:24: error: `with`: expected a mapping, found a list [wrong-type]"),
        Mistake(
            "steps:\n  - { log: { message: hi } }\n  - http.fetch: { url: 'http://a.example' }\n",
            #"p.yaml:2:7: error: a step has no key "log" [unknown-key]"#, "= write `uses: log` and `with: { … }`",
            #"p.yaml:3:5: error: a step has no key "http.fetch" [unknown-key]"#,
            "= write `uses: http.fetch` and `with: { … }`"),
        Mistake(
            "steps:\n  - parallel: [ { uses: log } ]\n  - { parallel: true, stps: [ { uses: log } ] }\n  - { uses: log, parallel: true }\n",
            "p.yaml:2:5: error: `parallel` needs `steps` [bad-keys]",
            "= write `parallel: true`, and beside it `steps:` with the list of steps",
            #"p.yaml:3:23: error: a step has no key "stps" [unknown-key]"#, #"= did you mean "steps"?"#,
            "p.yaml:4:18: error: `parallel` needs `steps` [bad-keys]", "= use `max_parallel` for items"),
        Mistake(
            "steps:\n  - parallel: true\n    steps: { a: { uses: log } }\n  - { uses: log, with: { a: 1 }, steps: [ { uses: log } ] }\n",
            "p.yaml:3:12: error: `steps`: expected a list, found keys and values [wrong-type]",
            "= begin each item with `- `",
            "p.yaml:4:7: error: a group of steps has no `uses` [bad-keys]", "= a step has either `uses` or `steps`"),
        Mistake(
            "on: { watch: { path: in, debounce: { fro: 10s } } }\nsteps:\n  - { uses: log, until: [a] }\n  - { steps: [ { uses: log } ], while: x }\n",
            #"p.yaml:1:38: error: `debounce` has no key "fro" [unknown-key]"#, #"= did you mean "for"?"#,
            "p.yaml:3:25: error: `until`: expected an expression, found a list [wrong-type]",
            "p.yaml:4:33: error: a group of steps has no `while` [bad-keys]", "= set it on the step inside"),
        Mistake(
            "on: { webhook: [ { path: a, verify: { scheme: github } }, { path: b, verify: { user: x } } ] }\nsteps: [ { uses: log } ]\n",
            #"p.yaml:1:39: error: `verify`: webhook needs the key "secret" [missing-key]"#,
            #"= write `secret: "{{ secrets.NAME }}"`, and name it under `secrets:` in runnel.yaml"#,
            #"p.yaml:1:80: error: `verify`: webhook needs the key "scheme" [missing-key]"#,
            "= its keys are scheme, secret, header, algorithm, encoding, prefix, tolerance, user, password"),
        Mistake(
            "steps:\n  - uses:chat\n    with: { prompt: x }\n",
            "p.yaml:3:9: error: a \":\" is not allowed here (libyaml: mapping values are not allowed in this context) [unexpected-colon]",
            "= write a space after the colon: `uses: …`"),
        Mistake(
            "steps:\n  - uses: log\n    timeout:5s\n    id: a\n",
            #"p.yaml:3:5: error: expected a key here, but "timeout:5s" has no ":" (libyaml: while scanning a simple key: could not find expected ':') [missing-colon]"#,
            "= write a space after the colon: `timeout: …`"),
        Mistake(
            "steps:\n  - uses:log\n  - { uses:log }\n  - { uses: log, with: { message:hi } }\n",
            #"p.yaml:2:5: error: a step must be a mapping, found "uses:log" [wrong-type]"#,
            "= write a space after the colon: `uses: …`",
            #"p.yaml:3:7: error: a step has no key "uses:log" [unknown-key]"#,
            "= write a space after the colon: `uses: …`",
            #"p.yaml:4:26: error: log has no key "message:hi" [unknown-key]"#,
            "= write a space after the colon: `message: …`"),
        Mistake(
            "steps:\n  - uses: “log”\n  - { uses: log, timeout: “5s” }\n",
            #"p.yaml:2:11: error: unknown step "“log”" [unknown-step]"#,
            #"= typographic quotes (“…”) are part of the text; write "…""#,
            #"p.yaml:3:27: error: `timeout`: expected a duration such as "500ms", "2s" or "1h30m", found "“5s”" [wrong-value]"#,
            #"= typographic quotes (“…”) are part of the text; write "…""#),
        Mistake(
            "inputs: [a]\nsteps: [ { uses: log } ]\n",
            "p.yaml:1:9: error: `inputs`: expected a name for each input, found a list [wrong-type]",
            "= write `inputs: { name: { type: string } }`"),
        Mistake(
            "on: { watch: { path: in, include: '*.txt' } }\nsteps: [ { uses: log } ]\n",
            #"p.yaml:1:35: error: `include`: expected a list, found "*.txt" [wrong-value]"#,
            #"= write `include: ["*.txt"]`"#),
        Mistake(
            "steps:\n  - uses: log\n    when: x\n    loop: 3\n    retries: 3\n    depends: [a]\n    continueOnError: true\n    on_failure: []\n",
            #"p.yaml:3:5: error: a step has no key "when" [unknown-key]"#, "= write `if: …`",
            #"p.yaml:4:5: error: a step has no key "loop" [unknown-key]"#,
            "= write `for_each: …` for the items of a list, or `until: …`",
            #"p.yaml:5:5: error: a step has no key "retries" [unknown-key]"#, "= write `retry: { attempts: … }`",
            #"p.yaml:6:5: error: a step has no key "depends" [unknown-key]"#,
            "= steps run in the order in which they are written; a group with `parallel: true` runs its steps at once",
            #"p.yaml:7:5: error: a step has no key "continueOnError" [unknown-key]"#, "= write `on_error: continue`",
            #"p.yaml:8:5: error: a step has no key "on_failure" [unknown-key]"#,
            "= write `on_error: continue` here, or `on_failure:` at the pipeline"),
        Mistake(
            "vars: { a: 1 }\nsecrets: [a]\nsteps: [ { uses: log } ]\n",
            #"p.yaml:1:1: error: a pipeline has no key "vars" [unknown-key]"#,
            "= `vars:` stands in runnel.yaml; templates read `{{ vars.NAME }}`",
            #"p.yaml:2:1: error: a pipeline has no key "secrets" [unknown-key]"#,
            "= `secrets:` stands in runnel.yaml; templates read `{{ secrets.NAME }}`"),
    ]

    @Test("all of it is said at once, each at its key, and once", arguments: mistakes)
    fileprivate func pipelines(mistake: Mistake) async throws {
        try await withProject(["p.yaml": mistake.yaml]) { runnel in
            let ended = try await runnel.run(["validate", "p.yaml", "--simulate"])
            #expect(said(ended.error) == mistake.said + ["1 pipeline checked, 1 with errors"])
            #expect(ended.status == 2)
        }
    }

    @Test("where a text is expected, a number that YAML changes is an error if it loses digits, else a warning")
    func respelled() async throws {
        let pipeline = """
            steps:
              - uses: http.fetch
                with:
                  url: http://a.example
                  query: { a: 0123, b: [1.10, 2, x], c: True, d: 1.0, e: 5, f: 1_000, g: 2026-01-02, h: "007" }
                  headers: { x-build: 0x1F }
              - { uses: shell, with: { run: ls, env: { BUILD: 1e3, LIMIT: 12345678901234567890, ON: yes, N: -5 } } }

            """
        try await withProject(["p.yaml": pipeline]) { runnel in
            let ended = try await runnel.run(["validate", "p.yaml"])
            let lost = "so the text as it is written is lost"
            let hint = "= put it in quotes if it is meant as text"
            #expect(
                said(ended.error) == [
                    "p.yaml:5:19: error: `query.a`: YAML reads this as a number, \(lost) [wrong-value]", hint,
                    "p.yaml:5:29: warning: `query.b[0]`: YAML reads this as a number, \(lost) [doubtful-value]", hint,
                    "p.yaml:5:45: warning: `query.c`: YAML reads this as true or false, \(lost) [doubtful-value]", hint,
                    "p.yaml:6:27: warning: `headers.x-build`: YAML reads this as a number, \(lost) [doubtful-value]",
                    hint,
                    "p.yaml:7:51: warning: `env.BUILD`: YAML reads this as a number, \(lost) [doubtful-value]", hint,
                    "p.yaml:7:63: error: `env.LIMIT`: YAML reads this as a number, \(lost) [wrong-value]", hint,
                    "1 pipeline checked, 1 with errors",
                ])
        }
    }

    @Test("in other data, a whole number that loses a leading zero or digits is a warning")
    func respelledData() async throws {
        let files = [
            "runnel.yaml": "vars: { build: 0123, version: 1.10 }\nprofiles: { a: { vars: { build: 0123 } } }\n",
            "p.yaml": """
            steps:
              - uses: webhook.send
                with: { url: http://a.example, json: { mode: 0644, id: 12345678901234567890, ratio: 1.10, n: [007, 0, 10] } }

            """,
        ]
        try await withProject(files) { runnel in
            let ended = try await runnel.run(["validate", "p.yaml"])
            let lost = "YAML reads this as a number, so the text as it is written is lost [doubtful-value]"
            let hint = "= put it in quotes if it is meant as text"
            let lines = said(ended.error)
            for place in [
                "runnel.yaml:1:16: warning: `vars.build`", "runnel.yaml:2:33: warning: `vars.build`",
                "p.yaml:3:50: warning: `json.mode`", "p.yaml:3:60: warning: `json.id`",
                "p.yaml:3:99: warning: `json.n[0]`",
            ] { #expect(lines.contains("\(place): \(lost)"), "\(ended.error)") }
            #expect(lines.count { $0 == hint } == 5, "\(ended.error)")
            #expect(ended.status == 0)
        }
    }

    @Test("wrong literals are found before anything is paid for")
    func literals() async throws {
        let pipeline = """
            steps:
              - { uses: file.write, with: { path: /etc/x.txt, content: x } }
              - { id: page, uses: chat, with: { prompt: x } }
              - { uses: log, with: { message: "{{ input.txt }}{{ steps.page.json.a }}" } }
              - { id: lines, uses: transform, with: { lines: true, from: x } }
              - { uses: log, with: { message: "{{ steps.lines.first }}" } }
              - { uses: template, with: { file: prompts/sumary.txt } }
              - { uses: template, with: { file: prompts/broken.txt } }
            """
        let files = [
            "p.yaml": pipeline, "prompts/summary.txt": "x",
            "prompts/broken.txt": "{{ inputs.nothing }}\n{{ steps.lnes }}",
        ]
        try await withProject(files) { runnel in
            let ended = try await runnel.run(["validate", "--simulate"])
            #expect(
                said(ended.error) == [
                    "p.yaml:2:39: error: \"/etc/x.txt\" leads out of \"\(runnel.directory)\" [path-outside]",
                    "= files are read and written below the project's folder only",
                    #"p.yaml:4:39: error: `input` has no key "txt" [unknown-reference]"#, #"= did you mean "text"?"#,
                    "p.yaml:4:54: error: `steps.page.json` is null, which has no keys [unknown-reference]",
                    "p.yaml:6:39: error: `steps.lines` is a list, which has no keys; `steps.lines[0]` is its first item [unknown-reference]",
                    #"p.yaml:7:37: error: cannot read "prompts/sumary.txt": there is no such file [file-not-found]"#,
                    #"= did you mean "summary.txt"?"#,
                    #"p.yaml:8:37: error: prompts/broken.txt:1:4: there is no input "nothing" [unknown-reference]"#,
                    "= declare it under `inputs:`",
                    #"p.yaml:8:37: error: prompts/broken.txt:2:4: there is no step with the id "lnes" [unknown-reference]"#,
                    #"= did you mean "lines"?"#, "1 pipeline checked, 1 with errors",
                ])
        }
    }

    @Test(
        "a setting of another kind shows how it is written",
        arguments: [
            (
                "journal: postgres", "1:10: error: `journal`: expected a mapping, found a string [wrong-value]",
                #"= write `journal: { url: "postgres://user@host/database" }`"#
            ),
            (
                "env: LANG", #"1:6: error: `env`: expected a list, found "LANG" [wrong-value]"#,
                #"= write `env: ["LANG"]`"#
            ),
            (
                "secrets: [a]", "1:10: error: `secrets`: expected names and values, found a list [wrong-value]",
                "= write `secrets: { name: { env: NAME } }`"
            ),
        ])
    func settings(text: String, message: String, hint: String) async throws {
        let files = ["p.yaml": "steps: [ { uses: log, with: { message: hi } } ]\n", "runnel.yaml": text + "\n"]
        try await withProject(files) { runnel in
            let ended = try await runnel.run(["validate", "p.yaml"])
            #expect(said(ended.error).starts(with: ["runnel.yaml:" + message, hint]), "\(ended.error)")
        }
    }

    @Test("a certificate that is not on this machine is a warning, a proxy that is no URL an error")
    func network() async throws {
        let pipeline = "steps: [ { uses: log, with: { message: hi } } ]\n"
        try await withProject(["p.yaml": pipeline, "runnel.yaml": "http: { tls: { ca: nope.pem } }\n"]) { runnel in
            let ended = try await runnel.run(["validate", "p.yaml"])
            #expect(
                ended.error == """
                    runnel.yaml:1: warning: `http.tls.ca`: there is no file "nope.pem"
                      = create it, or change the path
                    1 pipeline checked, all valid

                    """)
        }
        let tls = "server: { tls: { certificate: c.pem, key: k.pem } }\n"
        try await withProject(["p.yaml": pipeline, "runnel.yaml": tls, "c.pem": "nothing"]) { runnel in
            let ended = try await runnel.run(["validate", "p.yaml"])
            #expect(
                ended.error == """
                    runnel.yaml:1: warning: `server.tls.key`: there is no file "k.pem"
                      = create it, or change the path
                    1 pipeline checked, all valid

                    """)
            let server = try await runnel.run(["serve", "."])
            #expect(server.status == 2)
            #expect(
                server.error == """
                    runnel.yaml:1: error: `server.tls.certificate`: "\(runnel.directory)/c.pem" holds no certificate
                      = in a PEM file it begins with -----BEGIN CERTIFICATE-----

                    """)
        }
        try await withProject(["p.yaml": pipeline, "runnel.yaml": "http: { proxy: word }\n"]) { runnel in
            let ended = try await runnel.run(["validate", "p.yaml"])
            #expect(ended.error.contains("the proxy \"word\" is not a URL"), "\(ended.error)")
            #expect(ended.error.contains("= write it such as \"http://proxy.example:3128\"\n"), "\(ended.error)")
            #expect(ended.status == 2)
        }
    }

    @Test("a key of `trigger` that no run of the pipeline has is found before anything is paid for")
    func triggerKeys() async throws {
        func pipeline(_ triggers: String) -> String {
            """
            on: { \(triggers) }
            steps:
              - { uses: log, if: trigger.tpye == "watch", with: { message: "{{ trigger.pth }}" } }
              - { uses: log, with: { message: "{{ trigger.path }} {{ trigger.size }} {{ trigger.gone | default('') }}" } }
              - { uses: log, with: { message: "{{ trigger.scheduled_for }} {{ trigger.count }}" } }
            """
        }
        let tpye = #"3:22: error: there is no `trigger` value "tpye" [unknown-reference]"#
        let pth = #"3:68: error: there is no `trigger` value "pth" [unknown-reference]"#
        let tick = #"5:39: error: there is no `trigger` value "scheduled_for" [unknown-reference]"#
        let count = #"5:67: error: there is no `trigger` value "count" [unknown-reference]"#
        let known = "= known: type, path, name, stem, extension, size, modified, media_type"
        let close = [#"= did you mean "type"?"#, #"= did you mean "path"?"#]
        for (triggers, expected) in [
            ("watch: { path: in }", [tpye, close[0], pth, close[1], tick, known, count, known]),
            (
                "watch: { path: in }, schedule: { every: 1h, debounce: { for: 1s } }",
                [tpye, close[0], pth, close[1]]
            ),
            ("manual: {}", []),
        ] {
            try await withProject(["p.yaml": pipeline(triggers)]) { runnel in
                let ended = try await runnel.run(["validate", "p.yaml"])
                let found = said(ended.error).filter { $0.contains("trigger") || $0.hasPrefix("= ") }
                #expect(found == expected.map { $0.hasPrefix("= ") ? $0 : "p.yaml:" + $0 }, "\(ended.error)")
            }
        }
    }

    @Test("a template that another step writes need not be there yet")
    func writtenTemplate() async throws {
        let pipeline = """
            steps:
              - { uses: file.write, with: { path: prompts/a.txt, content: "of {{ '{{ run.pipeline }}' }}" } }
              - { uses: template, with: { file: prompts/a.txt } }
            """
        try await withProject(["p.yaml": pipeline]) { runnel in
            let ended = try await runnel.run(["run", "p", "--no-journal"])
            #expect(ended.output == "of p\n")
        }
    }

    @Test(
        "a chat without a usable Marketplace is refused before its pipeline begins",
        arguments: [
            ("", "`marketplace.base_url` is not set"),
            (
                "marketplace: { base_url: your-domain, client_id: a, client_secret: { env: THE_SECRET }, agent_id: a }",
                "the base URL \"your-domain\" cannot be used: it does not begin with https:// or http://"
            ),
            (
                "marketplace: { base_url: 'https://a.example', client_id: a, client_secret: { env: NOT_SET }, agent_id: a }",
                "`marketplace.client_secret` has no value: the environment variable NOT_SET is not set"
            ),
            (
                "marketplace: { base_url: 'https://a.example', client_id: a, client_secret: { env: SHORT }, agent_id: a }",
                "`marketplace.client_secret` is too short to be masked in logs (minimum 4 bytes)"
            ),
            (
                "marketplace: { base_url: 'https://a.example', client_id: a, client_secret: { env: THE_SECRET } }",
                "no agent is named"
            ),
        ])
    func marketplace(configuration: String, message: String) async throws {
        let files = [
            "runnel.yaml": configuration,
            "p.yaml":
                "steps:\n  - { uses: file.write, with: { path: begun.txt, content: x } }\n  - uses: chat\n    with: { prompt: x }\n",
        ]
        try await withProject(files, environment: ["THE_SECRET": "s3cr3t-s3cr3t", "SHORT": "abc"]) { runnel in
            let ended = try await runnel.run(["run", "p"])
            #expect(ended.error.hasPrefix("p.yaml:3:11: error: chat: \(message) [marketplace-unconfigured]\n"))
            #expect(ended.status == 2)
            #expect(!FileManager.default.fileExists(atPath: runnel.directory + "/begun.txt"))
            #expect(try await runnel.run(["run", "p", "--simulate", "--no-journal"]).status == 0)
            #expect(try await runnel.run(["explain", "p"]).status == 0)
            // Secrets are not needed to validate a pipeline.
            let isSecret = message.contains("client_secret")
            #expect(try await runnel.run(["validate", "p.yaml"]).status == (isSecret ? 0 : 2))
        }
    }

    @Test(
        "for inputs that are typed as arguments or options, the hint shows --input",
        arguments: [
            ("run p n=1", "unexpected argument 'n=1'\n  = inputs of the pipeline are set with `--input n=…`"),
            (
                "run p n=1 m=2",
                "2 unexpected arguments: 'n=1', 'm=2'\n  = inputs of the pipeline are set with `--input n=… --input m=…`"
            ),
            ("run p --n 1", "unknown option '--n'\n  = inputs of the pipeline are set with `--input n=…`"),
            ("trigger p --a=Ada", "unknown option '--a'\n  = inputs of the pipeline are set with `--input a=…`"),
            ("run p --josn", "unknown option '--josn'\n  = did you mean \"--json\"?"),
            ("run p q", "unexpected argument 'q'"),
            ("validate n=1 --n 1", "unknown option '--n'"),
        ])
    func inputsWithoutOption(typed: String, said: String) async throws {
        try await withProject([:]) { runnel in
            let ended = try await runnel.run(typed.split(separator: " ").map(String.init))
            #expect(ended.status == 2)
            #expect(ended.error.hasPrefix("error: \(said)\nUsage: "), "\(ended.error)")
        }
    }

    @Test(
        "commands that are typed wrong say what was meant",
        arguments: [
            (["rnu"], "error: there is no command `runnel rnu`\n  = did you mean `runnel run`?\n"),
            (["runs", "lst"], "error: there is no command `runnel runs lst`\n  = did you mean `runnel runs list`?\n"),
            (
                ["runs", "list", "--state", "faild"],
                """
                error: the value 'faild' is invalid for '--state <state>'. Valid values: queued, running, waiting, \
                interrupted, succeeded, failed, cancelled, skipped
                  = did you mean "failed"?

                """
            ),
            (
                ["explain", "p", "--format", "mermiad"],
                """
                error: the value 'mermiad' is invalid for '--format <format>'. Please provide one of 'text' and 'mermaid'.
                  = did you mean "mermaid"?

                """
            ),
            (
                ["run", "p", "--simulate", "--fault", "cut-of"],
                "error: unknown fault \"cut-of\"\n  = did you mean \"cut-off\"?\n"
            ),
            (
                ["new", "pipeline", "q", "--template", "nope"],
                "error: --template nope: there are hello, hook, folder, schedule, alert\n"
            ),
            (["doctor", "--project", "nowhere"], "error: there is no folder \"nowhere\"\n"),
            (
                ["doctor", "--project", "runnel.yaml"],
                "error: \"runnel.yaml\" is a file, not a folder\n  = name its folder: .\n"
            ),
            (
                ["serve", "folder/notes.txt"],
                "error: \"folder/notes.txt\" is a file, not a folder\n  = name its folder: folder\n"
            ),
            (
                ["run", "folder"],
                "error: \"folder\" is a folder, not a pipeline\n  = pipelines here: other, p\n"
            ),
            (["test", "--filter", "nothing"], "error: no test's name contains \"nothing\"\n"),
            (
                ["validate", "p.test.yaml"],
                "error: \"p.test.yaml\" is a test, not a pipeline; run it with `runnel test p.test.yaml`\n"
            ),
            (
                ["validate", "runnel.yaml"],
                "error: \"runnel.yaml\" is the configuration, not a pipeline; check it with `runnel doctor`\n"
            ),
            (
                ["runs", "list", "--pipeline", "pp"],
                "error: there is no pipeline \"pp\"\n  = the pipelines are other-pipeline, p\n"
            ),
            (
                ["runs", "list", "--pipeline", "other-pipelin"],
                "error: there is no pipeline \"other-pipelin\"\n  = did you mean \"other-pipeline\"?\n"
            ),
        ])
    func commands(arguments: [String], said: String) async throws {
        let files = [
            "p.yaml": "name: p\nsteps: [ { uses: log } ]\n",
            "other.yaml": "name: other-pipeline\nsteps: [ { uses: log } ]\n",
            "p.test.yaml": "tests: [ { name: it works } ]\n", "runnel.yaml": "", "folder/notes.txt": "",
        ]
        try await withProject(files) { runnel in
            _ = try await runnel.run(["run", "p"])
            let ended = try await runnel.run(arguments)
            #expect(ended.error.hasPrefix(said))
            #expect(ended.status == 2)
        }
    }

    @Test("a plugin that ships cannot be made anew, and a setting that it does not have is passed over with a warning")
    func shippedPlugin() async throws {
        let files = [
            "runnel.yaml":
                "plugins: { chat: { modle: x } }\nmarketplace: { base_url: 'http://127.0.0.1:1', auth: none }\n",
            "p.yaml": "steps: [ { uses: chat, with: { prompt: x } } ]\n",
        ]
        try await withProject(files) { runnel in
            let made = try await runnel.run(["new", "plugin", "chat"])
            #expect(made.error.hasPrefix("error: a plugin named \"chat\" ships with Runnel; choose another name\n"))
            let validated = try await runnel.run(["validate", "p.yaml"])
            #expect(
                validated.error == """
                    warning: runnel.yaml: `plugins.chat`: there is no setting "modle"
                      = did you mean "model"?
                    1 pipeline checked, all valid

                    """)
        }
    }

    @Test("where other keys are allowed too, a missing one is found among those that were written")
    func openSchema() async throws {
        let plugin = """
            name: clock
            version: "1"
            description: Tells the time.
            protocol: exec
            command: [sh, -c, exit]
            steps:
              tell:
                summary: Tells it.
                output: The time.
                input: { type: object, required: [timezone], properties: { timezone: { type: string } } }
            """
        let files = [
            "plugins/clock/plugin.yaml": plugin,
            "p.yaml": "steps:\n  - uses: clock.tell\n    with: { at: now, timezon: Asia/Tokyo }\n",
        ]
        try await withProject(files) { runnel in
            let ended = try await runnel.run(["validate", "p.yaml"])
            #expect(
                said(ended.error) == [
                    #"p.yaml:3:22: error: clock.tell needs the key "timezone" [missing-key]"#,
                    #"= you wrote "timezon""#, "1 pipeline checked, 1 with errors",
                ])
        }
    }

    @Test("of a failed attempt, the reason and the pause are one sentence")
    func refused() async throws {
        let pipeline = """
            steps:
              - uses: http.fetch
                with: { url: "http://127.0.0.1:1/" }
                retry: { attempts: 2, backoff: 1ms }
            """
        try await withProject(["p.yaml": pipeline]) { runnel in
            let ended = try await runnel.run(["run", "p"])
            #expect(
                ended.error.contains(
                    "  GET http://127.0.0.1:1/ failed: the connection was refused; trying again in "))
            #expect(
                ended.error.contains(
                    "error: GET http://127.0.0.1:1/ failed: the connection was refused [connection-refused]\n"))
        }
    }

    /// The lines without the quoted ones of the file.
    private func said(_ error: String) -> [String] {
        error.split(separator: "\n").map { $0.drop { $0 == " " } }.filter { line in
            !line.hasPrefix("|") && !line.drop(while: \.isNumber).hasPrefix(" |")
        }.map(String.init)
    }
}
