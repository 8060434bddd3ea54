import Hummingbird
import RunnelKit
import Testing

@testable import RunnelServer

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

@Suite("What the dashboard can do", .timeLimit(.minutes(5))) struct ParityTests {
    private static var document: String {
        get throws {
            let root = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(4).joined(
                separator: "/")
            let bytes = try #require(FileManager.default.contents(atPath: "\(root)/docs/dashboard.md"))
            return String(decoding: bytes, as: UTF8.self)
        }
    }

    /// The texts in backquotes of a row's column.
    private static func rows() throws -> [[[String]]] {
        let table = try document.split(separator: "| action |")
        let lines = try #require(table.last).split(separator: "\n").dropFirst(2).prefix { $0.hasPrefix("|") }
        return lines.map { line in
            line.split(separator: "|", omittingEmptySubsequences: false).dropFirst().dropLast().map { cell in
                cell.split(separator: "`", omittingEmptySubsequences: false).enumerated().filter { $0.offset % 2 == 1 }
                    .map { String($0.element) }
            }
        }
    }

    // That the commands exist is tested with the command line.
    @Test("is possible by REST, as its table says")
    func parity() async throws {
        let rows = try Self.rows()
        #expect(rows.count >= 7)
        let operations = Set(OpenAPIOperation.all.map { "\($0.method.uppercased()) \($0.path)" })
        for row in rows {
            for call in row[2] {
                #expect(operations.contains(String(call.prefix { $0 != "?" })), "\(call)")
            }
        }
    }

    @Test("stands in the table: every form that a page can send")
    func complete() async throws {
        let document = try Self.document
        let routes = try await ServerRig().serve { server in
            server.server.router(BodyReading(server.server.options), ReadinessProbe(journal: server.journal)).routes
                .map { (method: $0.method.rawValue, path: $0.path.description) }
        }
        let forms = routes.filter { route in
            route.method == "POST" && !["/api/", "/hooks/", "/health/"].contains { route.path.hasPrefix($0) }
        }
        #expect(forms.count >= 8)
        for form in forms {
            let path = form.path.replacing("{", with: ":").replacing("}", with: "")
            #expect(document.contains("`POST \(path)`"), "\(path)")
        }
    }
}
