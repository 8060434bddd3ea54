import Foundation
import GRDB
import TestSupport

/// One project with a journal, the servers that share it, and all that the outside sees of them.
///
/// A round does harm once while webhooks come in, lets everything end undisturbed, and checks what has to hold.
final class CrashWorld {
    struct Surroundings: Sendable {
        var simulator: String
        var clientID: String
        var clientSecret: String
        var agentID: String
        var receiver: String
        var fault: URL?
        /// The longest that a server is stopped or a journal cannot be written.
        var longest: Duration
        /// How long runs may take to end once nobody does harm any more.
        var patience: Duration
    }

    /// What a round came to.
    struct Report: Sendable {
        var violations: [String] = []
        var note = ""
    }

    let folder: URL
    private let surroundings: Surroundings
    private let outside: Outside
    private let deliveries: Deliveries
    private let journal: JournalReader
    private let isMounted: Bool
    private var servers: [ServerProcess] = []
    private var started = 0
    /// Ends that nobody asked for.
    private var deaths: [ServerProcess.End] = []
    /// Runs that are expected to fail, with the code.
    private var failures: [String: String] = [:]
    private var generator: SeededGenerator

    private static let names = ["work", "serial", "poison"]

    init(
        name: String, _ surroundings: Surroundings, _ outside: Outside, generator: SeededGenerator, in parent: URL
    ) throws {
        folder = parent.appendingPathComponent(name)
        self.surroundings = surroundings
        self.outside = outside
        self.generator = generator
        deliveries = Deliveries(world: name)
        let state = folder.appendingPathComponent(".runnel")
        journal = JournalReader(path: state.path + "/journal.db", outside: outside)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        isMounted = Disk.mount(state)
        try prepare()
    }

    private func prepare() throws {
        try write(
            "runnel.yaml",
            """
            marketplace:
              base_url: \(surroundings.simulator)
              client_id: \(surroundings.clientID)
              client_secret: { env: CRASH_CLIENT_SECRET }
              agent_id: \(surroundings.agentID)
              limits: { concurrent_streams: 64 }
            env: [RECEIVER]
            runs: { limit: 6 }
            journal: { keep_runs: 100000 }
            """)
        for name in ["work", "serial"] {
            try write(
                "\(name).yaml",
                """
                name: \(name)
                on: { webhook: { path: \(name), max_body: 4MiB, verify: { scheme: none } } }
                \(name == "serial" ? "concurrency: { limit: 1 }" : "")
                steps:
                  - id: start
                    uses: template
                    with: { text: "run {{ run.id }} {{ trigger.body.kind }}" }
                  - id: answer
                    uses: chat
                    with: { prompt: "{{ input }}" }
                    retry: { attempts: 5, backoff: 100ms }
                  - id: send
                    for_each: [a, b]
                    max_parallel: 2
                    uses: webhook.send
                    with: { url: "{{ env.RECEIVER }}", json: { item: "{{ item }}", answer: "{{ steps.answer.text }}" } }
                  - id: file
                    uses: file.write
                    with: { path: "out/{{ run.id }}.txt", content: "{{ steps.answer.text }}" }

                """)
        }
        try write(
            "poison.yaml",
            """
            name: poison
            on: { webhook: { path: poison, verify: { scheme: none } } }
            steps: [ { uses: poison.swallow } ]
            """)
        try write(
            "plugins/poison/plugin.yaml",
            """
            name: poison
            version: "1.0"
            description: Kills the server that works with it.
            protocol: exec
            command: [./poison.sh]
            steps: { swallow: { summary: Kills the server., input: { type: object, additionalProperties: false } } }
            """)
        try write(
            "plugins/poison/poison.sh",
            """
            #!/bin/sh
            # The outermost process above this one that was called as `runnel serve`.
            process=$PPID victim=
            while [ "$process" -gt 1 ]; do
              case "$(tr '\\0' ' ' < "/proc/$process/cmdline")" in *"runnel serve "*) victim=$process ;; esac
              process=$(sed -n 's/^PPid:[[:space:]]*//p' "/proc/$process/status")
            done
            kill -9 "$victim"
            sleep 10

            """)
        try FileManager.default.setAttributes(
            [.posixPermissions: 0o755],
            ofItemAtPath: folder.appendingPathComponent("plugins/poison/poison.sh").path)
    }

