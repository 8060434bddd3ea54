import RunnelKit
import RunnelTesting
import Testing

@testable import RunnelEngine

@Suite("A trigger's memory and secrets") struct SealedTriggerMemoryTests {
    private let journal = MemoryJournal()
    private let seal = SecretSeal(secrets: ["key": "hunter-22", "pin": "12345678"])
    private var stored: any TriggerMemory { journal.memory(of: TriggerID(pipeline: "p", key: "watch")) }
    private var memory: SealedTriggerMemory { SealedTriggerMemory(memory: stored, seal: seal) }

    @Test("the trigger finds what it remembered, and the journal holds no secret of it")
    func roundTrip() async throws {
        let name = "files/hunter-22.txt"
        try await memory.set([name: ["name": "hunter-22", "size": 12_345_678], "files/other": 1])
        #expect(try await memory.value(for: name) == ["name": "hunter-22", "size": 12_345_678])
        let all = try await stored.values(prefix: "")
        #expect(all.count == 2)
        for (key, value) in all {
            #expect(!"\(key) \(value.json())".contains("hunter") && !value.json().contains("1234"))
        }
        #expect(try await stored.value(for: "files/other") == 1)
        try await memory.set([name: nil])
        #expect(try await memory.value(for: name) == nil)
    }

    @Test(
        "keys are found by their beginning, also where that ends inside of a secret",
        arguments: [
            ("files/", ["files/a", "files/hunter-22.txt"]), ("files/hun", ["files/hunter-22.txt"]),
            ("files/hunter-22", ["files/hunter-22.txt"]), ("files/hunter-22.", ["files/hunter-22.txt"]), ("hun", []),
        ])
    func prefixes(prefix: String, keys: [String]) async throws {
        try await memory.set(["files/hunter-22.txt": 1, "files/a": 2])
        #expect(try await memory.values(prefix: prefix).map(\.key).sorted() == keys)
    }

    @Test("a dedupe key without a secret is the same as ever")
    func plainKey() {
        #expect(seal.dedupeKey("webhook:h:webhook-id:1", of: "p") == "webhook:h:webhook-id:1")
        let key = seal.dedupeKey("watch:hunter-22.txt:3:x", of: "p")
        #expect(SecretSeal.masked(key).hasPrefix("watch:***~") && SecretSeal.masked(key).hasSuffix(".txt:3:x"))
        #expect(key == SecretSeal(secrets: ["key": "hunter-22"]).dedupeKey("watch:hunter-22.txt:3:x", of: "p"))
        #expect(key != seal.dedupeKey("watch:hunter-22.txt:3:x", of: "q"))
        #expect(key != SecretSeal(secrets: ["key": "hunter-33"]).dedupeKey("watch:hunter-33.txt:3:x", of: "p"))
    }
}
