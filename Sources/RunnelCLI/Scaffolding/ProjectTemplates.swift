extension ProjectTemplate {
    static let hello = ProjectTemplate(
        name: "hello", summary: "Asks an agent about a text and saves the answer.",
        pipeline: PipelineTemplate(
            name: "hello",
            body: """
                name: hello
                description: Sum up a text, and keep the summary.
                inputs:
                  sentences: { type: integer, default: 3, description: How long the summary may be. }
                steps:
                  - id: prompt
                    uses: template
                    with: { file: prompts/summary.txt }
                  - id: answer
                    uses: chat
                    with: { prompt: "{{ steps.prompt }}" }
                    retry: { attempts: 3, backoff: 5s }
                  - uses: file.write
                    with: { path: "out/{{ trigger.stem | default('hello') }}.md", content: "{{ steps.answer.text }}\\n" }

                """,
            test: """
                pipeline: hello.yaml
                tests:
                  - name: the summary is saved
                    input: A runnel is a small channel that carries a stream.
                    chat: [ { text: It carries a stream. } ]
                    expect:
                      prompts: [ { contains: [at most 3 sentences, a small channel] } ]
                      files: { out/hello.md: "It carries a stream.\\n" }

                """,
            more: [
                (
                    "prompts/summary.txt",
                    """
                    Sum up the text below in at most {{ inputs.sentences }} sentences.

                    {{ input }}

                    """
                )
            ]),
        samples: [
            (
                "notes.txt",
                """
                Runnel runs pipelines written in YAML. Every run is kept in a journal, so that after a crash it resumes at
                the step it was in. Finished steps are not run, or paid for, again.

                """
            )
        ],
        tries: [
            ("runnel run pipelines/hello --simulate --input-file notes.txt", "runs it without an account"),
            ("runnel run pipelines/hello --dry-run --input-file notes.txt", "shows the prompt without sending it"),
            ("runnel test", "tests it"),
        ])

    static let hook = ProjectTemplate(
        name: "hook", summary: "Answers a webhook delivery with an agent's answer.",
        pipeline: PipelineTemplate(
            name: "ticket",
            body: """
                name: ticket
                description: Label a ticket that another program sends.
                on:
                  # Anybody on this machine may call it. Name a scheme and a secret before others can.
                  webhook: { path: ticket, verify: { scheme: none }, respond: result, timeout: 30s }
                steps:
                  - id: answer
                    uses: chat
                    with:
                      prompt: |
                        Label this ticket as bug, feature or question.

                        {{ trigger.body.text }}
                      schema:
                        type: object
                        required: [label]
                        properties: { label: { enum: [bug, feature, question] } }
                  - uses: transform
                    with: { jq: "{label: .json.label}" }

                """,
            test: """
                pipeline: ticket.yaml
                tests:
                  - name: the caller gets the label
                    trigger: { type: webhook, path: ticket, body: { text: It does not start. } }
                    chat: [ { json: { label: bug } } ]
                    expect:
                      prompts: [ { contains: It does not start. } ]
                      output: { label: bug }

                """),
        tries: [
            ("runnel serve pipelines --simulate", "serves it without an account"),
            (
                """
                curl http://127.0.0.1:8790/hooks/ticket -H 'content-type: application/json' -d '{"text": "It is slow."}'
                """, "calls it, from another terminal"
            ),
            ("runnel test", "tests it"),
        ])

    static let folder = ProjectTemplate(
        name: "folder", summary: "Processes every file that is put into a folder.",
        pipeline: PipelineTemplate(
            name: "inbox",
            body: """
                name: inbox
                description: Sum up every text that is put into the folder inbox.
                on:
                  watch: { path: inbox, include: ["*.txt", "*.md"], after: move }
                steps:
                  - id: file
                    uses: file.read
                    with: { path: "{{ trigger.path }}" }
                  - id: answer
                    uses: chat
                    with: { prompt: "Sum up this text in at most three sentences.\\n\\n{{ steps.file.text }}" }
                    retry: { attempts: 3, backoff: 5s }
                  - uses: file.write
                    with: { path: "out/{{ trigger.stem }}.md", content: "{{ steps.answer.text }}\\n" }

                """,
            test: """
                pipeline: inbox.yaml
                tests:
                  - name: the summary is saved under the text's name
                    files: { inbox/notes.txt: It rained all day. }
                    trigger: { type: watch, path: inbox/notes.txt }
                    chat: [ { text: It rained. } ]
                    expect:
                      prompts: [ { contains: It rained all day. } ]
                      files: { out/notes.md: "It rained.\\n" }

                """, more: [("inbox/.gitkeep", "")]),
        tries: [
            ("runnel serve pipelines --simulate", "waits for files, without an account"),
            ("cp runnel.yaml inbox/notes.txt", "gives it a file, in another terminal"),
            ("runnel test", "tests it"),
        ])

    static let schedule = ProjectTemplate(
        name: "schedule", summary: "Runs on a schedule.",
        pipeline: PipelineTemplate(
            name: "morning",
            body: """
                name: morning
                description: Write a note about the day, on workdays at seven.
                on:
                  schedule: { cron: "0 7 * * MON-FRI", timezone: Etc/UTC, missed: once }
                steps:
                  - id: answer
                    uses: chat
                    with:
                      prompt: |
                        Write a friendly note that begins the day. It is
                        {{ trigger.scheduled_for | default(run.started_at) }}.
                    retry: { attempts: 3, backoff: 10s }
                  - uses: file.write
                    with: { path: out/morning.md, content: "{{ steps.answer.text }}\\n" }

                """,
            test: """
                pipeline: morning.yaml
                now: 2026-11-24T07:00:01Z
                tests:
                  - name: the note is for the day it was planned for
                    trigger: { type: schedule, scheduled_for: 2026-11-24T07:00:00Z }
                    chat: [ { text: Good morning! } ]
                    expect:
                      prompts: [ { contains: 2026-11-24T07 } ]
                      files: { out/morning.md: "Good morning!\\n" }

                """),
        tries: [
            ("runnel schedule next pipelines/morning -n 3", "shows when it will run"),
            ("runnel run pipelines/morning --simulate", "runs it now, without an account"),
            ("runnel serve pipelines --simulate", "runs it on schedule"),
            ("runnel test", "tests it"),
        ])
}
