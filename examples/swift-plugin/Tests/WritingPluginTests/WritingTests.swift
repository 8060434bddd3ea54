import Foundation
import RunnelHTTP
import RunnelKit
import RunnelTesting
import Synchronization
import Testing

@testable import WritingPlugin

@Suite("Writing") struct WritingTests {
    @Test("the step counts, and keeps what every step promises")
    func count() async throws {
        let harness = StepHarness()
        #expect(try await harness.run(CountWords.self, with: ["text": "one two\nthree"]) == ["words": 3, "lines": 2])
        #expect(await StepConformance(CountWords.self, with: ["text": "a b"]).findings() == [])
    }

    @Test("words are checked against a file of the project, and by a dictionary that is shown the key")
    func check() async throws {
        try await withTemporaryDirectory { directory in
            try #"["the", "cat"]"#.write(toFile: directory + "/words.json", atomically: true, encoding: .utf8)
            let harness = StepHarness(directory: directory)
            let dictionary = Dictionary(words: ["sat"])
            await HTTPClientService.register(dictionary, in: harness.services)
            var settings = WritingPlugin.Settings()
            settings.dictionaryKey = SensitiveValue("a-secret")
            await WritingPlugin().configured(settings).registerServices(in: harness.services)
            let with: ValueObject = [
                "text": "The cat satt, sat!", "words": "words.json", "dictionary": "https://words.example/en",
            ]
            #expect(try await harness.run(CheckWords.self, with: with) == ["satt"])
            #expect(
                dictionary.asked == [
                    "https://words.example/en?word=satt Bearer a-secret",
                    "https://words.example/en?word=sat Bearer a-secret",
                ])
        }
    }

    @Test(
        "a list of words has to be one, and to lie in the project",
        arguments: [
            ("bad.json", #""bad.json" is no list of words: [1]: expected a string, found the number 2"#),
            ("../words.json", "\"../words.json\" leads out of"), ("none.json", "there is no such file"),
        ])
    func badList(file: String, message: String) async throws {
        try await withTemporaryDirectory { directory in
            try #"["a", 2]"#.write(toFile: directory + "/bad.json", atomically: true, encoding: .utf8)
            let error = await #expect(throws: StepError.self) {
                try await StepHarness(directory: directory).run(
                    CheckWords.self, with: ["text": "a", "words": .string(file)])
            }
            #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
        }
    }

    @Test("a text that is sent in starts one run, once the caller has shown the key")
    func submissions() async throws {
        let harness = TriggerHarness()
        let (context, runs) = (harness.context, harness.runs)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                try await TriggerDefinition(Submissions.self).run(["path": "texts", "key": "k"], context)
            }
            defer { group.cancelAll() }
            try await runs.wait { $0.health == [.waiting("POST /hooks/texts/{author}")] }
            var request = IngressRequest(
                method: "POST", path: "/hooks/texts/J%C3%A4rvi", body: Array("one two".utf8))
            #expect(try await harness.call(request).status == 401)
            request.headers.add("Authorization", "Bearer k")
            for _ in 0..<2 {
                let answer = try await harness.call(request)
                #expect(answer.status == 202)
                guard case .bytes(let body) = answer.body else { return }
                #expect(String(decoding: body, as: UTF8.self) == #"{"run":"run-1"}"#)
            }
            #expect(await runs.accepted.map(\.payload) == [["author": "Järvi", "words": 2]])
            await runs.refuse(TriggerRefusal(.overloaded, "full"))
            request.body = Array("three".utf8)
            let refused = try await harness.call(request)
            #expect(refused.status == 429)
            #expect(refused.headers["retry-after"] == ["1"])
            request.method = "GET"
            #expect(try await harness.call(request).status == 405)
        }
    }

    @Test("the filter rounds up, at the speed that is set")
    func filter() throws {
        var settings = WritingPlugin.Settings()
        settings.wordsPerMinute = 2
        let filter = try #require(WritingPlugin().configured(settings).filters.first)
        #expect(try filter.apply("one two three", []) == "2 min")
    }

    @Test("a commit starts one run; the one that was there at first, none")
    func commits() async throws {
        try await withTemporaryDirectory { directory in
            let clock = ManualClock()
            var harness = TriggerHarness()
            harness.clock = clock
            harness.project = ProjectDirectory(path: directory)
            let heads = directory + "/.git/refs/heads"
            try FileManager.default.createDirectory(atPath: heads, withIntermediateDirectories: true)
            try "aaaa\n".write(toFile: heads + "/main", atomically: true, encoding: .utf8)
            let (context, runs) = (harness.context, harness.runs)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await TriggerDefinition(Commits.self).run([:], context) }
                try await runs.wait { $0.health.contains(.waiting("after aaaa")) }
                try "bbbb\n".write(toFile: heads + "/main", atomically: true, encoding: .utf8)
                await clock.waitForSleepers(1)
                clock.advance(by: .seconds(10))
                try await runs.waitForAccepted(1)
                #expect(await runs.accepted.map(\.dedupeKey) == ["bbbb"])
                group.cancelAll()
            }
        }
    }

    @Test("the executable has the whole of Runnel, with jq in child processes of its own")
    func executable() async throws {
        try await withTemporaryDirectory { directory in
            let pipeline = """
                name: numbers
                steps:
                  - { id: bad, uses: transform, with: { from: [1], jq: ".[nan:1]" }, on_error: continue }
                  - { id: good, uses: transform, with: { from: [1, 2], jq: "map(. * 2)" } }
                  - { uses: template, with: { text: "{{ steps.good | tojson }}" } }
                """
            try pipeline.write(toFile: directory + "/numbers.yaml", atomically: true, encoding: .utf8)
            let output = directory + "/output"
            _ = FileManager.default.createFile(atPath: output, contents: nil)
            let process = Process()
            process.executableURL = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
                .appendingPathComponent("writing-runnel")
            process.arguments = ["run", "numbers", "--no-journal"]
            process.currentDirectoryURL = URL(fileURLWithPath: directory)
            process.standardOutput = try FileHandle(forWritingTo: URL(fileURLWithPath: output))
            process.standardError = FileHandle.nullDevice
            let (ended, continuation) = AsyncStream.makeStream(of: Void.self)
            process.terminationHandler = { _ in continuation.finish() }
            try process.run()
            for await _ in ended {}
            #expect(process.terminationStatus == 0)
            #expect(try String(contentsOfFile: output, encoding: .utf8) == "[2,4]\n")
        }
    }
}

/// A dictionary in the place of the network.
private final class Dictionary: HTTPSender {
    private let words: Set<String>
    private let log = Mutex<[String]>([])

    init(words: Set<String>) {
        self.words = words
    }

    /// What was asked, with the credentials.
    var asked: [String] { log.withLock { $0 } }

    func send(_ call: HTTPCall) async throws -> HTTPReply {
        log.withLock { $0.append("\(call.url.text) \(call.header("authorization") ?? "")") }
        let isKnown = words.contains(String(call.url.query?.dropFirst("word=".count) ?? ""))
        return HTTPReply(status: isKnown ? 200 : 404)
    }

    func shutDown() async {}
}
