import RunnelKit
import RunnelTesting
import Testing

@testable import RunnelEngine
@testable import RunnelServer

@Suite("Backfilling ticks of the past", .timeLimit(.minutes(5))) struct BackfillTests {
    @Test("what is asked for in the wrong way is said with the value")
    func wrong() throws {
        func message(_ body: Value) -> String? {
            do throws(APIError) {
                _ = try Backfill(body)
                return nil
            } catch {
                return error.message
            }
        }
        let time: Value = "2026-11-24T09:00:00Z"
        #expect(message([]) == "the body: expected an object, found a list")
        #expect(
            message(["from": "monday", "to": time])
                == "`from`: expected a time such as 2026-11-24T09:00:00Z, found \"monday\"")
        #expect(
            message(["from": time, "to": time, "limit": 0]) == "`limit`: expected a number from 1 to 1000, found 0")
        #expect(message(["from": time, "to": time, "limt": 1])?.hasPrefix("the body has a key \"limt\"") == true)
        #expect(message(["from": time, "to": time, "again": true]) == nil)
    }

    @Test("a local time of a form is one of the server's time zone")
    func localTime() throws {
        #expect(DashboardRoutes.time("2026-11-24T09:00", in: .utc) == "2026-11-24T09:00:00.000Z")
        #expect(DashboardRoutes.time("2026-11-24T09:00:30", in: .utc) == "2026-11-24T09:00:30.000Z")
        let tokyo = try Zone(field: "Asia/Tokyo")
        #expect(DashboardRoutes.time("2026-11-24T09:00", in: tokyo) == "2026-11-24T00:00:00.000Z")
        for text in ["", "monday", "2026-11-24T09:00:00Z", "2026-13-24T09:00"] {
            #expect(DashboardRoutes.time(text, in: tokyo) == text)
        }
    }

    @Test("a pipeline without a schedule has no ticks")
    func none() async throws {
        try await ServerRig(pipelines: ["g.yaml": Pipelines.gate]).serve { server in
            let answer = try await server.post(
                "/api/v1/pipelines/gate/backfill", #"{"from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z"}"#)
            #expect(answer.status == 200)
            #expect(try answer.json() == [])
            let turned = try await server.post(
                "/api/v1/pipelines/gate/backfill", #"{"from": "2026-01-03T00:00:00Z", "to": "2026-01-02T00:00:00Z"}"#)
            #expect(turned.error == "bad-body `from` is after `to`")
        }
    }
}
