/// Pipelines whose shape is right, and that are wrong in YAML, in a template, or in what they refer to.
enum BrokenReferences {
    static let all = syntax + templates + references + values + paths

    private static let syntax = [
        "steps: [", "steps:\n\t- uses: log", "a: 1\na: 2\nsteps: []", "steps: *nothing", "steps: \"\\q\"",
        "steps:\n  - uses: log\n   with: {}", "steps: &a [*a]", "? [a]\n: b", "<<: 5\nsteps: []", "steps: |0\n  x",
        "%YAML 3.0\n---\nsteps: []", "steps: []\n---\nsteps: []", "steps: !!float abc", "key: {{ input }}",
    ]

    private static let templates = [
        "{{", "{{ }}", "{{ input | }}", "{{ input | nothing }}", "{{ input | default }}", "{{ 'a }}", "{{ 1 + }}",
        "{{ (1 }}", "{{ input.[0] }}", "{{ input[ }}", "{% if %}x{% endif %}", "{% for x in input %}", "{% endif %}",
        "{{ input | replace('a') }}", "{{ a b }}", "{{ input | indent('x', 2, 3) }}",
    ].map { "steps:\n  - uses: log\n    with:\n      message: \"\($0)\"" }

    private static let references = [
        "steps:\n  - { uses: log, with: { message: '{{ steps.a }}' } }",
        "steps:\n  - { uses: log, with: { message: '{{ steps.b }}' } }\n  - { id: b, uses: chat }",
        "steps:\n  - { id: answer, uses: chat }\n  - { uses: log, with: { message: '{{ steps.anwser.text }}' } }",
        "steps:\n  - { uses: log, with: { message: '{{ inputs.a }}' } }",
        "inputs: { tone: {} }\nsteps:\n  - { uses: log, with: { message: 'x {{ inputs.toen }}' } }",
        "steps:\n  - { uses: log, with: { message: '{{ nothing }}' } }",
        "steps:\n  - { uses: log, with: { message: '{{ item }}' } }",
        "steps:\n  - { uses: log, with: { message: '{{ index }}' } }",
        "steps:\n  - { uses: log, with: { message: '{{ error.message }}' } }",
        "steps:\n  - { uses: log, with: { message: '{{ run.ids }}' } }",
        "steps:\n  - { uses: chat, if: steps.later }",
        "steps:\n  - { uses: chat, for_each: '{{ steps.later }}' }",
        "steps:\n  - { uses: chat }\non_failure:\n  - { uses: log, with: { message: '{{ error.word }}' } }",
        "steps:\n  - { uses: chat }\noutput: '{{ steps.nothing }}'",
        "on: { watch: { path: '{{ inputs.a }}' } }\ninputs: { a: { default: x } }\nsteps: [ { uses: chat } ]",
        "on: { watch: { path: a } }\ninputs: { a: {} }\nsteps: [ { uses: chat } ]",
        "steps:\n  - { id: a, uses: chat }\n  - { id: a, uses: chat }",
        "steps:\n  - for_each: [1]\n    id: all\n    steps: [ { id: one, uses: chat } ]\n"
            + "  - { uses: log, with: { message: '{{ steps.one }}' } }",
        "steps:\n  - parallel: true\n    steps:\n      - { id: a, uses: chat }\n"
            + "      - { id: b, uses: log, with: { message: '{{ steps.a }}' } }",
        "steps:\n  - { uses: chat, if: '1 +' }", "steps:\n  - { uses: chat, if: '{{ 1 }} 2' }",
    ]

    private static let values = [
        "steps: [ { uses: transform, with: { jq: '.[' } } ]", "steps: [ { uses: transform, with: {} } ]",
        "steps: [ { uses: transform, with: { jq: ., lines: {} } } ]",
        "steps: [ { uses: transform, with: { regex: '(' } } ]",
        "steps: [ { uses: http.fetch, with: { url: 'ftp://a' } } ]",
        "steps: [ { uses: http.fetch, with: { url: 'http://a', method: SEND } } ]",
        "steps: [ { uses: http.fetch, with: { url: 'http://a', timeout: soon } } ]",
        "steps: [ { uses: http.fetch, with: { url: 'http://a', body: b, json: {} } } ]",
        "steps: [ { uses: http.fetch, with: { url: 'http://a', headers: { 'a b': c } } } ]",
        "steps: [ { uses: chat, with: { schema: { type: objekt } } } ]",
        "steps: [ { uses: chat, with: { accept: [stop] } } ]",
        "steps: [ { uses: webhook.send, with: { url: 'http://a', secret: whsec_a, id: 'a b' } } ]",
        "steps: [ { uses: template, with: { text: a, file: b } } ]", "steps: [ { uses: template } ]",
        "on: { schedule: { cron: '0 9 * *' } }\nsteps: [ { uses: chat } ]",
        "on: { schedule: { cron: '61 9 * * *' } }\nsteps: [ { uses: chat } ]",
        "on: { schedule: { every: 1ms } }\nsteps: [ { uses: chat } ]",
        "on: { schedule: { every: 1h, cron: '@daily' } }\nsteps: [ { uses: chat } ]",
        "on: { schedule: { every: 1h, anchor: yesterday } }\nsteps: [ { uses: chat } ]",
        "on: { schedule: { cron: '@daily', timezone: Mars/Base } }\nsteps: [ { uses: chat } ]",
        "on: { schedule: { cron: '@daily', max_missed: 3 } }\nsteps: [ { uses: chat } ]",
        "on: { webhook: { path: '../a' } }\nsteps: [ { uses: chat } ]",
        "on: { webhook: { verify: { scheme: hmac, secret: a } } }\nsteps: [ { uses: chat } ]",
        "on: { webhook: { verify: { scheme: none }, idempotency: { header: 'a b' } } }\nsteps: [ { uses: chat } ]",
        "on: { webhook: { verify: { scheme: github, secret: '' } } }\nsteps: [ { uses: chat } ]",
        "on: { watch: { path: a, include: ['['] } }\nsteps: [ { uses: chat } ]",
    ]

    private static let paths = [
        "steps: [ { uses: file.read, with: { path: ../a } } ]",
        "steps: [ { uses: file.read, with: { path: .git/x } } ]",
        "steps: [ { uses: file.write, with: { path: 'a/{{ input }}/../../b', content: c } } ]",
        "steps: [ { uses: file.write, with: { path: runnel.yaml, content: c } } ]",
        "steps: [ { uses: file.write, with: { path: .env, content: c } } ]",
        "steps: [ { uses: file.read, with: { path: \"a\\0b\" } } ]",
        "steps: [ { uses: template, with: { file: ../../etc/passwd } } ]",
        "on: { watch: { path: .runnel } }\nsteps: [ { uses: chat } ]",
    ]
}
