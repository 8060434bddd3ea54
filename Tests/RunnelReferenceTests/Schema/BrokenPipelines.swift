/// Pipelines that the engine refuses for their shape.
enum BrokenPipelines {
    static let all = pipeline + steps + values + inputs + triggers + nulls

    private static let step = "steps: [ { uses: log, with: { message: hi } } ]"

    private static let pipeline: [BrokenPipeline] = [
        BrokenPipeline("an empty file", "empty-file", ""),
        BrokenPipeline("a list instead of keys", "wrong-type", "- uses: log"),
        BrokenPipeline("no steps", "missing-key", "name: x"),
        BrokenPipeline("steps without a value", "missing-key", "steps:"),
        BrokenPipeline("an empty list of steps", "no-steps", "steps: []"),
        BrokenPipeline("steps as an object", "wrong-type", "steps: { uses: log }"),
        BrokenPipeline("an unknown key", "unknown-key", "\(step)\nstpes: []"),
        BrokenPipeline("a name that is a number", "wrong-type", "\(step)\nname: 5"),
        BrokenPipeline("a time-out that is a number", "wrong-value", "\(step)\ntimeout: 30"),
        BrokenPipeline("a time-out with an unknown unit", "wrong-value", "\(step)\ntimeout: 5 parsecs"),
        BrokenPipeline("an unknown overlap", "wrong-value", "\(step)\nconcurrency: { overlap: wait }"),
        BrokenPipeline("a limit of no runs", "wrong-value", "\(step)\nconcurrency: { limit: 0 }"),
        BrokenPipeline("an unknown key of concurrency", "unknown-key", "\(step)\nconcurrency: { max: 1 }"),
        BrokenPipeline("on_failure as an object", "wrong-type", "\(step)\non_failure: { uses: log }"),
        BrokenPipeline("a broken step in finally", "unknown-key", "\(step)\nfinally: [ { uses: log, wiht: {} } ]"),
    ]

    private static let steps: [BrokenPipeline] = [
        BrokenPipeline("a step that is a string", "wrong-type", "steps: [ log ]"),
        BrokenPipeline("a step without uses", "missing-key", "steps: [ { with: { message: hi } } ]"),
        BrokenPipeline("uses without a value", "missing-key", "steps: [ { uses: } ]"),
        BrokenPipeline("a step that does not exist", "unknown-step", "steps: [ { uses: file.raed } ]"),
        BrokenPipeline(
            "an unknown key of a step", "unknown-key", "steps: [ { uses: log, with: { message: a }, when: x } ]"),
        BrokenPipeline(
            "an id that begins with a digit", "bad-id", "steps: [ { id: 1a, uses: log, with: { message: a } } ]"),
        BrokenPipeline("an id with a dot", "bad-id", "steps: [ { id: a.b, uses: log, with: { message: a } } ]"),
        BrokenPipeline("an if that is a list", "wrong-type", "steps: [ { uses: log, if: [a], with: { message: a } } ]"),
        BrokenPipeline(
            "a for_each that is a text", "wrong-type", "steps: [ { uses: log, for_each: abc, with: { message: a } } ]"),
        BrokenPipeline(
            "max_parallel without for_each", "bad-keys",
            "steps: [ { uses: log, max_parallel: 2, with: { message: a } } ]"),
        BrokenPipeline(
            "max_parallel of zero", "wrong-value",
            "steps: [ { uses: log, for_each: [1], max_parallel: 0, with: { message: a } } ]"),
        BrokenPipeline(
            "parallel without steps", "bad-keys", "steps: [ { uses: log, parallel: true, with: { message: a } } ]"),
        BrokenPipeline("a group with uses", "bad-keys", "steps: [ { uses: log, \(step) } ]"),
        BrokenPipeline("a group with retry", "bad-keys", "steps: [ { retry: { attempts: 2 }, \(step) } ]"),
        BrokenPipeline("a group with with", "bad-keys", "steps: [ { with: {}, \(step) } ]"),
        BrokenPipeline("an empty group", "no-steps", "steps: [ { steps: [] } ]"),
        BrokenPipeline("a group without a value", "no-steps", "steps: [ { steps: } ]"),
        BrokenPipeline("a mistake deep inside", "unknown-key", "steps: [ { steps: [ { steps: [ { use: log } ] } ] } ]"),
        BrokenPipeline(
            "an unknown on_error", "wrong-value", "steps: [ { uses: log, on_error: skip, with: { message: a } } ]"),
        BrokenPipeline(
            "an unknown key of retry", "unknown-key",
            "steps: [ { uses: log, retry: { times: 2 }, with: { message: a } } ]"),
        BrokenPipeline(
            "attempts that are a text", "wrong-value",
            "steps: [ { uses: log, retry: { attempts: two }, with: { message: a } } ]"),
        BrokenPipeline("retry as a number", "wrong-value", "steps: [ { uses: log, retry: 3, with: { message: a } } ]"),
    ]

