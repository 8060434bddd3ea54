import RunnelEngine
import RunnelKit

/// Request and response schemas.
enum OpenAPISchemas {
    static let text: Value = ["type": "string"]
    private static let time: Value = ["type": "string", "format": "date-time"]
    private static let anyObject: Value = ["type": "object"]
    private static let number: Value = ["type": "integer", "minimum": 0]

    static func reference(_ name: String) -> Value { ["$ref": .string("#/components/schemas/\(name)")] }

    static var all: Value {
        [
            "Error": object(["error": object(["code": text, "message": text])]),
            "Accepted": object(["run": text, "status": ["enum": ["accepted", "cancelling", "cancelled", "skipped"]]]),
            "HookFailure": object(
                ["run": text, "status": ["enum": ["failed", "cancelled"]], "error": object(["code": text])],
                required: ["run", "status"]),
            "Health": object(["status": ["enum": ["ok", "failing"]], "reason": text], required: ["status"]),
            "Status": object([
                "version": text, "running": number, "queued": number, "waiting": number,
                "stranded": described(
                    "Runs of the server that nothing works on, because the journal cannot be written; they go on once it can.",
                    ["type": "array", "items": text]),
                "journal_problem": described(
                    "Why the journal cannot be read or written at the moment; null while it can.",
                    ["type": ["string", "null"]]),
                "drained": described(
                    "An operator has drained this server: it takes no queued runs.", ["type": "boolean"]),
                "pending_restart": described(
                    "Settings, secrets and plugins that have changed and take effect when the server is restarted.",
                    ["type": "array", "items": text]),
                "configuration_problems": described(
                    "What is wrong with the configuration as it is on disk; what was valid before stays in use.",
                    ["type": "array", "items": text]),
                "held_runs": described(
                    "Queued runs and ended retries that wait for a machine whose workers are all stopped or drained.",
                    [
                        "type": "array",
                        "items": object(["machine": text, "queued": number, "retries": number, "problem": text]),
                    ]),
                "workers": ["type": "array", "items": reference("Worker")],
                "pipelines": ["type": "array", "items": reference("Pipeline")],
            ]),
            "Worker": object([
                "id": text, "host": text, "process": number, "role": text,
                "version": described("The version of Runnel; empty where it is not known."),
                "state": ["enum": .list(WorkerStatus.State.allCases.map { .string($0.rawValue) })],
                "since": time, "gone": described("Its process has ended without leaving.", ["type": "boolean"]),
                "drained": described("An operator has drained it.", ["type": "boolean"]),
                "silent_ms": described("The time since its last heartbeat.", number),
                "clock_ms": described(
                    "By how much its clock is ahead of the database's; null for a journal without a database.",
                    ["type": ["integer", "null"]]),
                "problem": described("What is wrong with it; null for nothing.", ["type": ["string", "null"]]),
                "runs": [
                    "type": "array",
                    "items": object(["run": text, "epoch": described("The number of the claim.", number)]),
                ],
            ]),
            "AuditEntry": object([
                "number": number, "time": time,
                "caller": described("The name of the access token, or `local` without one."),
                "origin": described("From where: an address, or `command line`."), "action": text,
                "subject": described("The id of a run, or the name of a pipeline."),
                "outcome": described("Such as the id of the new run; empty for nothing."),
            ]),
            "Budget": object([
                "pipeline": described(
                    "The pipeline whose chats count; null for all chats.", ["type": ["string", "null"]]),
                "unit": described("`tokens`, or the currency of a limit on cost."),
                "used": described("In this period.", ["type": "number"]), "limit": ["type": "number"],
                "share": described("The used part of the limit; 1 for all of it.", ["type": "number"]),
                "estimated": described("Whether some of it is an estimate.", ["type": "boolean"]),
                "period": described("Such as `day`."), "ends_at": time,
                "then": described(
                    "What happens to chats beyond the budget.",
                    ["enum": .list(BudgetStatus.Excess.allCases.map { .string($0.rawValue) })]),
            ]),
            "SignInLink": object(["path": described("The address on this server.")]),
            "Pipeline": object(
                [
                    "name": text, "file": text, "description": text,
                    "problem": described("What is wrong with the file as it is now; its last good version goes on."),
                    "triggers": ["type": "array", "items": reference("Trigger")],
                ], required: ["file", "triggers"]),
            "Trigger": object(
                [
                    "key": text, "kind": text, "waiting": text, "problem": text,
                    "disabled": described("An operator has disabled it.", ["type": "boolean"]),
                    "ignored": described(
                        "The number of events that `if` ignored since the server began.", ["type": "integer"]),
                ], required: ["key", "kind"]),
            "Backfill": object(
                [
                    "from": time, "to": time,
                    "limit": described(
                        "The maximum number of ticks between the two times; with more nothing is run.",
                        ["type": "integer", "minimum": 1, "maximum": 1000, "default": 100]),
                    "again": described(
                        "Whether ticks whose run failed or was cancelled run again.", ["type": "boolean"]),
                    "missing": described(
                        "Whether ticks that have run are left out of the answer.", ["type": "boolean"]),
                    "old": described(
                        "Whether ticks that are older than `dedupe.keep` run as well; one that has run may run again.",
                        ["type": "boolean"]),
                ], required: ["from", "to"]),
            "BackfilledTick": object(
                [
                    "scheduled_for": time, "trigger": text, "run": text,
                    "status": ["enum": ["started", "again", "exists", "refused"]],
                    "problem": described("Why a tick that is refused does not run again."),
                ], required: ["scheduled_for", "trigger", "run", "status"]),
            "Ledger": object(
                [
                    "entries": [
                        "type": "array",
                        "items": object(
                            [
                                "name": described("Such as the path of a file."),
                                "size": described("In bytes.", number), "modified": time,
                                "run": described("The run that it waits for."),
                            ], required: ["name"]),
                    ],
                    "next": described("For `after` of the next page; missing on the last one."),
                ], required: ["entries"]),
            "TriggerSwitch": object(["pipeline": text, "trigger": text, "enabled": ["type": "boolean"]]),
            "Start": [
                "type": "object", "additionalProperties": false,
                "properties": [
                    "inputs": described("The pipeline's inputs by name.", anyObject),
                    "input": described("The first step's `input`.", [:]),
                    "trigger": described("What templates find under `trigger`.", anyObject),
                    "priority": described(
                        "Queued runs of a higher one begin first; that of the pipeline by default.",
                        RunPriority.schema),
                ],
            ],
            "RunState": ["enum": .list(RunState.allCases.map { .string($0.rawValue) })],
            "Run": object(run, required: ["id", "pipeline", "state", "trigger", "created_at", "interruptions"]),
            "RunWithSteps": [
                "allOf": [
                    reference("Run"),
                    object(
                        [
                            "definition": described("The SHA-256 of the pipeline's file as the run began with it."),
                            "inputs": anyObject, "input": [:], "output": [:],
                            "trace_id": described("The trace of OpenTelemetry that it belongs to, if any."),
                            "steps": ["type": "array", "items": reference("Step")],
                        ], required: ["definition", "inputs", "input", "steps"]),
                ]
            ],
            "DeliveryOutcome": ["enum": .list(DeliveryRecord.Outcome.allCases.map { .string($0.rawValue) })],
            "Delivery": object(
                delivery,
                required: [
                    "number", "time", "pipeline", "trigger", "method", "path", "outcome", "status", "size", "whole",
                ]),
            "WholeDelivery": [
                "allOf": [
                    reference("Delivery"),
                    object(
                        [
                            "headers": described(
                                "Names and values in order, without those that carry credentials.",
                                [
                                    "type": "array",
                                    "items": ["type": "array", "items": text, "minItems": 2, "maxItems": 2],
                                ]),
                            "query": text, "url": text, "from": described("The address of the sender."),
                            "body": text, "body_base64": described("In place of `body`, if that is no text."),
                        ], required: ["headers", "query", "url", "from"]),
                ]
            ],
            "Step": object(
                [
                    "step": text, "uses": text, "state": text, "attempt": number, "started_at": time, "ended_at": time,
                    "retry_at": time, "error": anyObject, "with": anyObject, "attributes": anyObject, "output": [:],
                    "lost": described(
                        "Whether the journal has lost the output or the error. A message replaces it.",
                        ["type": "boolean"]),
                ], required: ["step", "uses", "state", "attempt"]),
        ]
    }

