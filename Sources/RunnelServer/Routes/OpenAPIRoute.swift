import Hummingbird
import RunnelKit

/// `/api/v1/openapi.json`: the description of this API, OpenAPI 3.1.
struct OpenAPIRoute: Sendable {
    let version: String

    func add(to group: RouterGroup<ServerContext>) {
        let document = document
        group.get("/openapi.json") { _, _ in Response.json(document) }
    }

    var document: Value {
        [
            "openapi": "3.1.0",
            "info": ["title": "Runnel", "version": .string(version), "description": "Pipelines and their runs."],
            "servers": [["url": "/api/v1"]],
            "security": [[:], ["token": []]],
            "components": [
                "securitySchemes": ["token": ["type": "http", "scheme": "bearer"]],
                "schemas": [
                    "Error": object(["error": object(["code": text, "message": text])]),
                    "Accepted": object(["run": text, "status": text]),
                    "Run": object([
                        "id": text, "pipeline": text, "state": state, "created_at": time, "started_at": time,
                        "ended_at": time, "trigger": ["type": "object"], "input": [:], "output": [:],
                        "error": ["type": "object"], "steps": ["type": "array", "items": ["type": "object"]],
                    ]),
                    "Pipeline": object([
                        "name": text, "file": text, "description": text, "problem": text,
                        "triggers": ["type": "array", "items": ["type": "object"]],
                    ]),
                ],
            ],
            "paths": [
                "/status": ["get": operation("How the agent is, and what it serves", "object")],
                "/pipelines": ["get": operation("All pipelines that are served", "Pipeline", isList: true)],
                "/pipelines/{name}": ["get": operation("One pipeline", "Pipeline"), "parameters": [parameter("name")]],
                "/pipelines/{name}/runs": [
                    "post": operation(
                        "Start a run; `Idempotency-Key` makes a repeat harmless", "Accepted", status: "202"),
                    "parameters": [parameter("name")],
                ],
                "/runs": [
                    "get": operation("Runs, the newest first", "Run", isList: true),
                    "parameters": [query("state"), query("pipeline"), query("before"), query("limit")],
                ],
                "/runs/{id}": ["get": operation("One run with its steps", "Run"), "parameters": [parameter("id")]],
                "/runs/{id}/events": [
                    "get": operation("The run's events as server-sent events", "stream"),
                    "parameters": [parameter("id")],
                ],
                "/runs/{id}/cancel": [
                    "post": operation("Cancel the run", "Accepted", status: "202"), "parameters": [parameter("id")],
                ],
                "/runs/{id}/retry": [
                    "post": operation("A new run with the same input", "Accepted", status: "202"),
                    "parameters": [parameter("id")],
                ],
            ],
        ]
    }

    private var text: Value { ["type": "string"] }
    private var time: Value { ["type": "string", "format": "date-time"] }
    private var state: Value {
        ["type": "string", "enum": ["queued", "running", "succeeded", "failed", "cancelled", "skipped"]]
    }

    private func object(_ properties: Value) -> Value { ["type": "object", "properties": properties] }

    private func parameter(_ name: String) -> Value {
        ["name": .string(name), "in": "path", "required": true, "schema": text]
    }

    private func query(_ name: String) -> Value {
        ["name": .string(name), "in": "query", "schema": text]
    }

    private func operation(
        _ summary: String, _ schema: String, isList: Bool = false, status: String = "200"
    ) -> Value {
        let content: Value
        switch schema {
        case "stream": content = ["text/event-stream": ["schema": text]]
        case "object": content = ["application/json": ["schema": ["type": "object"]]]
        default:
            let reference: Value = ["$ref": .string("#/components/schemas/\(schema)")]
            content = ["application/json": ["schema": isList ? ["type": "array", "items": reference] : reference]]
        }
        let failure: Value = [
            "description": "Why not",
            "content": ["application/json": ["schema": ["$ref": "#/components/schemas/Error"]]],
        ]
        return [
            "summary": .string(summary),
            "responses": .object([status: ["description": "Done", "content": content], "default": failure]),
        ]
    }
}
