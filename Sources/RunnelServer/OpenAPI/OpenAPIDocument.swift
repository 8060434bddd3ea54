import RunnelKit

/// The OpenAPI 3.1 description of the server.
struct OpenAPIDocument: Sendable {
    let version: String

    var json: Value {
        [
            "openapi": "3.1.0",
            "info": ["title": "Runnel", "version": .string(version), "description": "Pipelines and their runs."],
            "servers": [["url": "/"]],
            // Without a configured token the API admits all clients on this machine.
            "security": [["token": []], [:]],
            "tags": [
                ["name": "pipelines"], ["name": "runs"], ["name": "hooks"],
                ["name": "server", "description": "How the server is, and what it can be asked."],
            ],
            "paths": .object(paths),
            "components": [
                "securitySchemes": ["token": ["type": "http", "scheme": "bearer"]],
                "schemas": OpenAPISchemas.all,
                "responses": [
                    "Failure": [
                        "description": "Why the request was not carried out.",
                        "headers": ["X-Request-ID": ["schema": OpenAPISchemas.text]],
                        "content": ["application/json": ["schema": OpenAPISchemas.reference("Error")]],
                    ]
                ],
            ],
        ]
    }

    private var paths: ValueObject {
        var paths = ValueObject()
        for operation in OpenAPIOperation.all {
            var path = paths[operation.path]?.asObject ?? [:]
            path[operation.method] = operation.json
            paths[operation.path] = .object(path)
        }
        return paths
    }
}