    private static var run: ValueObject {
        [
            "id": text, "pipeline": text, "state": reference("RunState"), "trigger": anyObject, "created_at": time,
            "started_at": time, "ended_at": time, "error": anyObject, "interruptions": number,
            "interrupted": described(
                "Of a queued run: it had begun, and the process that worked on it died or stopped.", ["type": "boolean"]
            ),
            "deaths": described(
                "How often the process that worked on the run died since a step or a round of it ended.", number),
            "wake_at": described("When a waiting run goes on.", time),
            "machine": described("The machine whose files it needs; workers of others leave it to that machine."),
            "cancel_requested": ["type": "boolean"],
            "finally_cancelled": described("Whether a second request cancelled its `finally`.", ["type": "boolean"]),
            "retry_of": text,
            "retried_by": described("The newest run that is a retry of it."), "moved_to": text,
            "priority": described("Where it is not 0.", RunPriority.schema), "chain": ["type": "integer"],
            "dedupe_key": text,
            "lost": described(
                "The keys whose values the journal has lost. A message replaces each of them.",
                ["type": "array", "items": text]),
        ]
    }

    private static var delivery: ValueObject {
        [
            "number": number, "time": time, "pipeline": text, "trigger": text, "method": text, "path": text,
            "outcome": reference("DeliveryOutcome"), "reason": described("Why it was refused."),
            "status": described("Of the answer; 0 where the sender left before there was one.", number),
            "run": described("The run that stands for it."), "size": described("The bytes of its body.", number),
            "whole": described(
                "Whether all of the body is kept. A longer one can be replayed while its run is kept.",
                ["type": "boolean"]),
        ]
    }

    private static func described(_ help: String, _ schema: Value = text) -> Value {
        var object = schema.asObject ?? [:]
        object["description"] = .string(help)
        return .object(object)
    }

    /// - Parameter required: The required keys; all by default.
    private static func object(_ properties: ValueObject, required: [String]? = nil) -> Value {
        [
            "type": "object", "properties": .object(properties),
            "required": .list((required ?? properties.keys).map { .string($0) }),
        ]
    }
}
