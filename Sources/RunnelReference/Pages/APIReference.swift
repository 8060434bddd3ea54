import RunnelKit

/// `rest.md`: every operation of the REST API, from its OpenAPI description.
enum APIReference {
    static func text(_ api: Value) -> String {
        let operations = APIOperation.all(in: api)
        let tags = (api["tags"]?.asList ?? []).compactMap { $0["name"]?.asString }
        let sections = tags.map { tag in
            let own = operations.filter { $0.tag == tag }
            let list = own.map { "- [\($0.title)](#\(Markdown.anchor($0.title))): \($0.summary)\n" }.joined()
            return "\n## \(tag.prefix(1).uppercased())\(tag.dropFirst())\n\n\(list)\n"
                + own.map(\.text).joined(separator: "\n")
        }
        let schemas = (api["components"]?["schemas"]?.asObject ?? [:]).map { name, schema in
            "\n### \(name)\n\n" + text(of: schema)
        }
        return """
            # REST API

            Made from the OpenAPI description, which `GET /api/v1/openapi.json` gives to programs. `runnel serve` answers at
            `server.host` and `server.port`.

            A request carries a token in the header `Authorization: Bearer TOKEN`;
            [serving.md](../serving.md#rest-api-openapi) says where it comes from. Each operation names the scope that the
            token needs: `read`, `run`, which includes `read`, or `admin`, which includes both. Without a configured token
            every program on this machine has all scopes. Bodies are JSON in UTF-8 unless stated otherwise. A time is in
            UTC as in RFC 3339: `2026-11-27T09:00:00.000Z`.

            A request that is not carried out is answered with an [Error](#error); its `code` is listed in
            [errors.md](errors.md).

            """ + sections.joined() + "\n## Schemas\n\nIn an answer, a required key is always there.\n"
                + schemas.joined()
    }

    private static func text(of schema: Value) -> String {
        if let parts = schema["allOf"]?.asList {
            return parts.map { part in
                part["properties"] == nil ? "The keys of \(TypeWords.text(part)), and:\n" : KeyTable.text(part)
            }.joined(separator: "\n")
        }
        return schema["properties"] == nil ? TypeWords.text(schema) + ".\n" : KeyTable.text(schema)
    }
}

/// An operation of an OpenAPI description; methods of one path that do the same are one.
private struct APIOperation {
    let path: String
    let description: Value
    var methods: [String]
    var body: Value?

    var title: String { "\(methods.joined(separator: ", ")) \(path)" }
    var tag: String? { description["tags"]?[0]?.asString }
    var summary: String { description["summary"]?.asString ?? "" }

    static func all(in api: Value) -> [APIOperation] {
        var found: [APIOperation] = []
        for (path, item) in api["paths"]?.asObject ?? [:] {
            for (method, description) in item.asObject ?? [:] {
                let new = APIOperation(
                    path: path, description: description, methods: [method.uppercased()],
                    body: description["requestBody"])
                if let last = found.indices.last, found[last].path == path, found[last].summary == new.summary {
                    found[last].methods += new.methods
                    found[last].body = found[last].body ?? new.body
                } else {
                    found.append(new)
                }
            }
        }
        return found
    }

    var text: String {
        var parts = ["### \(title)\n", "\(summary). \(access)\n"]
        let parameters = description["parameters"]?.asList ?? []
        if !parameters.isEmpty {
            parts.append(Markdown.table(["parameter", "in", "value", "default", "meaning"], parameters.map(row)))
        }
        if let body {
            let mayLack = body["required"] == true ? "" : "; it may be missing"
            parts.append("**Body.** \(Self.words(body["content"]))\(mayLack).\n")
        }
        parts.append(Markdown.table(["answer", "body", "meaning"], answers))
        return parts.joined(separator: "\n")
    }

    private var access: String {
        guard let scope = description["security"]?[0]?["token"]?[0]?.asString else { return "Needs no token." }
        return "Scope: `\(scope)`."
    }

    private func row(_ parameter: Value) -> [String] {
        let schema = parameter["schema"] ?? [:]
        let absent = schema["default"].map { Markdown.code(TypeWords.written($0)) } ?? ""
        return [
            Markdown.code(parameter["name"]?.asString ?? ""), parameter["in"]?.asString ?? "",
            TypeWords.text(schema), parameter["required"] == true ? "required" : absent,
            parameter["description"]?.asString ?? "",
        ]
    }

    /// One row for each answer of its own, and one for all failures.
    private var answers: [[String]] {
        let all = description["responses"]?.asObject ?? [:]
        let failures = all.filter { $0.key != "default" && $0.value["$ref"] != nil }.map { Markdown.code($0.key) }
        let rows = all.filter { $0.value["$ref"] == nil }.map { status, answer in
            [Markdown.code(status), Self.words(answer["content"]), answer["description"]?.asString ?? ""]
        }
        guard !failures.isEmpty else { return rows }
        return rows + [[failures.joined(separator: ", "), "[Error](#error)", "It was not carried out."]]
    }

    private static func words(_ content: Value?) -> String {
        guard let (type, value) = content?.asObject?.first else { return "" }
        switch type {
        case "application/json": return TypeWords.text(value["schema"] ?? [:])
        case "text/event-stream": return "[run events](events.md)"
        default: return "anything"
        }
    }
}
