import RunnelKit
import Synchronization
import Testing

private enum First: ServiceKey {
    typealias Service = String
    static let name = "the first service"
}

private enum Second: ServiceKey {
    typealias Service = String
    static let name = "the second service"
}

private final class Record: Sendable {
    private let storage = Mutex<[String]>([])
    var lines: [String] { storage.withLock { $0 } }
    func add(_ line: String) { storage.withLock { $0.append(line) } }
}

@Suite("Services") struct ServicesTests {
    private let services = Services()
    private let record = Record()

    private func registerBoth() async {
        await services.register(First.self, shutDown: { [record] in record.add("end \($0)") }) { [record] _ in
            record.add("make first")
            return "first"
        }
        await services.register(Second.self, shutDown: { [record] in record.add("end \($0)") }) { [record] services in
            record.add("make second with \(try services.get(First.self))")
            return "second"
        }
    }

    @Test("a service is made when it is first asked for, and once")
    func once() async throws {
        await registerBoth()
        #expect(record.lines.isEmpty)
        let results = try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<20 { group.addTask { [services] in try await services.get(First.self) } }
            return try await group.reduce(into: Set<String>()) { $0.insert($1) }
        }
        #expect(results == ["first"])
        #expect(record.lines == ["make first"])
    }

    @Test("services end in reverse order of their making, those never made not at all")
    func reverse() async throws {
        await registerBoth()
        #expect(try await services.get(Second.self) == "second")
        await services.shutDown()
        await services.shutDown()
        #expect(record.lines == ["make first", "make second with first", "end second", "end first"])
    }

    @Test("a service nobody registered is an error that names it")
    func unknown() async {
        let error = await #expect(throws: StepError.self) { try await services.get(First.self) }
        #expect(error?.code == "no-such-service")
        #expect(error?.message == "the first service is not available here")
    }

    @Test("after the shutdown no service can be had, made before or not", arguments: [true, false])
    func afterwards(wasMade: Bool) async throws {
        await registerBoth()
        if wasMade { _ = try await services.get(First.self) }
        await services.shutDown()
        let error = await #expect(throws: StepError.self) { try await services.get(First.self) }
        #expect(error?.code == "shutting-down")
        #expect(error?.message == "the first service is not available any more: Runnel is shutting down")
    }

    @Test("a service that needs itself is an error, and one whose making failed can be asked for again")
    func failures() async throws {
        await services.register(First.self) { try $0.get(Second.self) }
        await services.register(Second.self) { try $0.get(First.self) }
        let error = await #expect(throws: StepError.self) { try await services.get(First.self) }
        #expect(error?.code == "service-cycle")
        #expect(error?.message == "the first service cannot be made: making it needs itself")
        await services.register(Second.self) { _ in "made" }
        #expect(try await services.get(First.self) == "made")
    }
}
