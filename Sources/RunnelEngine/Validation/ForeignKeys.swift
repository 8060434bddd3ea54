/// Keys of other tools, or of other places in Runnel's files, and what to write instead.
enum ForeignKeys {
    /// A hint for an unknown key; nil for a key that is not in the tables.
    ///
    /// - Parameters:
    ///   - key: The unknown key.
    ///   - owner: The owner of the key, as messages name it: "a step", "`retry`", "webhook".
    static func counterpart(of key: String, in owner: String) -> String? { counterparts[owner]?[key] }

    /// A hint for the name of a trigger that does not exist.
    static func trigger(_ name: String) -> String? { triggers[name] }

    private static let counterparts: [String: [String: String]] = [
        "a pipeline": pipeline, "a step": step, "`retry`": retry, "schedule": schedule, "watch": watch,
        "webhook": webhook, "chat": chat, "file.write": file,
    ]

    private static let pipeline = table(
        Hint("a pipeline has one list of `steps`", for: "jobs", "tasks", "stages", "workflow"),
        Hint("write `on:`", for: "triggers", "trigger"), Hint("write `on: { schedule: … }`", for: "schedule"),
        Hint("write `on: { schedule: { cron: … } }`", for: "cron"),
        Hint("write `on_failure:` with a list of steps", for: "errors"),
        Hint("`env:` stands in runnel.yaml; templates read `{{ env.NAME }}`", for: "env"),
        Hint("`vars:` stands in runnel.yaml; templates read `{{ vars.NAME }}`", for: "vars", "variables"),
        Hint("`secrets:` stands in runnel.yaml; templates read `{{ secrets.NAME }}`", for: "secrets"))

    private static let step: [String: String] = {
        var all = table(
            Hint("write `uses: shell` and `with: { run: … }`", for: "run", "script", "command", "cmd"),
            Hint("write `uses: …`", for: "type", "action"),
            Hint("write `with: { … }`", for: "params", "parameters", "args", "inputs"),
            Hint("write `on_error: continue`", for: "continue-on-error", "continue_on_error", "continueOnError"),
            Hint("write `on_error: continue` here, or `on_failure:` at the pipeline", for: "on_failure"),
            Hint("write `if: …`", for: "when"),
            Hint(
                "give each step, or each group of `steps`, an `if:` of its own", for: "switch", "cases", "then", "else"),
            Hint("write `for_each: …` for the items of a list, or `until: …`", for: "loop"),
            Hint("write `retry: { attempts: … }`", for: "retries"),
            Hint(
                "a step gets its values through `with`; programs see what their plugin's manifest lists", for: "env"),
            Hint(
                "steps run in the order in which they are written; a group with `parallel: true` runs its steps at once",
                for: "needs", "depends", "depends_on", "dependsOn"))
        for key in ["prompt", "system", "text", "path", "url", "message", "jq", "body", "content", "headers"] {
            all[key] = "indent `\(key)` below `with:`"
        }
        return all
    }()

    private static let retry = table(
        Hint(
            "write `attempts: …`", for: "max", "max_attempts", "maxAttempts", "maxTries", "limit", "count", "times"),
        Hint("write `backoff: …`", for: "delay", "interval", "wait", "waitBetweenTries"))
    private static let schedule = table(
        Hint("write `timezone: …`", for: "tz", "time_zone"), Hint("write `every: …`", for: "interval"))
    private static let watch = table(Hint("write `include: […]`", for: "pattern", "patterns", "glob", "files"))
    private static let webhook = table(
        Hint("write `verify: { scheme: …, secret: … }`", for: "secret", "token", "auth", "signature"))
    private static let chat = table(
        Hint("write it in `body: { … }`", for: "temperature", "max_tokens", "top_p", "seed", "stop"))
    private static let file = table(Hint("write `content: …`", for: "text", "data", "body"))

    private static let triggers = table(
        Hint(
            "write `schedule: { cron: … }` or `schedule: { every: … }`", for: "cron", "every", "interval", "timer"),
        Hint("write `watch: { path: … }`", for: "file", "files", "folder"),
        Hint("write `webhook: { path: … }`", for: "http", "hook"),
        Hint("leave it out: runs by hand are always possible", for: "workflow_dispatch"),
        Hint(
            "write `webhook: { path: …, verify: { scheme: github, secret: … } }`", for: "push", "pull_request",
            "issues", "issue_comment", "release"))

    private struct Hint {
        let text: String
        let keys: [String]

        init(_ text: String, for keys: String...) {
            self.text = text
            self.keys = keys
        }
    }

    private static func table(_ hints: Hint...) -> [String: String] {
        var all: [String: String] = [:]
        for hint in hints {
            for key in hint.keys { all[key] = hint.text }
        }
        return all
    }
}
