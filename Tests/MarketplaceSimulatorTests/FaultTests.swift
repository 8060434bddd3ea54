import Testing

@testable import MarketplaceSimulator

@Suite("Faults")
struct FaultTests {
    @Test("an unknown name is an error that suggests the nearest one")
    func unknown() throws {
        let near = #expect(throws: SimulatorError.self) { try Fault(named: "cut-of") }
        #expect(near?.code == "unknown-fault")
        #expect(near?.description == #"unknown fault "cut-of"; did you mean "cut-off"?"#)
        let far = #expect(throws: SimulatorError.self) { try Fault(named: "earthquake") }
        #expect(far?.description.hasPrefix(#"unknown fault "earthquake"; the faults are token-rejected, "#) == true)
    }

    @Test("every fault has a name in kebab-case and a summary of one sentence")
    func names() {
        for fault in Fault.allCases {
            #expect(fault.rawValue.wholeMatch(of: /[a-z]+(-[a-z]+)*/) != nil)
            #expect(fault.summary.hasSuffix("."))
        }
    }

    @Test("a plan is read from one name, or from one name a request")
    func parsing() throws {
        #expect(try FaultPlan(parsing: "stall") == .every(.stall))
        #expect(try FaultPlan(parsing: "none") == .none)
        #expect(try FaultPlan(parsing: "rate-limited, none,cut-off") == .each([.rateLimited, nil, .cutOff]))
        #expect(throws: SimulatorError.self) { try FaultPlan(parsing: "stall,") }
    }

    @Test("a list gives each request one entry, token faults to token requests")
    func each() {
        var faults = FaultSelector(
            plan: .each([.tokenRejected, .rateLimited, nil, .stall]), rateLimitedRequests: 1)
        #expect(faults.nextForToken(chosen: nil) == .tokenRejected)
        #expect(faults.nextForToken(chosen: nil) == nil)
        #expect((0..<4).map { _ in faults.nextForChat(chosen: nil, message: "") } == [.rateLimited, nil, .stall, nil])
    }

    @Test("a standing fault ends when its name says so")
    func every() {
        var limited = FaultSelector(plan: .every(.rateLimited), rateLimitedRequests: 2)
        #expect(
            (0..<3).map { _ in limited.nextForChat(chosen: nil, message: "") } == [.rateLimited, .rateLimited, nil])
        var cut = FaultSelector(plan: .every(.cutOff), rateLimitedRequests: 1)
        #expect((0..<2).map { _ in cut.nextForChat(chosen: nil, message: "") } == [.cutOff, .cutOff])
        #expect(cut.nextForToken(chosen: nil) == nil)
    }

    @Test("a fault that a caller chooses happens once for a message, and again when it is sent anew after it passed")
    func chosen() {
        var faults = FaultSelector(plan: .none, rateLimitedRequests: 1)
        let first = (0..<3).map { _ in faults.nextForChat(chosen: .serverErrorOnce, message: "a") }
        #expect(first == [.serverErrorOnce, nil, .serverErrorOnce])
        #expect(faults.nextForChat(chosen: .serverErrorOnce, message: "b") == .serverErrorOnce)
    }

    @Test("only a line of its own with a single word chooses a fault")
    func directive() {
        #expect(FaultDirective.name(in: "Hello\n  simulate: cut-off \nmore") == "cut-off")
        #expect(FaultDirective.name(in: "simulate: runs the server") == nil)
        #expect(FaultDirective.name(in: "Please simulate: stall") == nil)
    }

    @Test("settings that make no sense are refused")
    func configuration() {
        let error = #expect(throws: SimulatorError.self) { try SimulatorConfiguration { $0.port = 70_000 } }
        #expect(
            error?.description
                == "the simulator's port is 70000; give a port from 1 to 65535, or 0 for any free one")
        #expect(throws: SimulatorError.self) { try SimulatorConfiguration { $0.heartbeat = .zero } }
        #expect(throws: SimulatorError.self) { try SimulatorConfiguration { $0.pace = .seconds(-1) } }
        #expect(throws: SimulatorError.self) { try SimulatorConfiguration { $0.clientSecret = "" } }
        #expect(throws: SimulatorError.self) { try SimulatorConfiguration { $0.rateLimitedRequests = 0 } }
        #expect(throws: Never.self) { try SimulatorConfiguration().validate() }
    }
}
