import PipelineTesting
import RunnelEngine
import RunnelKit
import Testing

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

@Suite("The pipelines that ship")
struct ShippedPipelineTests {
    private static let root = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3)
        .joined(separator: "/")

    @Test("each has at least two tests, and all of them pass")
    func all() async throws {
        let folder = Self.root + "/pipelines"
        let files = try #require(PipelineTestFiles.under(folder)).files
        let pipelines = try FileManager.default.contentsOfDirectory(atPath: folder).filter {
            $0.hasSuffix(".yaml") && !PipelineTestFiles.isTestFile($0)
        }
        #expect(files.count == pipelines.count)
        // As `runnel.yaml` stands there.
        let project = TestProject(
            directory: Self.root, names: ProjectNames(secrets: ["alerts"], env: []),
            registry: try StepRegistry(Workshop.plugins))
        let suites = try files.map { try PipelineTestSuite.load($0, project: project) }
        for suite in suites {
            let count = suite.names.count
            #expect(count >= 2, "\(suite.file)")
        }
        let report = await PipelineTester().run(suites)
        let isSuccess = report.isSuccess
        #expect(isSuccess, "\(report.text(color: false))")
        let (passed, all) = (report.passed, suites.reduce(0) { $0 + $1.names.count })
        #expect(passed == all)
    }
}
