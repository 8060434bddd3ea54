import RunnelKit
import RunnelTesting
import Testing

@testable import TemplatePlugin

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

@Suite("template") struct TemplateTextTests {
    @Test(
        "a text, which was rendered with the rest of `with`, is the output as it is",
        arguments: ["", "a\n", "ä {{ x }}"])
    func text(text: String) async throws {
        var harness = StepHarness()
        harness.render = { _, _ in throw StepError(reported: "rendered-twice", "the text was rendered a second time") }
        #expect(try await harness.run(TemplateText.self, with: ["text": .string(text)]) == .string(text))
    }

    @Test("a file is rendered under its name, without its byte order mark")
    func file() async throws {
        try await withTemporaryDirectory { directory in
            var harness = StepHarness(directory: directory)
            try Data("\u{FEFF}Dear {{ input }}".utf8).write(to: URL(filePath: directory + "/letter.md"))
            harness.render = { text, name in .string("\(name): \(text)") }
            #expect(
                try await harness.run(TemplateText.self, with: ["file": "letter.md"]) == "letter.md: Dear {{ input }}")
        }
    }

    @Test("a file that is one expression gives its value as text")
    func value() async throws {
        try await withTemporaryDirectory { directory in
            var harness = StepHarness(directory: directory)
            try Data("{{ input }}".utf8).write(to: URL(filePath: directory + "/a.md"))
            harness.render = { _, _ in ["a": 1] }
            #expect(try await harness.run(TemplateText.self, with: ["file": "a.md"]) == "{\"a\":1}")
        }
    }

    @Test("a file that is one expression that is null is an error, not the text \"null\"")
    func null() async throws {
        try await withTemporaryDirectory { directory in
            var harness = StepHarness(directory: directory)
            try Data("{{ input }}".utf8).write(to: URL(filePath: directory + "/a.md"))
            harness.render = { _, _ in .null }
            let ready = harness
            let error = await #expect(throws: StepError.self) {
                _ = try await ready.run(TemplateText.self, with: ["file": "a.md"])
            }
            #expect(error?.code == "empty-value")
            #expect(error?.message == "the expression in \"a.md\" is null, and a text is needed")
        }
    }

    @Test(
        "what is wrong with the file or the keys is said",
        arguments: [
            (["file": "../a.md"], "path-outside", "\"../a.md\" leads out of \"DIRECTORY\""),
            (["file": "lettre.md"], "file-not-found", "cannot read \"lettre.md\": there is no such file"),
            (["file": "a.md", "text": "x"], "bad-with", "\"text\" and \"file\" are mutually exclusive"),
            ([:], "bad-with", "\"text\" or \"file\" is required"),
        ] as [(ValueObject, String, String)])
    func errors(with: ValueObject, code: String, message: String) async throws {
        try await withTemporaryDirectory { directory in
            let error = await #expect(throws: StepError.self) {
                _ = try await StepHarness(directory: directory).run(TemplateText.self, with: with)
            }
            #expect(error?.code == code)
            #expect(error?.message == message.replacing("DIRECTORY", with: directory))
        }
    }

    @Test("an error of the template is the step's")
    func renderError() async throws {
        try await withTemporaryDirectory { directory in
            var harness = StepHarness(directory: directory)
            try Data("{{ nope }}".utf8).write(to: URL(filePath: directory + "/a.md"))
            harness.render = { _, name in
                throw StepError(reported: "template-error", "\(name): nothing is named \"nope\"")
            }
            let final = harness
            let error = await #expect(throws: StepError.self) {
                _ = try await final.run(TemplateText.self, with: ["file": "a.md"])
            }
            #expect(error?.message == "a.md: nothing is named \"nope\"")
        }
    }
}
