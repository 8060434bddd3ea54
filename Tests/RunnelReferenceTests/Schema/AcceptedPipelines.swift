/// Pipelines in shapes that are easily forgotten.
enum AcceptedPipelines {
    static let all: [String] = [
        // Sections may be empty, and null is false as a condition and a value as an output.
        """
        on:
        inputs:
        steps:
          - uses: template
            with: { text: a }
            if: null
          - { uses: template, with: { text: a }, if: ~ }
          - { uses: file.write, with: { path: a, content: null } }
          - { uses: http.fetch, with: { url: 'http://a', json: null } }
          - { uses: transform, with: { jq: ., from: null } }
        output:
        """,
        "steps: [ { uses: chat, with: } ]",
        "steps: [ { uses: chat } ]",
        // Templates in the place of every kind of value.
        """
        steps:
          - uses: file.read
            with: { path: a, header: "{{ input }}", max_size: "{{ input }}", as: "{{ input }}" }
          - uses: http.fetch
            with:
              url: "https://{{ input }}/"
              timeout: "{{ input }}s"
              status: "{{ input }}"
              headers: "{{ input }}"
              auth: "{{ input }}"
          - uses: http.fetch
            with: { url: "{{ input }}", status: [200, "{{ input }}"], headers: { a: "{{ input }}" } }
          - uses: chat
            with: { messages: "{{ input }}", schema: "{{ input }}" }
          - uses: chat
            with: { messages: [ { role: "{{ input }}", content: "{{ input }}" } ] }
          - uses: webhook.send
            with: { url: "{{ input }}", attempts: "{{ input }}", form: { a: "{{ input }}" }, backoff: "{{ input }}" }
          - uses: log
            with: { message: "{% if input %}a{% endif %}", level: "{{ input }}" }
        """,
        // What an expression may be written as.
        """
        steps:
          - { uses: chat, if: true }
          - { uses: chat, if: 1 }
          - { uses: chat, if: "input == 1" }
          - { uses: chat, for_each: [1, 2], max_parallel: 2 }
          - { uses: chat, for_each: "{{ input }}" }
          - { steps: [ { uses: chat } ], parallel: true, max_parallel: 3, timeout: 1h30m, on_error: continue }
        output: { a: ["{{ input }}"] }
        """,
        """
        on:
          manual:
          schedule: [ { cron: "0 9 * * *" }, { every: 90s } ]
        inputs:
          a: { default: x }
          b: { type: integer, default: 5, enum: [5, 6] }
          c: { type: list, default: [] }
          d: { type: number, default: 1.5, required: false, description: A number. }
          e: { required: false, default: }
        steps: [ { uses: log, with: { message: a } } ]
        """,
        "on: { webhook: { verify: { scheme: github, secret: '{{ secrets.a }}' } } }\nsteps: [ { uses: chat } ]",
        "on: { manual: {} }\nsteps: [ { uses: chat } ]", "on: { manual: true }\nsteps: [ { uses: chat } ]",
    ]
}
