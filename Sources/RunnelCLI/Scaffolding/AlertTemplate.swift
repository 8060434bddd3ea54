extension ProjectTemplate {
    static let alert = ProjectTemplate(
        name: "alert", summary: "Tells a chat what failed, once for each burst.",
        pipeline: PipelineTemplate(
            name: "alert",
            body: #"""
                # One message about everything that fails, to a webhook.
                #
                #   runnel serve pipelines
                #
                # It hears of each run that fails, of the first success after that, and of problems of Runnel itself. What comes within
                # half a minute is folded into one message, and nothing waits for longer than five minutes. The message is JSON with a
                # `text`, as Slack, Mattermost and Rocket.Chat take it; docs/alerts.md shows what Teams, Discord, ntfy and PagerDuty take.
                #
                # Set the address in runnel.yaml, as `secrets: { alerts: { env: ALERT_WEBHOOK } }`.
                name: alert
                description: Tell a chat what failed, once for each burst.
                on:
                  run:
                    states: [failed, recovered]
                    debounce: { for: 30s, max: 5m }
                  health:
                    debounce: { for: 30s, max: 5m }

                concurrency: { limit: 1 }
                steps:
                  - id: message
                    uses: transform
                    with:
                      from: "{{ trigger }}"
                      # Run events have a pipeline, health events a kind and a subject.
                      jq: |
                        def line:
                          if .pipeline then "\(.pipeline) \(.state)" + (if .error then ": \(.error.message)" else "" end)
                          else "\(.kind) \(.state): \(.message) (\(.subject))" end;
                        def name: if .pipeline then "\(.pipeline) \(.state)" else "\(.kind) \(.state)" end;
                        . as $trigger
                        | [.folded | group_by(name)[] | {name: (.[0] | name), count: length, line: (.[-1] | line)}]
                        | sort_by(-.count)
                        | (if $trigger.count == 1 then .[0].line else "\($trigger.count) events:" end)
                          + (if $trigger.count == 1 then "" else
                              ([.[0:20][] | "\n• \(.count) × \(.line)"] | add)
                              + (if length > 20 then "\n• and \(length - 20) more" else "" end)
                              + (if $trigger.count > ($trigger.folded | length)
                                then "\n• and \($trigger.count - ($trigger.folded | length)) more, not listed" else "" end) end)
                          + ([$trigger.folded[] | .url // .id // empty] | if length > 0 then "\nLast run: \(.[-1])" else "" end)

                  - uses: webhook.send
                    with:
                      url: "{{ secrets.alerts }}"
                      json:
                        # Slack reads <!channel> as a mention, also in an error or the name of a file.
                        text: "{{ steps.message | replace('&', '&amp;') | replace('<', '&lt;') | replace('>', '&gt;') }}"

                """#,
            test: #"""
                # The tests of alert.yaml.
                pipeline: alert.yaml
                secrets: { alerts: "https://chat.example/hooks/alerts" }
                tests:
                  - name: one failure is one line with its cause and its run
                    trigger:
                      type: run
                      pipeline: import
                      state: failed
                      count: 1
                      folded:
                        - { type: run, id: r-1, pipeline: import, state: failed, error: { code: broken, message: no such file } }
                    http: [ { url: "https://chat.example/hooks/alerts", method: POST, status: 200 } ]
                    expect:
                      sent:
                        - { url: "https://chat.example/hooks/alerts", json: { text: "import failed: no such file\nLast run: r-1" } }

                  - name: a burst is counted by pipeline, the most frequent first
                    trigger:
                      type: run
                      count: 3
                      folded:
                        - { id: r-1, pipeline: import, state: failed, error: { message: timeout } }
                        - { id: r-2, pipeline: export, state: recovered }
                        - { id: r-3, pipeline: import, state: failed, error: { message: no such file }, url: "https://runnel.example/runs/r-3" }
                    http: [ { url: "https://chat.example/hooks/alerts", method: POST, status: 200 } ]
                    expect:
                      sent:
                        - json:
                            text: "3 events:\n• 2 × import failed: no such file\n• 1 × export recovered\nLast run: https://runnel.example/runs/r-3"

                  - name: a problem of Runnel is reported with its subject
                    trigger:
                      type: health
                      count: 1
                      folded: [ { kind: disk, state: began, subject: /srv/project/.runnel, message: only 300 MiB of the disk are free } ]
                    http: [ { url: "https://chat.example/hooks/alerts", method: POST, status: 200 } ]
                    expect:
                      sent:
                        - json: { text: "disk began: only 300 MiB of the disk are free (/srv/project/.runnel)" }

                  - name: events that are not listed are counted
                    trigger:
                      type: run
                      count: 500
                      folded:
                        - { id: r-1, pipeline: import, state: failed, error: { message: timeout } }
                        - { id: r-2, pipeline: import, state: failed, error: { message: timeout } }
                    http: [ { url: "https://chat.example/hooks/alerts", method: POST, status: 200 } ]
                    expect:
                      sent:
                        - json: { text: "500 events:\n• 2 × import failed: timeout\n• and 498 more, not listed\nLast run: r-2" }

                  - name: an error cannot mention anybody
                    trigger:
                      type: run
                      count: 1
                      folded: [ { id: r-1, pipeline: import, state: failed, error: { message: "no file <!channel> & co" } } ]
                    http: [ { url: "https://chat.example/hooks/alerts", method: POST, status: 200 } ]
                    expect:
                      sent:
                        - json: { text: "import failed: no file &lt;!channel&gt; &amp; co\nLast run: r-1" }

                """#),
        configuration: """
            # Where the pipeline alert sends its messages: a webhook that takes JSON with a `text`, such as Slack's.
            secrets:
              alerts: { env: ALERT_WEBHOOK }

            """,
        secrets: ["alerts"],
        tries: [
            ("runnel test", "tests it"),
            ("runnel receive --port 9000", "prints what it gets, in another terminal"),
            (
                "ALERT_WEBHOOK=http://127.0.0.1:9000/ runnel serve pipelines",
                "waits for failures; add a pipeline and let it fail"
            ),
        ])
}
