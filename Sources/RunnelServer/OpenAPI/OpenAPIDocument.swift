import HTTPTypes
import RunnelEngine
package import RunnelKit

/// The OpenAPI 3.1 description of the server.
package struct OpenAPIDocument: Sendable {
    let version: String

    /// - Parameter version: The version of Runnel.
    package init(version: String) { self.version = version }

    /// The document.
    package var json: Value {
        [
            "openapi": "3.1.0",
            "info": ["title": "Runnel", "version": .string(version), "description": "Pipelines and their runs."],
            "servers": [["url": "/"]],
            "tags": [
                ["name": "pipelines"], ["name": "runs"], ["name": "hooks"],
                ["name": "server", "description": "How the server is, and what it can be asked."],
            ],
            "paths": .object(paths),
            "components": [
                "securitySchemes": [
                    "token": [
                        "type": "http", "scheme": "bearer",
                        "description": "The role that an operation names is the scope that the token needs.",
                    ]
                ],
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

/// One method of one path.
struct OpenAPIOperation: Sendable {
    struct Parameter: Sendable {
        var name: String
        var place: String
        var help: String
        var schema: Value = OpenAPISchemas.text

        var json: Value {
            [
                "name": .string(name), "in": .string(place), "description": .string(help),
                "required": .bool(place == "path"), "schema": schema,
            ]
        }
    }

    enum Content: Sendable {
        case json(Value)
        case events
        /// Any output of a pipeline.
        case any
    }

    /// In lower case.
    var method: String
    var path: String
    var id: String
    var tag: String
    var summary: String
    var parameters: [Parameter] = []
    var body: Value?
    var answers: [(status: Int, help: String, content: Content?)]
    /// Error statuses.
    var failures: [Int] = []
    var isOpen = false

    private var scope: AccessScope {
        HTTPRequest.Method(method.uppercased()).map { AccessRule.scope($0, path) } ?? .admin
    }

    var json: Value {
        var responses = ValueObject()
        for answer in answers {
            var response: ValueObject = ["description": .string(answer.help)]
            switch answer.content {
            case .json(let schema): response["content"] = ["application/json": ["schema": schema]]
            // OpenAPI 3.1 cannot describe events.
            case .events: response["content"] = ["text/event-stream": [:]]
            case .any: response["content"] = ["*/*": ["schema": [:]]]
            case nil: break
            }
            responses["\(answer.status)"] = .object(response)
        }
        let failures = isOpen ? failures : failures + [401, 403, 429]
        for status in failures.sorted() { responses["\(status)"] = ["$ref": "#/components/responses/Failure"] }
        responses["default"] = ["$ref": "#/components/responses/Failure"]
        var object: ValueObject = [
            "operationId": .string(id), "tags": [.string(tag)], "summary": .string(summary),
            "responses": .object(responses),
        ]
        if !parameters.isEmpty { object["parameters"] = .list(parameters.map(\.json)) }
        if let body { object["requestBody"] = body }
        // Without a configured token the API admits all clients on this machine.
        let security: Value = isOpen ? [] : [["token": [.string(scope.rawValue)]], [:]]
        object["security"] = security
        return .object(object)
    }
}
