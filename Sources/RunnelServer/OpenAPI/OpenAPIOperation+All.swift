import RunnelEngine
import RunnelKit

extension OpenAPIOperation {
    static var all: [OpenAPIOperation] { pipelines + runs + deliveries + server + hooks }

    private static let pipelines = [
        OpenAPIOperation(
            method: "get", path: "/api/v1/pipelines", id: "listPipelines", tag: "pipelines",
            summary: "All pipelines that are served, and files with errors", answers: [list("Pipeline")],
            failures: [400]),
        OpenAPIOperation(
            method: "get", path: "/api/v1/pipelines/{name}", id: "showPipeline", tag: "pipelines",
            summary: "One pipeline", parameters: [name], answers: [one("Pipeline")], failures: [400, 404, 409]),
        OpenAPIOperation(
            method: "post", path: "/api/v1/pipelines/{name}/backfill", id: "backfill", tag: "pipelines",
            summary: "Run ticks of the past that have no run yet", parameters: [name, backfillKey],
            body: [
                "required": true, "content": ["application/json": ["schema": OpenAPISchemas.reference("Backfill")]],
            ],
            answers: [list("BackfilledTick")], failures: [400, 404, 408, 409, 429, 503]),
        OpenAPIOperation(
            method: "get", path: "/api/v1/pipelines/{name}/triggers/{key}/ledger", id: "showLedger", tag: "pipelines",
            summary: "What a trigger such as `watch` remembers of files, by name",
            parameters: [
                name, Parameter(name: "key", place: "path", help: "The trigger's key, such as `watch`."),
                Parameter(name: "after", place: "query", help: "Only entries behind this: `next` of a page before."),
                limit("How many entries.", 100),
            ], answers: [one("Ledger")], failures: [400, 404, 409, 503]),
        triggerSwitch("enable", "Enable a trigger"),
        triggerSwitch("disable", "Disable a trigger until it is enabled, also over restarts"),
        OpenAPIOperation(
            method: "post", path: "/api/v1/pipelines/{name}/runs", id: "startRun", tag: "pipelines",
            summary: "Start a run", parameters: [name, idempotencyKey],
            body: ["content": ["application/json": ["schema": OpenAPISchemas.reference("Start")]]],
            answers: [accepted], failures: [400, 404, 408, 409, 413, 415, 429, 503]),
    ]

    private static let runs = [
        OpenAPIOperation(
            method: "get", path: "/api/v1/runs", id: "listRuns", tag: "runs", summary: "Runs, the newest first",
            parameters: [
                Parameter(
                    name: "state", place: "query", help: "Only runs in one of these states.",
                    schema: ["type": "array", "items": OpenAPISchemas.reference("RunState")]),
                Parameter(name: "pipeline", place: "query", help: "Only runs of this pipeline."),
                Parameter(
                    name: "before", place: "query", help: "Only runs older than this one: the last of a page before.",
                    schema: ["type": "string", "pattern": "^[0-9a-f-]{36}$"]),
                limit("How many runs.", 50),
            ], answers: [list("Run")], failures: [400, 503]),
        OpenAPIOperation(
            method: "get", path: "/api/v1/runs/{id}", id: "showRun", tag: "runs", summary: "One run with its steps",
            parameters: [id], answers: [one("RunWithSteps")], failures: [400, 404, 503]),
        OpenAPIOperation(
            method: "get", path: "/api/v1/runs/{id}/events", id: "followRun", tag: "runs",
            summary: "The run's events, those that come included",
            parameters: [
                id,
                Parameter(
                    name: "Last-Event-ID", place: "header", help: "Only events behind this one.",
                    schema: ["type": "string", "pattern": "^[0-9]{0,9}$"]),
            ], answers: [(200, "Server-sent events until the run has ended.", .events)], failures: [400, 404, 503]),
        OpenAPIOperation(
            method: "post", path: "/api/v1/runs/{id}/cancel", id: "cancelRun", tag: "runs", summary: "Cancel the run",
            parameters: [id],
            answers: [
                (200, "It had not begun, and will not.", .json(OpenAPISchemas.reference("Accepted"))),
                (
                    202, "It is asked to end. A second request ends its `finally`, once that runs.",
                    .json(OpenAPISchemas.reference("Accepted"))
                ),
            ], failures: [400, 404, 409, 503]),
        OpenAPIOperation(
            method: "post", path: "/api/v1/runs/{id}/retry", id: "retryRun", tag: "runs",
            summary: "A new run with the same input, of the pipeline as it is now",
            parameters: [
                id, idempotencyKey,
                Parameter(
                    name: "from", place: "query",
                    help: "A step under `steps`; the results of the steps before it are taken over."),
                Parameter(
                    name: "priority", place: "query", help: "Instead of the priority of the old run.",
                    schema: RunPriority.schema),
            ], answers: [accepted], failures: [400, 404, 408, 409, 413, 415, 429, 503]),
    ]