    private func write(_ path: String, _ text: String) throws {
        let url = folder.appendingPathComponent(path)
        try FileManager.default.createDirectory(
            at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: url)
    }

    /// Ends what runs, and removes everything.
    func end(keepingFiles: Bool = false) async {
        for server in servers {
            server.send(SIGCONT)
            server.send(SIGKILL)
            _ = await server.waitForEnd(.seconds(10))
        }
        if isMounted, !keepingFiles { Disk.unmount(folder.appendingPathComponent(".runnel")) }
        if !keepingFiles { try? FileManager.default.removeItem(at: folder) }
    }

    // MARK: - Servers

    private var control: URL { folder.appendingPathComponent("fault") }

    private func start() throws -> ServerProcess {
        started += 1
        var environment = [
            "CRASH_CLIENT_SECRET": surroundings.clientSecret, "RECEIVER": surroundings.receiver,
            "FAULT_FOLDER": folder.path + "/.runnel", "FAULT_CONTROL": control.path,
        ]
        if let fault = surroundings.fault { environment["LD_PRELOAD"] = fault.path }
        return try ServerProcess(
            folder: folder, log: folder.appendingPathComponent("server-\(started).log"), environment: environment)
    }

    /// Starts what is missing, as a supervisor does, and waits until all listen.
    private func supervise(_ count: Int) async throws {
        for server in servers { if let end = server.end { deaths.append(end) } }
        servers.removeAll { !$0.isRunning }
        while servers.count < count { servers.append(try start()) }
        while servers.count > count {
            let server = servers.removeLast()
            server.send(SIGKILL)
            _ = await server.waitForEnd(.seconds(10))
        }
        for server in servers { _ = await server.waitForPort(.seconds(30)) }
        deliveries.ports = servers.compactMap(\.port)
    }

    private func replace(_ server: ServerProcess) throws {
        servers.removeAll { $0 === server }
        servers.append(try start())
    }

    // MARK: - Rounds

    /// Whether the scenario can be played here.
    static func isPossible(_ scenario: Scenario, fault: URL?) -> Bool {
        switch scenario {
        case .full: Disk.isPossible
        case .io, .claims: fault != nil
        case .kill, .stop, .terminate, .lock, .damage, .poison: true
        }
    }

    func round(_ scenario: Scenario) async throws -> Report {
        let count = Int.random(in: 1...3, using: &generator)
        try await supervise(scenario.isOutage ? max(2, count) : count)
        deaths = []
        var report = Report()
        let load = load(scenario)
        let (deliveries, journal) = (deliveries, journal)
        try await withThrowingTaskGroup(of: Void.self) { group in
            // Many calls at one moment are what shutting down has to cope with.
            group.addTask { await deliveries.flow(load, every: .milliseconds(scenario == .terminate ? 4 : 60)) }
            group.addTask {
                while !Task.isCancelled {
                    // What is not seen in one look is seen in the next.
                    try? journal.look()
                    try? await Task.sleep(for: .milliseconds(300))
                }
            }
            // The moment of the harm is what is tried here, so this is a time and not a wait for something.
            try await pause(.milliseconds(50), .milliseconds(scenario == .terminate ? 600 : 1500))
            report = try await harm(scenario)
            try await group.next()
            // A server that was taken for dead has to work as before.
            if scenario.isOutage {
                deliveries.ports = servers.compactMap(\.port)
                await deliveries.flow(
                    (0..<10).map { _ in deliveries.add("work", kind: "slow") }, every: .milliseconds(100))
            }
            group.cancelAll()
        }
        report.violations += try await settle(scenario == .poison)
        do {
            report.violations += try check()
        } catch {
            report.violations.append("unread: the journal cannot be read: \(error)")
        }
        return report
    }

    private func load(_ scenario: Scenario) -> [Deliveries.Delivery] {
        let count =
            switch scenario {
            case .terminate: Int.random(in: 6...200, using: &generator)
            case .claims: 30
            default: Int.random(in: 6...24, using: &generator)
            }
        var load = (0..<count).map { _ in
            let isLarge = scenario == .damage || Int.random(in: 0..<8, using: &generator) == 0
            return deliveries.add(
                Int.random(in: 0..<5, using: &generator) == 0 ? "serial" : "work",
                kind: Int.random(in: 0..<3, using: &generator) == 0 ? "slow" : "quick", padding: isLarge ? 300_000 : 0)
        }
        if scenario == .poison { load.insert(deliveries.add("poison", kind: "poison"), at: load.count / 2) }
        return load
    }

