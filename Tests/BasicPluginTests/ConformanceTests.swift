import FilePlugin
import LogPlugin
import RunnelKit
import RunnelTesting
import TemplatePlugin
import Testing

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

@Suite("The steps that ship keep their promises") struct ConformanceTests {
    private func definition(_ name: String, of plugins: [any Plugin]) throws -> StepDefinition {
        try #require(plugins.flatMap(\.steps).first { $0.name == name })
    }

    @Test("log and template")
    func basics() async throws {
        let log = try definition("log", of: [LogPlugin()])
        #expect(await StepConformance(log, with: ["message": "hello"]).findings() == [])
        let template = try definition("template", of: [TemplatePlugin()])
        #expect(
            await StepConformance(template, with: ["text": "s3cr3t-key"], secrets: ["s3cr3t-key"]).findings() == [])
    }

    @Test("file.read and file.write")
    func files() async throws {
        try await withTemporaryDirectory { directory in
            let harness = StepHarness(directory: directory)
            let write = try definition("file.write", of: [FilePlugin()])
            let findings = await StepConformance(
                write, with: ["path": "a.txt", "content": "hello"], harness: harness
            ).findings {
                .string(try String(contentsOfFile: directory + "/a.txt", encoding: .utf8))
            }
            #expect(findings == [])
            let read = try definition("file.read", of: [FilePlugin()])
            #expect(await StepConformance(read, with: ["path": "a.txt"], harness: harness).findings() == [])
        }
    }
}
