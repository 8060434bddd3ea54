import RunnelEngine
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