    private func pause(_ least: Duration, _ most: Duration) async throws {
        let (low, high) = (least / .milliseconds(1), most / .milliseconds(1))
        try await Task.sleep(for: .milliseconds(Int.random(in: Int(low)...Int(high), using: &generator)))
    }

    /// 5, 20 or 60 seconds, as far as they are allowed.
    private func outage() -> Duration {
        min(
            ([.seconds(5), .seconds(20), .seconds(60)] as [Duration]).randomElement(using: &generator) ?? .seconds(5),
            surroundings.longest)
    }

    private func harm(_ scenario: Scenario) async throws -> Report {
        var report = Report()
        guard let victim = servers.randomElement(using: &generator) else { return report }
        switch scenario {
        case .kill:
            victim.send(SIGKILL)
            _ = await victim.waitForEnd(.seconds(10))
            try replace(victim)
        case .stop:
            victim.send(SIGSTOP)
            try await pause(.seconds(5), max(.seconds(5), surroundings.longest))
            victim.send(SIGCONT)
        case .terminate:
            report = try await terminate(victim)
        case .lock:
            try await lock(outage())
        case .full:
            let filler = folder.path + "/.runnel/filler"
            let end = ContinuousClock.now + outage()
            // What is given back meanwhile is used up as well.
            while ContinuousClock.now < end {
                Disk.fill(filler)
                try await Task.sleep(for: .milliseconds(100))
            }
            try? FileManager.default.removeItem(atPath: filler)
        case .io:
            try Data("\(EIO) all 0".utf8).write(to: control)
            try await Task.sleep(for: outage())
            try? FileManager.default.removeItem(at: control)
        case .claims:
            for _ in 0..<3 {
                try Data("\(EIO) sync 2".utf8).write(to: control)
                try await pause(.milliseconds(200), .milliseconds(1000))
            }
            try? FileManager.default.removeItem(at: control)
        case .damage:
            report = try await damage()
        case .poison:
            // It does its harm itself.
            break
        }
        return report
    }

    private func terminate(_ victim: ServerProcess) async throws -> Report {
        let signal = Bool.random(using: &generator) ? SIGTERM : SIGINT
        let isTwice = Int.random(in: 0..<3, using: &generator) == 0
        let start = ContinuousClock.now
        victim.send(signal)
        if isTwice {
            try await pause(.milliseconds(1), .milliseconds(300))
            victim.send(signal)
        }
        var report = Report()
        let words = "\(signal == SIGTERM ? "SIGTERM" : "SIGINT")\(isTwice ? " twice" : "")"
        // 10 s of grace, and time for a loaded machine.
        if await victim.waitForEnd(.seconds(25)) {
            let time = (ContinuousClock.now - start) / .milliseconds(1)
            if let end = victim.end, end != .status(0) {
                report.violations.append("exit: \(words) ended with \(end) after \(Int(time)) ms")
            }
        } else {
            report.violations.append("exit: \(words) did not end within 25 s")
            victim.send(SIGKILL)
            _ = await victim.waitForEnd(.seconds(10))
        }
        try replace(victim)
        return report
    }

    private func lock(_ time: Duration) async throws {
        let queue = try DatabaseQueue(path: journal.path)
        try await queue.writeWithoutTransaction { db in
            var isLocked = false
            for _ in 0..<200 where !isLocked {
                isLocked = (try? db.execute(sql: "BEGIN IMMEDIATE")) != nil
                if !isLocked { usleep(10_000) }
            }
            guard isLocked else { return }
            usleep(UInt32(time / .microseconds(1)))
            try db.execute(sql: "ROLLBACK")
        }
        try queue.close()
    }