    private static let deliveries = [
        OpenAPIOperation(
            method: "get", path: "/api/v1/deliveries", id: "listDeliveries", tag: "hooks",
            summary: "Deliveries to hooks, the newest first",
            parameters: [
                Parameter(
                    name: "outcome", place: "query", help: "Only deliveries with this outcome.",
                    schema: OpenAPISchemas.reference("DeliveryOutcome")),
                Parameter(name: "pipeline", place: "query", help: "Only deliveries to hooks of this pipeline."),
                Parameter(
                    name: "before", place: "query",
                    help: "Only deliveries before this number: the last of a page before.",
                    schema: positive),
                limit("How many deliveries.", 50),
            ], answers: [list("Delivery")], failures: [400, 503]),
        OpenAPIOperation(
            method: "get", path: "/api/v1/deliveries/{number}", id: "showDelivery", tag: "hooks",
            summary: "One delivery with its header fields and its body", parameters: [number],
            answers: [one("WholeDelivery")], failures: [400, 404, 503]),
        OpenAPIOperation(
            method: "post", path: "/api/v1/deliveries/{number}/replay", id: "replayDelivery", tag: "hooks",
            summary: "A new run for the delivery, of the pipeline as it is now; its signature is not checked again",
            parameters: [number, idempotencyKey], answers: [accepted], failures: [400, 404, 409, 429, 503]),
    ]

    private static let server = [
        OpenAPIOperation(
            method: "get", path: "/api/v1/status", id: "showStatus", tag: "server",
            summary: "What the server serves, and how many runs it works on", answers: [one("Status")],
            failures: [400, 503]),
        OpenAPIOperation(
            method: "get", path: "/api/v1/workers", id: "listWorkers", tag: "server",
            summary: "The processes that work on runs of the journal, on all machines", answers: [list("Worker")],
            failures: [400, 503]),
        workerSwitch("drain", "Let a worker finish its runs and take no more"),
        workerSwitch("undrain", "Let a drained worker take runs again"),
        OpenAPIOperation(
            method: "get", path: "/api/v1/budgets", id: "listBudgets", tag: "server",
            summary: "How far the budgets of chats are used up, as `runnel usage` shows them",
            answers: [list("Budget")], failures: [400, 503]),
        OpenAPIOperation(
            method: "get", path: "/api/v1/audit", id: "listAudit", tag: "server",
            summary: "What operators did, the newest first",
            parameters: [
                Parameter(
                    name: "before", place: "query", help: "Only entries before this number: the last of a page before.",
                    schema: positive),
                limit("How many entries.", 100),
            ], answers: [list("AuditEntry")], failures: [400, 503]),
        OpenAPIOperation(
            method: "post", path: "/api/v1/sign-in-links", id: "makeSignInLink", tag: "server",
            summary: "A link that signs a browser in to the dashboard once, within ten minutes",
            parameters: [
                Parameter(name: "to", place: "query", help: "The page to show afterwards, such as `/runs/ID`."),
                Parameter(
                    name: "seconds", place: "query", help: "How long the link is valid.",
                    schema: ["type": "integer", "minimum": 1, "maximum": 600, "default": 600]),
            ], answers: [one("SignInLink")], failures: [400]),
        OpenAPIOperation(
            method: "get", path: "/api/v1/openapi.json", id: "showDescription", tag: "server",
            summary: "This document", answers: [(200, "OpenAPI 3.1.", .json(["type": "object"]))]),
        OpenAPIOperation(
            method: "get", path: "/health/live", id: "showLiveness", tag: "server",
            summary: "Whether the server answers",
            answers: [one("Health")], isOpen: true),
        OpenAPIOperation(
            method: "get", path: "/health/ready", id: "showReadiness", tag: "server",
            summary: "Whether runs can be accepted",
            answers: [one("Health"), (503, "They cannot.", .json(OpenAPISchemas.reference("Health")))], isOpen: true),
    ]

