import Hummingbird
import RunnelKit
import RunnelTesting
import Testing

@testable import RunnelServer

@Suite("The description of the API", .timeLimit(.minutes(5))) struct OpenAPITests {
    private static let document = OpenAPIDocument(version: "1.2.3").json

    /// `GET /api/v1/runs/{id}` for each operation.
    private static var operations: [(name: String, path: String, operation: Value)] {
        (document["paths"]?.asObject ?? [:]).flatMap { path, item in
            (item.asObject ?? [:]).map { ("\($0.uppercased()) \(path)", path, $1) }
        }
    }

    @Test("is served as it is")
    func served() async throws {
        try await ServerRig().serve { server in
            let served = try await server.call("GET", "/api/v1/openapi.json").json()
            #expect(served == Self.document)
        }
    }

    @Test("keeps its paths, parameters, statuses and schemas")
    func fence() throws {
        let tests = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(2).joined(separator: "/")
        let changes = try Snapshot.changes(
            Snapshot.lines(of: Self.document, under: ""), since: "\(tests)/Resources/openapi.txt")
        #expect(changes == [], "others rely on this; where the change is meant, run it with RUNNEL_WRITE_SNAPSHOTS=1")
    }

    @Test("tells of every route there is, and of no other")
    func complete() async throws {
        let routes = try await ServerRig().serve { server in
            server.server.router(
                BodyReading(server.server.options), ReadinessProbe(journal: server.journal)
            ).routes.map {
                "\($0.method.rawValue) \($0.path.description)"
            }.filter { route in ["/api/", "/health/", "/hooks/"].contains { route.contains(" " + $0) } }
        }
        let hooks: Set = ["HEAD /hooks/**", "OPTIONS /hooks/**"]
        let described = Self.operations.map { $0.name.replacing("/hooks/{path}", with: "/hooks/**") }
        #expect(Set(routes).subtracting(hooks) == Set(described))
        #expect(described.count == Set(described).count)
    }

    @Test("names each operation once, and every parameter of its path")
    func operations() {
        let ids = Self.operations.compactMap { $0.operation["operationId"]?.asString }
        #expect(ids.count == Self.operations.count)
        #expect(Set(ids).count == ids.count)
        for (name, path, operation) in Self.operations {
            let inPath = path.split(separator: "/").filter { $0.hasPrefix("{") }.map {
                String($0.dropFirst().dropLast())
            }
            let parameters = (operation["parameters"]?.asList ?? []).filter { $0["in"] == "path" }
            #expect(parameters.compactMap { $0["name"]?.asString } == inPath, "\(name)")
            #expect(parameters.allSatisfy { $0["required"] == true }, "\(name)")
            #expect(operation["summary"]?.asString?.isEmpty == false, "\(name)")
            let statuses = operation["responses"]?.asObject?.keys ?? []
            #expect(statuses.contains { $0.hasPrefix("2") } && statuses.contains("default"), "\(name)")
        }
    }

    @Test("tells of the answer to an unknown parameter")
    func unknownParameter() async throws {
        try await ServerRig().serve { server in
            for (name, path, operation) in Self.operations where path.hasPrefix("/api/") {
                let method = String(name.prefix { $0 != " " })
                let answer = try await server.call(method, path.replacing(/\{\w+\}/, with: "x") + "?unknown=1")
                #expect(operation["responses"]?["\(answer.status)"] != nil, "\(name) \(answer.status)")
            }
        }
    }

    @Test("refers only to what is in it, and holds nothing that nobody refers to")
    func references() {
        var found: Set<String> = []
        func collect(_ value: Value) {
            if let reference = value["$ref"]?.asString { found.insert(reference) }
            for item in value.asList ?? value.asObject?.values ?? [] { collect(item) }
        }
        collect(Self.document)
        var there: Set<String> = []
        for kind in ["schemas", "responses"] {
            let components = Self.document["components"]?[kind]?.asObject ?? [:]
            there.formUnion(components.keys.map { "#/components/\(kind)/\($0)" })
        }
        #expect(found == there)
    }

    @Test("what is answered has the keys that the description promises")
    func answers() async throws {
        let rig = ServerRig(
            pipelines: ["a.yaml": Pipelines.greet, "f.yaml": Pipelines.failing], secrets: ["key": "12345"])
        try await rig.serve { server in
            let run = try #require(
                try await server.post("/api/v1/pipelines/greet/runs", #"{"inputs": {"who": "x"}}"#).run)
            try await server.end(of: run)
            func check(_ schema: String, _ value: Value, also others: [String] = []) {
                let schemas = Self.document["components"]?["schemas"]
                var properties: Set<String> = []
                for name in [schema] + others {
                    let object = schemas?[name]?["allOf"]?[1] ?? schemas?[name] ?? .null
                    properties.formUnion(object["properties"]?.asObject?.keys ?? [])
                    for key in object["required"]?.asList?.compactMap(\.asString) ?? [] {
                        #expect(value[key] != nil, "\(name) \(key)")
                    }
                }
                let unknown = Set(value.asObject?.keys ?? []).subtracting(properties)
                #expect(unknown.isEmpty, "\(schema)")
            }
            let shown = try await server.call("GET", "/api/v1/runs/\(run)").json()
            check("RunWithSteps", shown, also: ["Run"])
            check("Step", shown["steps"]?[0] ?? .null)
            check("Run", try await server.call("GET", "/api/v1/runs").json()[0] ?? .null)
            check("Pipeline", try await server.call("GET", "/api/v1/pipelines/greet").json())
            check("AuditEntry", try await server.call("GET", "/api/v1/audit").json()[0] ?? .null)
            check("SignInLink", try await server.call("POST", "/api/v1/sign-in-links").json())
            check("Status", try await server.call("GET", "/api/v1/status").json())
            check("Error", try await server.call("GET", "/nothing").json())
            check("Accepted", try await server.post("/api/v1/runs/\(run)/retry", "").json())
            check("Health", try await server.call("GET", "/health/ready").json())
        }
    }
}
