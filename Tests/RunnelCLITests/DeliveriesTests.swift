import Testing

@Suite("runnel deliveries, typed", .timeLimit(.minutes(5))) struct DeliveriesTests {
    @Test("where nothing was delivered it says so, and what is wrong is named")
    func empty() async throws {
        try await withProject(["runnel.yaml": "server: { port: 1 }\n", "p.yaml": "steps: [ { uses: log } ]\n"]) {
            runnel in
            _ = try await runnel.run(["run", "p"])
            let list = try await runnel.run(["deliveries"])
            #expect(list.status == 0)
            #expect(list.output == "")
            #expect(list.error.hasSuffix("no deliveries\n"))
            let missing = try await runnel.run(["deliveries", "show", "12"])
            #expect(missing.status == 1)
            #expect(
                missing.error.hasSuffix(
                    "error: there is no delivery 12\n  = `runnel deliveries list` lists them\n"))
            let outcome = try await runnel.run(["deliveries", "list", "--outcome", "lost"])
            #expect(outcome.status == 2)
            #expect(outcome.error.contains("lost"))
            let offline = try await runnel.run(["deliveries", "replay", "12"])
            #expect(offline.status == 1)
            #expect(offline.error.contains("no server is listening at"))
        }
    }
}