    private static let values: [BrokenPipeline] = [
        BrokenPipeline("with as a text", "wrong-type", "steps: [ { uses: log, with: hi } ]"),
        BrokenPipeline("with as a template", "wrong-type", "steps: [ { uses: log, with: '{{ input }}' } ]"),
        BrokenPipeline(
            "a required key is missing", "missing-key", "steps: [ { uses: file.write, with: { append: true } } ]"),
        BrokenPipeline("with is missing", "missing-key", "steps: [ { uses: file.write } ]"),
        BrokenPipeline(
            "an unknown key of with", "unknown-key", "steps: [ { uses: log, with: { message: a, lvl: info } } ]"),
        BrokenPipeline(
            "a word that is no choice", "wrong-value", "steps: [ { uses: log, with: { message: a, level: loud } } ]"),
        BrokenPipeline(
            "a number for a flag", "wrong-value", "steps: [ { uses: file.read, with: { path: a, header: 1 } } ]"),
        BrokenPipeline(
            "a text with an expression for a flag", "wrong-value",
            "steps: [ { uses: file.read, with: { path: a, header: 'x{{ input }}' } } ]"),
        BrokenPipeline("neither of two keys", "bad-keys", "steps: [ { uses: file.read, with: { as: text } } ]"),
        BrokenPipeline("both of two keys", "bad-keys", "steps: [ { uses: file.read, with: { path: a, glob: b } } ]"),
        BrokenPipeline(
            "two of at most one", "bad-keys", "steps: [ { uses: chat, with: { prompt: a, messages: [] } } ]"),
        BrokenPipeline(
            "an unknown key inside", "unknown-key",
            "steps: [ { uses: chat, with: { messages: [ { role: user, text: a } ] } } ]"),
        BrokenPipeline(
            "a size in words", "wrong-value", "steps: [ { uses: file.read, with: { path: a, max_size: big } } ]"),
        BrokenPipeline(
            "a status out of range", "wrong-value",
            "steps: [ { uses: http.fetch, with: { url: 'http://a', status: 99 } } ]"),
        BrokenPipeline(
            "both kinds of authentication", "bad-keys",
            "steps: [ { uses: http.fetch, with: { url: 'http://a', auth: { bearer: a, basic: { user: b } } } } ]"
        ),
    ]

    private static let inputs: [BrokenPipeline] = [
        BrokenPipeline("inputs as a list", "wrong-type", "\(step)\ninputs: [a]"),
        BrokenPipeline("an input without a value", "wrong-type", "\(step)\ninputs: { a: }"),
        BrokenPipeline("an unknown type", "wrong-value", "\(step)\ninputs: { a: { type: text } }"),
        BrokenPipeline("an unknown key of an input", "unknown-key", "\(step)\ninputs: { a: { defualt: x } }"),
        BrokenPipeline(
            "a default of another type", "wrong-value", "\(step)\ninputs: { a: { type: integer, default: x } }"),
        BrokenPipeline("a default that is no string", "wrong-value", "\(step)\ninputs: { a: { default: 5 } }"),
        BrokenPipeline("choices that are no list", "wrong-type", "\(step)\ninputs: { a: { enum: x } }"),
        BrokenPipeline("required in words", "wrong-value", "\(step)\ninputs: { a: { required: always } }"),
    ]

    private static let nulls: [BrokenPipeline] =
        ["name", "description", "concurrency", "timeout", "on_failure", "finally"].map {
            BrokenPipeline("null as \($0)", "empty-value", "\(step)\n\($0): null")
        }
        + ["id", "for_each", "max_parallel", "retry", "timeout", "on_error"].map {
            BrokenPipeline("null as \($0)", "empty-value", "steps: [ { uses: chat, \($0): null } ]")
        }
        + [
            BrokenPipeline("null as parallel", "empty-value", "steps: [ { parallel: null, \(step) } ]"),
            BrokenPipeline("null in retry", "empty-value", "steps: [ { uses: chat, retry: { attempts: null } } ]"),
            BrokenPipeline("null in concurrency", "empty-value", "\(step)\nconcurrency: { limit: null }"),
            BrokenPipeline("null in with", "empty-value", "steps: [ { uses: chat, with: { prompt: null } } ]"),
            BrokenPipeline("null in a list", "empty-value", "steps: [ { uses: chat, with: { messages: [null] } } ]"),
            BrokenPipeline(
                "null as a header", "empty-value",
                "steps: [ { uses: http.fetch, with: { url: 'http://a', headers: { a: null } } } ]"),
            BrokenPipeline("null as a default", "empty-value", "\(step)\ninputs: { a: { default: null } }"),
            BrokenPipeline("null as an input's type", "empty-value", "\(step)\ninputs: { a: { type: null } }"),
            BrokenPipeline(
                "null as a secret", "empty-value",
                "\(step)\non: { webhook: { verify: { scheme: github, secret: null } } }"),
            BrokenPipeline("null in a trigger", "empty-value", "\(step)\non: { watch: { path: a, after: null } }"),
        ]

    private static let triggers: [BrokenPipeline] = [
        BrokenPipeline("on as a text", "wrong-type", "\(step)\non: watch"),
        BrokenPipeline("a list without a trigger", "wrong-value", "\(step)\non: { schedule: [] }"),
        BrokenPipeline("a key of manual", "unknown-key", "\(step)\non: { manual: { x: 1 } }"),
        BrokenPipeline("a value of manual", "wrong-value", "\(step)\non: { manual: false }"),
        BrokenPipeline("an unknown trigger", "unknown-key", "\(step)\non: { cron: '0 9 * * *' }"),
        BrokenPipeline("a trigger that is a text", "wrong-type", "\(step)\non: { schedule: '0 9 * * *' }"),
        BrokenPipeline("a trigger without its required key", "missing-key", "\(step)\non: { watch: { after: move } }"),
        BrokenPipeline("an empty trigger that needs a key", "missing-key", "\(step)\non: { watch: }"),
        BrokenPipeline("an unknown key of a trigger", "unknown-key", "\(step)\non: { watch: { path: a, folder: b } }"),
        BrokenPipeline(
            "a wrong one among several", "wrong-value",
            "\(step)\non: { watch: [ { path: a }, { path: b, after: burn } ] }"),
        BrokenPipeline(
            "a scheme without its secret", "missing-key", "\(step)\non: { webhook: { verify: { scheme: github } } }"),
    ]
}
