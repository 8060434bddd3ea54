import RunnelEngine
import RunnelSupport
import Testing

@testable import RunnelCLI

@Suite("The table of workers") struct WorkerTableTests {
    private func status(_ host: String, process: Int32, version: String = "0.1.0", leases: Int = 0) -> WorkerStatus {
        var worker = WorkerRecord(
            id: WorkerID("0190-\(process)"), processID: process, host: host, role: "serve", version: version,
            startedAt: 1_767_225_600_000_000_000)
        worker.silence = .milliseconds(2345)
        worker.clockLead = .milliseconds(12)
        return WorkerStatus(
            worker: worker, leases: (0..<leases).map { Lease(runID: "r\($0)", worker: worker.id, epoch: 1) })
    }

    private func lines(_ workers: [WorkerStatus]) -> [String] {
        WorkerTable(workers, now: 1_767_225_600_000_000_000 + 400 * 86_400_000_000_000)
            .text(TextStyle(hasColor: false)).split(separator: "\n").map(String.init)
    }

    @Test("shows host and process, version, state, runs, heartbeat and clock")
    func columns() {
        var drained = status("web-2", process: 12, version: "")
        drained.worker.isDrained = true
        drained.worker.clockLead = nil
        #expect(
            lines([status("web-1", process: 4711, leases: 3), drained]) == [
                "WORKER      ROLE   VERSION  STATE    RUNS  BEAT  CLOCK  SINCE",
                "web-1/4711  serve  0.1.0    working  3     2.3s  0.0s   2026-01-01",
                "web-2/12    serve  –        drained  0     2.3s  –      2026-01-01",
            ])
    }

    @Test("fits into 80 columns, with the process of a long host name, and says whose clock is wrong")
    func width() {
        var worker = status("ip-10-20-30-40.eu-central-1.compute.internal.example.org", process: 123_456, leases: 12)
        worker.worker.clockLead = .seconds(-90_000)
        worker.worker.silence = .seconds(90_000)
        let lines = lines([worker])
        #expect(lines.count == 3)
        for line in lines.prefix(2) { #expect(line.count <= 80, "\(line)") }
        #expect(lines[1].contains("…") && lines[1].contains("/123456") && lines[1].contains("-25h"))
        #expect(lines[1].contains("silent"))
        #expect(lines[2].hasPrefix("✗ the clock of ip-10-20-30-40."))
    }
}
