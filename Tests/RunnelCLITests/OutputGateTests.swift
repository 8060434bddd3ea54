import Foundation
import Testing

/// Reads the sources: what reaches a terminal goes through ``Streams``.
@Suite("One gate for output") struct OutputGateTests {
    /// What writes to a terminal, and who may.
    private static let writers = [
        "print(", "debugPrint(", "dump(", "NSLog(", "puts(", "fputs(", "putchar(", "printf(", "fprintf(", "vprintf(",
        "fwrite(", "FileHandle.standardOutput", "FileHandle.standardError", "STDOUT_FILENO", "STDERR_FILENO", "perror(",
        "/dev/tty", "/dev/stdout", "/dev/stderr",
    ]
    private static let allowed = [
        "Sources/RunnelCLI/Support/Streams.swift": "the gate",
        "Sources/RunnelCLI/Scaffolding/PluginTemplate.swift": "a program in Python, in quotes",
        "Sources/RunnelCLI/Scaffolding/TriggerTemplate.swift": "a program in Python, in quotes",
        "Sources/RunnelProcess/Supervision/SecretCommand.swift":
            "the program that a person names for a secret may ask for its passphrase there",
    ]

    private var repository: URL {
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
    }

    @Test("no source writes to standard output or standard error past the gate")
    func gate() throws {
        var count = 0
        for folder in ["Sources", "plugins"] {
            let root = repository.appendingPathComponent(folder)
            let files = try #require(FileManager.default.enumerator(atPath: root.path)).compactMap { $0 as? String }
            for file in files where file.hasSuffix(".swift") && Self.allowed["\(folder)/\(file)"] == nil {
                let data = try Data(contentsOf: root.appendingPathComponent(file))
                count += 1
                guard Self.writers.contains(where: { data.range(of: Data($0.utf8)) != nil }) else { continue }
                let text = String(decoding: data, as: UTF8.self)
                for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
                    for writer in Self.found(in: String(line)) {
                        Issue.record("\(folder)/\(file):\(number + 1) writes with \(writer): use `Streams`")
                    }
                }
            }
        }
        #expect(count > 600)
    }

    @Test("every exception is one that is needed")
    func exceptions() throws {
        for file in Self.allowed.keys {
            let text = try String(contentsOf: repository.appendingPathComponent(file), encoding: .utf8)
            #expect(text.split(separator: "\n").contains { !Self.found(in: String($0)).isEmpty }, "\(file)")
        }
    }

    @Test("the search finds what it is to find")
    func search() {
        #expect(Self.found(in: "    print(text)") == ["print("])
        #expect(Self.found(in: "Swift.print(text)") == ["print("])
        #expect(Self.found(in: "footprint(text); reprint(x); snprintf(b)") == [])
        #expect(Self.found(in: "// print(text)") == [])
        #expect(Self.found(in: "FileHandle.standardError.write(data)") == ["FileHandle.standardError"])
    }

    private static func found(in text: String) -> [String] {
        guard !text.drop(while: { $0 == " " }).hasPrefix("//") else { return [] }
        return writers.filter { writer in
            text.ranges(of: writer).contains { range in
                let before = text[..<range.lowerBound].last
                return before == nil || !(before?.isLetter == true || before?.isNumber == true || before == "_")
            }
        }
    }
}