    private static let hooks = ["get", "post", "put", "patch", "delete"].map { method in
        OpenAPIOperation(
            method: method, path: "/hooks/{path}", id: method + "Hook", tag: "hooks",
            summary: "Call the hook of a pipeline; its trigger says how, and who may",
            parameters: [Parameter(name: "path", place: "path", help: "The hook's path; it may hold slashes.")],
            body: ["post", "put", "patch"].contains(method) ? ["content": ["*/*": ["schema": [:]]]] : nil,
            answers: [
                (200, "What the run gave, its text while it comes, or the answer to a challenge.", .any), accepted,
                (401, "Nothing is said to callers who may not call.", nil),
                (500, "The run failed or was cancelled.", .json(OpenAPISchemas.reference("HookFailure"))),
            ], failures: [400, 404, 405, 408, 410, 413, 415, 429, 503], isOpen: true)
    }

    private static func triggerSwitch(_ word: String, _ summary: String) -> OpenAPIOperation {
        OpenAPIOperation(
            method: "post", path: "/api/v1/pipelines/{name}/triggers/{key}/\(word)", id: word + "Trigger",
            tag: "pipelines", summary: summary,
            parameters: [
                name, Parameter(name: "key", place: "path", help: "The trigger's key, such as `schedule[1]`."),
            ], answers: [one("TriggerSwitch")], failures: [400, 404, 409, 503])
    }

    private static func workerSwitch(_ word: String, _ summary: String) -> OpenAPIOperation {
        OpenAPIOperation(
            method: "post", path: "/api/v1/workers/{name}/\(word)", id: word + "Worker", tag: "server",
            summary: summary,
            parameters: [
                Parameter(
                    name: "name", place: "path",
                    help: "The worker's id or the beginning of it, its host, or host and process with an encoded slash."
                )
            ], answers: [one("Worker")], failures: [400, 404, 409, 503])
    }

    private static let name = Parameter(name: "name", place: "path", help: "The pipeline's name.")
    private static let id = Parameter(name: "id", place: "path", help: "The run's id.")
    private static let positive: Value = ["type": "integer", "format": "int64", "minimum": 1, "maximum": .int(.max)]
    private static let number = Parameter(
        name: "number", place: "path", help: "The delivery's number.", schema: positive)

    /// The parameter for the size of a page.
    private static func limit(_ help: String, _ standard: Int64) -> Parameter {
        Parameter(
            name: "limit", place: "query", help: help,
            schema: ["type": "integer", "minimum": 1, "maximum": 1000, "default": .int(standard)])
    }

    private static func idempotencyKey(_ help: String) -> Parameter {
        Parameter(
            name: "Idempotency-Key", place: "header", help: help,
            schema: ["type": "string", "minLength": 1, "maxLength": 200])
    }
    private static let idempotencyKey = idempotencyKey(
        "A repeat with the same key starts nothing, and is answered with the run of the first request.")
    private static let backfillKey = idempotencyKey(
        "Requests with the same key start at most one run for each tick, also if that run has failed.")
    private static let accepted = (
        status: 202, help: "The run is on disk; `Location` leads to it.",
        content: Content?.some(.json(OpenAPISchemas.reference("Accepted")))
    )

    private static func one(_ schema: String) -> (status: Int, help: String, content: Content?) {
        (200, "As asked.", .json(OpenAPISchemas.reference(schema)))
    }

    private static func list(_ schema: String) -> (status: Int, help: String, content: Content?) {
        (200, "As asked.", .json(["type": "array", "items": OpenAPISchemas.reference(schema)]))
    }
}