    /// Kills all servers and damages the input of a run that has not ended.
    private func damage() async throws -> Report {
        for server in servers { server.send(SIGKILL) }
        for server in servers { _ = await server.waitForEnd(.seconds(10)) }
        let count = servers.count
        servers = []
        var report = Report(note: "nothing to damage")
        if let (run, file) = try journal.unfinishedWithFile() {
            let path = folder.path + "/.runnel/outputs/" + file
            if let size = try? FileManager.default.attributesOfItem(atPath: path)[.size] as? Int {
                try Data(repeating: 0x20, count: size).write(to: URL(fileURLWithPath: path))
                failures[run] = "journal-corrupt"
                report.note = "damaged the file of \(run)"
            }
        }
        while servers.count < count { servers.append(try start()) }
        return report
    }

    // MARK: - What has to hold

    /// Waits until all that was delivered is accepted and has ended, as long as it gets less; servers that die are started
    /// again.
    private func settle(_ isPoisoned: Bool) async throws -> [String] {
        let count = servers.count
        var end = ContinuousClock.now + surroundings.patience
        var least = Int.max
        var states: [String: JournalReader.State] = [:]
        var open: [String] = []
        // The last look at the journal; one that failed says nothing about runs.
        var failure: (any Error)?
        while ContinuousClock.now < end {
            try await supervise(count)
            await deliveries.sendPending()
            do {
                try journal.look()
                states = try journal.states()
                open = deliveries.accepted.values.filter { states[$0].map { !$0.isFinal } ?? true }
                failure = nil
                if deliveries.pending.isEmpty, open.isEmpty { break }
                let rest = open.count + deliveries.pending.count
                if rest < least { (least, end) = (rest, ContinuousClock.now + surroundings.patience) }
            } catch {
                failure = error
            }
            try await Task.sleep(for: .milliseconds(200))
        }
        var violations: [String] = []
        if let failure { violations.append("unread: the journal cannot be read: \(failure)") }
        for run in open.sorted() {
            guard let state = states[run] else { continue }
            violations.append("stranded: the run \(run) of \(state.pipeline) is \(state.state)")
        }
        for delivery in deliveries.pending { violations.append("refused: \(delivery.pipeline) \(delivery.id)") }
        for death in deaths where !(isPoisoned && death == .signal(SIGKILL)) {
            violations.append("died: a server ended by itself with \(death)")
        }
        return violations
    }

    private func check() throws -> [String] {
        var violations: [String] = []
        let states = try journal.states()
        let runs = deliveries.accepted
        for (delivery, found) in deliveries.ambiguous {
            violations.append("doubled: the delivery \(delivery) was answered with the runs \(found.sorted())")
        }
        for (delivery, ids) in try journal.runsByDelivery() where ids.count > 1 {
            violations.append("doubled: the delivery \(delivery) has the runs \(ids.sorted())")
        }
        for (id, epochs) in outside.contents {
            for (epoch, contents) in epochs where contents.count > 1 {
                violations.append("two contents: \(id) in the epoch \(epoch)")
            }
            if Set(epochs.values.flatMap { $0 }).count > 1 {
                violations.append("two workers committed: \(id) came with other contents from another epoch")
            }
        }
        for (delivery, run) in runs {
            guard let state = states[run] else {
                violations.append("lost: \(run) was accepted for \(delivery) and is not in the journal")
                continue
            }
            guard state.isFinal else { continue }
            if state.pipeline == "poison" {
                if state.state != "failed" || state.error != "killed-its-worker" {
                    violations.append("poison: \(run) is \(state.state) with \(state.error ?? "no error")")
                }
                continue
            }
            if let code = failures[run] {
                if state.state != "failed" || state.error != code {
                    violations.append("damage: \(run) is \(state.state) with \(state.error ?? "no error")")
                }
                continue
            }
            guard state.state == "succeeded" else {
                violations.append(
                    "failed: \(run) of \(state.pipeline) is \(state.state) with \(state.error ?? "no error")")
                continue
            }
            if !FileManager.default.fileExists(atPath: folder.path + "/out/\(run).txt") {
                violations.append("lost: \(run) left no file")
            }
            for item in 0..<2 where outside.contents["\(run)_send:\(item)"] == nil {
                violations.append("lost: \(run) sent nothing for item \(item)")
            }
        }
        violations += journal.paidAgain()
        return violations
    }
}

extension Duration {
    fileprivate static func / (left: Duration, right: Duration) -> Double {
        let (a, b) = (left.components, right.components)
        return (Double(a.seconds) + Double(a.attoseconds) / 1e18) / (Double(b.seconds) + Double(b.attoseconds) / 1e18)
    }
}
