import RunnelEngine
import RunnelKit
import RunnelSupport
import Testing

@testable import RunnelCLI

@Suite("Tables on a terminal") struct TextTableTests {
    private let style = TextStyle(hasColor: false)
    private let id = "01a2188c-a763-7000-8000-000000000000"

    private func table(_ width: Int?) -> String {
        TextTable(
            columns: [.init(title: "ID"), .init(title: "NAME", shortest: 4), .init(title: "WHAT", shortest: 6)],
            style: style, width: width
        ).text([
            .init(cells: ["1", "short", "a longer text"], detail: "and why it is so long"),
            .init(cells: ["2", "a name", "text"]),
        ])
    }

    @Test("the widest columns are cut first, down to their shortest, and a detail stands below its row")
    func width() {
        #expect(
            table(20) == """
                ID  NAME    WHAT
                1   short   a longe…
                  and why it is so …
                2   a name  text

                """)
        #expect(table(4).split(separator: "\n").first == "ID  NAME  WHAT")
        #expect(table(4).contains("1   sho…  a lon…\n"))
    }

    @Test("for a program nothing is cut, and a detail stands behind its row")
    func program() {
        #expect(
            table(nil) == """
                ID  NAME    WHAT
                1   short   a longer text  and why it is so long
                2   a name  text

                """)
    }

    @Test("a wide character (East Asian) counts as two columns")
    func wide() {
        let columns: [TextTable.Column] = [
            .init(title: "NAME", shortest: 4), .init(title: "N", isNumber: true), .init(title: "WHAT"),
        ]
        let rows: [TextTable.Row] = [
            .init(cells: ["請求書-処理", "1", "ok"], detail: "失敗しました"), .init(cells: ["mail", "円", "ok"]),
        ]
        #expect(
            TextTable(columns: columns, style: style, width: 80).text(rows) == """
                NAME          N  WHAT
                請求書-処理   1  ok
                  失敗しました
                mail         円  ok

                """)
        #expect(
            TextTable(columns: columns, style: style, width: 14).text(rows) == """
                NAME   N  WHAT
                請…    1  ok
                  失敗しました
                mail  円  ok

                """)
    }

    @Test("the lines of a status are wrapped behind their marks, and not at all for a program")
    func status() {
        let worker: Value = [
            "host": "machine-1", "process": 42, "role": "serve", "version": "1.0", "runs": [], "state": "alive",
            "since": "2026-01-01T00:00:00.000Z",
            "problem": "it has not written to the journal for 20 s, and its lease ends in 10 s",
        ]
        let problem = "the folder \"inbox\" is not there; make it, or change `path`: it is looked for every second"
        let trigger: Value = ["key": "watch", "problem": .string(problem)]
        let report = "mail.yaml:4:1: error: http.fetch has no key \"mthod\" [unknown-key]\n    4 | mthod: GET"
        let status: Value = [
            "version": "1.0", "running": 1, "queued": 2,
            "journal_problem": "the journal cannot be written: there is no space left; make room on the disk",
            "drained": true, "configuration_problems": ["runnel.yaml:3:9: `runs`: runnel.yaml has no key \"limt\""],
            "workers": [worker],
            "pipelines": [
                [
                    "name": "mail", "file": "mail.yaml", "triggers": [trigger], "problem": .string(report),
                ],
                ["file": "team/", "problem": "the folder cannot be read; check its permissions"],
            ],
        ]
        #expect(
            StatusText(style: style, width: 60).text(status) == """
                runnel 1.0  1 running, 2 queued
                ✗ the journal cannot be written: there is no space left;
                  make room on the disk
                this server is drained: it takes no runs; `runnel workers
                  undrain NAME` ends that
                ✗ the configuration has problems; what was valid before
                  stays in use:
                    runnel.yaml:3:9: `runs`: runnel.yaml has no key "limt"
                ✓ worker machine-1/42  alive  serve, 1.0, 0 runs, since
                    2026-01-01T00:00:00.000Z
                  ✗ it has not written to the journal for 20 s, and its
                    lease ends in 10 s
                mail  mail.yaml
                  ✗ watch  the folder "inbox" is not there; make it, or
                    change `path`: it is looked for every second
                  the file has errors:
                    mail.yaml:4:1: error: http.fetch has no key "mthod"
                        [unknown-key]
                        4 | mthod: GET
                (not served)  team/
                  ✗ the folder cannot be read; check its permissions

                """)
        let lines = StatusText(style: style).text(status).split(separator: "\n")
        #expect(lines.count == 14)
        #expect(lines[8] == "  ✗ watch  \(problem)")
    }

    @Test("`status` says which machines runs wait for")
    func heldRuns() {
        let held = HeldRuns(machine: "web-1", queued: 2, retries: 0, isDrained: true)
        let status: Value = ["version": "1.0", "running": 0, "queued": 2, "held_runs": [held.json]]
        #expect(
            StatusText(style: style).text(status) == """
                runnel 1.0  0 running, 2 queued
                ✗ 2 queued runs wait for the machine "web-1", whose worker is drained

                """)
    }

    @Test("deliveries and actions fit into 80 columns")
    func fits() {
        let delivery = DeliveryRecord(
            time: 1_767_225_600_000_000_000, pipeline: "orders-from-the-web-shop", trigger: "webhook", method: "POST",
            path: "/hooks/orders/incoming-from-the-shop", outcome: .refused, reason: "the signature is wrong",
            status: 401, size: 2, isWhole: true)
        var accepted = delivery
        (accepted.outcome, accepted.reason, accepted.runID) = (.accepted, "", id)
        let deliveries = DeliveryTable(style: style, width: 80).text([delivery, accepted]).split(separator: "\n")
        #expect(deliveries.map(\.count).max() ?? 0 <= 80)
        #expect(deliveries.count == 4)
        #expect(deliveries[2] == "  the signature is wrong")
        #expect(deliveries[3].contains("  01a2188c-a763"))
        let action = AuditEntry(
            time: 1_767_225_600_000_000_000, caller: "local", origin: "command line", action: "replay-delivery",
            subject: id, outcome: id)
        let actions = AuditTable(style: style, width: 80).text([action]).split(separator: "\n")
        #expect(actions.map(\.count).max() ?? 0 <= 80)
        #expect(actions.count == 2)
    }
}
