import Foundation
import RunnelKit
import Testing

@testable import TransformPlugin

@Suite("What is known of programs and patterns") struct VerdictCacheTests {
    /// Counts how often a subject is checked, and finds nothing wrong with it.
    private final class Checks {
        private(set) var count = 0

        func accept(_ subject: String, in cache: VerdictCache) {
            _ = cache.problem(with: subject) {
                count += 1
                return .init(problem: nil)
            }
        }
    }

    private func withFolder(_ body: (String) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try body(folder.path + "/cache")
    }

    @Test("a program is checked once; what may pass is tried once more and not remembered")
    func verdicts() {
        let cache = VerdictCache()
        let checks = Checks()
        for _ in 0..<3 { checks.accept("good", in: cache) }
        #expect(checks.count == 1)
        var tries = 0
        for _ in 0..<2 {
            let problem = cache.problem(with: "killed") {
                tries += 1
                return .init(problem: FieldError("killed"), isFinal: false)
            }
            #expect(problem?.message == "killed")
        }
        #expect(tries == 4)
    }

    @Test("the oldest are forgotten where there are too many")
    func bound() {
        let cache = VerdictCache()
        let checks = Checks()
        checks.accept("good", in: cache)
        for number in 0..<20_000 {
            #expect(cache.problem(with: "\(number)") { .init(problem: FieldError("\(number)")) } != nil)
        }
        checks.accept("good", in: cache)
        #expect(checks.count == 2)
    }

    @Test("what was accepted is known to the next process; what was refused is not, since its message is not kept")
    func kept() throws {
        try withFolder { folder in
            let file = VerdictFile(in: folder, library: "1")
            let (first, second) = (VerdictCache(), VerdictCache())
            let checks = Checks()
            first.keep(in: file)
            for number in 0..<300 { checks.accept("program \(number)", in: first) }
            _ = first.problem(with: "bad") { .init(problem: FieldError("bad")) }
            second.keep(in: file)
            for number in 0..<300 { checks.accept("program \(number)", in: second) }
            #expect(checks.count == 300)
            checks.accept("bad", in: second)
            #expect(checks.count == 301)
            let mode = try FileManager.default.attributesOfItem(atPath: file.path)[.posixPermissions] as? Int
            #expect(mode == 0o600)
        }
    }

    @Test("another libjq accepts for itself")
    func libraries() throws {
        try withFolder { folder in
            let (first, second) = (VerdictCache(), VerdictCache())
            let checks = Checks()
            first.keep(in: VerdictFile(in: folder, library: "1"))
            checks.accept("program", in: first)
            second.keep(in: VerdictFile(in: folder, library: "2"))
            checks.accept("program", in: second)
            #expect(checks.count == 2)
        }
    }

    @Test(
        "a file that is damaged costs the checks alone",
        arguments: [
            "", "\n\n", "0123\n", String(repeating: "x", count: 32) + "\n", "\u{0}\u{FFFD}\n",
            String(repeating: "0", count: 300 << 10),
        ])
    func damage(content: String) throws {
        try withFolder { folder in
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            let file = VerdictFile(in: folder, library: "1")
            try Data(content.utf8).write(to: URL(fileURLWithPath: file.path))
            let checks = Checks()
            for _ in 0..<2 {
                let cache = VerdictCache()
                cache.keep(in: file)
                checks.accept("program", in: cache)
                checks.accept("other", in: cache)
            }
            #expect(checks.count == 2)
        }
    }

    @Test("a folder that cannot be made is no error")
    func unwritable() throws {
        try withFolder { folder in
            let cache = VerdictCache()
            let checks = Checks()
            cache.keep(in: VerdictFile(in: folder + "/missing/deep", library: "1"))
            checks.accept("program", in: cache)
            checks.accept("program", in: cache)
            #expect(checks.count == 1)
        }
    }
}
