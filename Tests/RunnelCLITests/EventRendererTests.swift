import Foundation
import RunnelKit
import RunnelSupport
import Testing

@testable import RunnelCLI
@testable import RunnelEngine

@Suite("What is shown of a run") struct EventRendererTests {
    private let first = RunEvent.StepPlace(id: "each[0].answer", uses: "chat")
    private let second = RunEvent.StepPlace(id: "each[1].answer", uses: "chat")

    @Test("the text of one step comes as it is, texts of several in whole lines with the step in front")
    func texts() throws {
        let shown = try shown([
            .stepText(first, "One "), .stepText(first, "word.\n"), .stepText(second, "Two"), .stepText(first, "more"),
            .stepText(second, " words.\nAnd "), .stepText(first, " lines.\n"), .stepText(second, "an end"),
            .stepSucceeded(second, output: .null, took: .milliseconds(2)), .stepText(first, "last"),
            .stepSucceeded(first, output: .null, took: .milliseconds(3)),
        ])
        #expect(
            shown == """
                ▸ each[0].answer chat
                One word.
                each[1].answer │ Two words.
                each[0].answer │ more lines.
                each[1].answer │ And an end
                ✓ each[1].answer chat 2 ms
                ▸ each[0].answer chat
                last
                ✓ each[0].answer chat 3 ms

                """)
    }

    private func shown(_ kinds: [RunEvent.Kind]) throws -> String {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try Data().write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        let handle = try FileHandle(forWritingTo: file)
        var renderer = EventRenderer(
            to: RunnelCLI.OutputStream(descriptor: handle.fileDescriptor), style: TextStyle(hasColor: false))
        for kind in kinds { renderer.show(RunEvent(runID: "r", time: 0, kind: kind)) }
        renderer.finish()
        try handle.close()
        return try String(contentsOf: file, encoding: .utf8)
    }
}
