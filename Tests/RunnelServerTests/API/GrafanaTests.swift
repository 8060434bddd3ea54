import Foundation
import RunnelKit
import Testing

@testable import RunnelServer

@Suite("The dashboard for Grafana") struct GrafanaTests {
    private static func dashboard() throws -> Value {
        var folder = URL(filePath: #filePath)
        for _ in 0..<4 { folder.deleteLastPathComponent() }
        return try Value.json(Array(try Data(contentsOf: folder.appending(path: "packaging/grafana.json"))))
    }

    /// All texts that hold a query: of panels and of variables.
    private static func queries(_ value: Value) -> [String] {
        if let list = value.asList { return list.flatMap(queries) }
        guard let object = value.asObject else { return [] }
        return object.flatMap { key, value in
            if ["expr", "definition"].contains(key), let text = value.asString { return [text] }
            return queries(value)
        }
    }

    @Test("each metric that it queries is one that `/metrics` has, and each metric of `/metrics` is in it")
    func metrics() throws {
        let known = Set(MetricsHelp.sentences.keys).union(["runnel_metrics_dropped_total"])
        var used: Set<String> = []
        let queries = Self.queries(try Self.dashboard())
        #expect(queries.count > 12)
        for query in queries {
            let names = query.matches(of: /(?:runnel|process)_[a-z_]+/).map { String($0.output) }
            #expect(!names.isEmpty, "\(query)")
            for name in names {
                let family = name.replacing(/_(bucket|sum|count)$/, with: "")
                #expect(known.contains(name) || known.contains(family) && family.hasSuffix("_seconds"), "\(query)")
                used.insert(known.contains(name) ? name : family)
            }
        }
        #expect(known.subtracting(used) == [])
    }

    @Test("its panels have ids of their own and do not overlap")
    func panels() throws {
        let panels = try #require(try Self.dashboard()["panels"]?.asList)
        #expect(Set(panels.compactMap { $0["id"]?.asInt }).count == panels.count)
        var taken: Set<[Int64]> = []
        for panel in panels {
            let place = try #require(panel["gridPos"])
            let (x, y) = (try #require(place["x"]?.asInt), try #require(place["y"]?.asInt))
            let (w, h) = (try #require(place["w"]?.asInt), try #require(place["h"]?.asInt))
            #expect(x + w <= 24)
            for column in x..<(x + w) {
                for row in y..<(y + h) {
                    #expect(taken.insert([column, row]).inserted, "\(panel["title"]?.asString ?? "")")
                }
            }
        }
    }
}
