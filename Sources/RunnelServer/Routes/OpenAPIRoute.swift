import Hummingbird
import RunnelKit

/// `/api/v1/openapi.json`: the description of this API.
struct OpenAPIRoute: Sendable {
    let version: String

    func add(to group: RouterGroup<ServerContext>) {
        let document = OpenAPIDocument(version: version).json
        group.get("/openapi.json") { _, _ in Response.json(document) }
    }
}
