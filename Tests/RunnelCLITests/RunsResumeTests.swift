import Testing

@testable import RunnelCLI

@Suite("runnel runs resume --all") struct RunsResumeTests {
    @Test("runs that are left to another machine are counted, with the way to resume them here")
    func left() {
        #expect(
            RunsResumeCommand.notice(1, leftTo: "web-1")
                == "1 queued run is left to the machine \"web-1\", whose files it may need; to resume it here, "
                + "type its id")
        #expect(
            RunsResumeCommand.notice(2, leftTo: "web-1")
                == "2 queued runs are left to the machine \"web-1\", whose files they may need; to resume one here, "
                + "type its id")
    }
}
