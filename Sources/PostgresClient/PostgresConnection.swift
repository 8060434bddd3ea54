internal import CRunnelPostgres
internal import LibC
internal import Synchronization

/// A session of a database. It belongs to one thread at a time; only ``canceller`` may be used from others.
///
/// Statements are sent in pipeline mode: any number of them costs one round trip. The socket does not block, so each
/// call ends in time whatever becomes of the server.
package final class PostgresConnection {
    private let handle: OpaquePointer
    private let options: PostgresOptions
    package let canceller: PostgresCanceller
    private var deferred: [PostgresStatement] = []
    /// Whether statements wait for the next ones.
    package var hasDeferred: Bool { !deferred.isEmpty }
    /// The results of the first deferred statements that were sent since ``dropDeferred()``.
    package private(set) var deferredResults: [PostgresResult] = []
    /// The names of prepared statements.
    private var prepared: [String: String] = [:]
    /// The parameters of the statement that is being sent.
    private var buffer: [UInt8] = []
    /// The time limit of one call, beyond what the server's own `statement_timeout` allows.
    package var limit = Duration.seconds(60)
    package private(set) var isBroken = false

    /// In bytes. A larger buffer is not kept.
    private static let maximumBuffer = 1 << 20
    /// The number of statements that are kept prepared.
    private static let maximumPrepared = 200

    /// Connects to the first host that accepts the connection.
    package init(_ options: PostgresOptions) throws(PostgresError) {
        var options = options
        try options.check()
        if let source = options.passwordSource { options.password = try source() }
        self.options = options
        handle = try Self.open(options)
        canceller = PostgresCanceller()
        do throws(PostgresError) {
            guard rpq_PQserverVersion(handle) >= 130_000 else {
                throw PostgresError(
                    .settings, "the server's version is too old",
                    hint: "Runnel needs PostgreSQL 13 or newer")
            }
            guard rpq_PQsetnonblocking(handle, 1) == 0, rpq_PQenterPipelineMode(handle) == 1 else {
                throw PostgresError(.connection, "the connection cannot be used without waiting")
            }
            canceller.set(rpq_PQgetCancel(handle))
            if !options.preamble.isEmpty { try pipeline(options.preamble.map { PostgresStatement($0) }) }
        } catch {
            isBroken = true
            throw error
        }
    }

    deinit {
        canceller.set(nil)
        rpq_PQfinish(handle)
    }

    /// Tries the hosts in order. libpq applies no timeout per host in non-blocking calls.
    private static func open(_ options: PostgresOptions) throws(PostgresError) -> OpaquePointer {
        let hosts = options.hosts
        let limit = options.connectTimeout ?? (hosts.count > 1 ? 5 : 20)
        var failures: [PostgresError] = []
        for host in hosts {
            do throws(PostgresError) {
                return try open(host, options.parameters(for: hosts.count > 1 ? host : nil), within: limit, options)
            } catch {
                failures.append(error)
            }
        }
        // An error reported by a server is preferred: it says more about what to do than a timeout.
        let kind = failures.first { $0.state != nil }?.kind ?? .connection
        throw PostgresError(kind, failures.map(\.message).joined(separator: "; "))
    }

    /// - Parameter limit: How long the host has to respond, in seconds.
    private static func open(
        _ host: PostgresOptions.Host, _ parameters: [(String, String)], within limit: Int, _ options: PostgresOptions
    ) throws(PostgresError) -> OpaquePointer {
        let handle = withCStrings(parameters.map(\.0)) { keywords in
            withCStrings(parameters.map(\.1)) { values in rpq_PQconnectStartParams(keywords, values, 1) }
        }
        guard let handle else { throw PostgresError(.connection, "there is no memory for a connection") }
        rpq_silence(handle)
        rpq_name_states(handle)
        do throws(PostgresError) {
            try connect(handle, host, within: limit, options)
            return handle
        } catch {
            rpq_PQfinish(handle)
            throw error
        }
    }

    private static func connect(
        _ handle: OpaquePointer, _ host: PostgresOptions.Host, within limit: Int, _ options: PostgresOptions
    ) throws(PostgresError) {
        let end = ContinuousClock().now + .seconds(limit)
        var state = RPQ_POLLING_WRITING
        while rpq_PQstatus(handle) != Int32(RPQ_CONNECTION_BAD.rawValue), state != RPQ_POLLING_FAILED {
            if state == RPQ_POLLING_OK { return }
            let events = state == RPQ_POLLING_READING ? POLLIN : POLLOUT
            guard wait(rpq_PQsocket(handle), Int16(events), until: end) else {
                throw PostgresError(.connection, "the server \(host.text) did not answer within \(limit)s")
            }
            state = rpq_polling(rawValue: UInt32(bitPattern: rpq_PQconnectPoll(handle)))
        }
        throw refusal(handle, options)
    }

    private static func refusal(_ handle: OpaquePointer, _ options: PostgresOptions) -> PostgresError {
        let text = rpq_PQerrorMessage(handle).map { String(cString: $0) } ?? ""
        return PostgresError(refusal: options.redacted(text))
    }

    private static func message(_ handle: OpaquePointer, _ options: PostgresOptions) -> String {
        refusal(handle, options).message
    }

    // MARK: - Statements

    @discardableResult package func execute(
        _ sql: String, _ parameters: PostgresParameter...
    ) throws(PostgresError) -> PostgresResult {
        try execute(PostgresStatement(sql, parameters: parameters))
    }

    @discardableResult package func execute(_ statement: PostgresStatement) throws(PostgresError) -> PostgresResult {
        let results = try pipeline([statement])
        guard let result = results.first else { throw PostgresError(.answer, "the statement has no result") }
        return result
    }

    /// Defers the statements until the next ones are sent, which saves a round trip: for BEGIN, and for what COMMIT follows.
    package func sendWithNext(_ statements: [PostgresStatement]) {
        deferred += statements
    }

    /// Forgets the deferred statements and results, as before a new transaction.
    package func dropDeferred() {
        deferred = []
        deferredResults = []
    }

    /// Sends all statements at once and returns their results. When one fails, the later ones are not executed; outside
    /// of a transaction, the earlier ones are rolled back.
    @discardableResult package func pipeline(
        _ statements: [PostgresStatement]
    ) throws(PostgresError) -> [PostgresResult] {
        guard !isBroken else { throw PostgresError(.connection, "the connection is lost") }
        guard !statements.isEmpty else { return [] }
        let end = ContinuousClock().now + limit
        do throws(PostgresError) {
            guard !deferred.isEmpty else { return try perform(statements, until: end) }
            let first = deferred
            deferred = []
            let results = try perform(first + statements, until: end)
            if deferredResults.isEmpty { deferredResults = Array(results.prefix(first.count)) }
            return Array(results.dropFirst(first.count))
        } catch {
            if error.isConnectionLost { isBroken = true }
            throw error
        }
    }

    private func perform(
        _ statements: [PostgresStatement], until end: ContinuousClock.Instant
    ) throws(PostgresError) -> [PostgresResult] {
        // Whether each expected result is that of a statement, or that of preparing one.
        var steps: [(sql: String, isPreparation: Bool)] = []
        if prepared.count > Self.maximumPrepared {
            try send(PostgresStatement("DEALLOCATE ALL"), name: nil)
            steps.append(("", true))
            prepared = [:]
        }
        var fresh: [String: String] = [:]
        for statement in statements {
            var name = prepared[statement.sql] ?? fresh[statement.sql]
            if name == nil, options.prepares {
                let new = "s\(prepared.count + fresh.count)"
                fresh[statement.sql] = new
                name = new
                let types = statement.parameters.map(\.type)
                try require(rpq_PQsendPrepare(handle, new, statement.sql, Int32(types.count), types) == 1)
                steps.append((statement.sql, true))
            }
            try send(statement, name: name)
            steps.append((statement.sql, false))
        }
        try require(rpq_PQpipelineSync(handle) == 1)
        var results: [PostgresResult] = []
        var failure: PostgresError?
        for step in steps {
            let pointer = try next(until: end)
            let result = PostgresResult(pointer)
            let status = rpq_PQresultStatus(pointer)
            if status == Int32(RPQ_COMMAND_OK.rawValue) || status == Int32(RPQ_TUPLES_OK.rawValue) {
                if !step.isPreparation { results.append(result) }
                if step.isPreparation, let name = fresh[step.sql] { prepared[step.sql] = name }
            } else if failure == nil, status != Int32(RPQ_PIPELINE_ABORTED.rawValue) {
                failure = error(of: pointer)
            }
            // Each statement's results end with NULL.
            while let more = try next(until: end) { rpq_PQclear(more) }
        }
        let sync = try next(until: end)
        let isSync = rpq_PQresultStatus(sync) == Int32(RPQ_PIPELINE_SYNC.rawValue)
        rpq_PQclear(sync)
        if let failure { throw failure }
        guard isSync else { throw PostgresError(.connection, "the answers of the server are out of order") }
        return results
    }

    private func send(_ statement: PostgresStatement, name: String?) throws(PostgresError) {
        buffer.removeAll(keepingCapacity: buffer.capacity <= Self.maximumBuffer)
        let places = statement.parameters.map { parameter in
            (start: buffer.count, length: parameter.encode(into: &buffer))
        }
        // An empty array has no address, and an address of nil means NULL.
        buffer.append(0)
        let types = statement.parameters.map(\.type)
        let lengths = places.map { Int32(clamping: $0.length ?? 0) }
        let formats = [Int32](repeating: 1, count: places.count)
        let sent = buffer.withUnsafeBytes { bytes in
            let values = places.map { place in
                place.length == nil
                    ? nil : bytes.baseAddress.map { ($0 + place.start).assumingMemoryBound(to: CChar.self) }
            }
            let count = Int32(places.count)
            return if let name {
                rpq_PQsendQueryPrepared(handle, name, count, values, lengths, formats, 1)
            } else {
                rpq_PQsendQueryParams(handle, statement.sql, count, types, values, lengths, formats, 1)
            }
        }
        try require(sent == 1)
    }

    private func require(_ isDone: Bool) throws(PostgresError) {
        guard !isDone else { return }
        throw PostgresError(.connection, Self.message(handle, options))
    }

    /// The next result; nil at the end of those of one statement.
    private func next(until end: ContinuousClock.Instant) throws(PostgresError) -> OpaquePointer? {
        while true {
            let rest = rpq_PQflush(handle)
            try require(rest >= 0)
            if rest == 0, rpq_PQisBusy(handle) == 0 { return rpq_PQgetResult(handle) }
            let events = rest > 0 ? POLLIN | POLLOUT : POLLIN
            guard Self.wait(rpq_PQsocket(handle), Int16(events), until: end) else {
                throw PostgresError(.timeout, "the server did not answer in time")
            }
            try require(rpq_PQconsumeInput(handle) == 1)
        }
    }

    private func error(of result: OpaquePointer?) -> PostgresError {
        func field(_ name: Int) -> String? { rpq_PQresultErrorField(result, Int32(name)).map { String(cString: $0) } }
        guard let state = field(Int(RPQ_FIELD_SQLSTATE)) else {
            return PostgresError(.connection, Self.message(handle, options))
        }
        return PostgresError(.server(state), options.redacted(field(Int(RPQ_FIELD_MESSAGE)) ?? "no reason given"))
    }

    /// Marks the connection so that it is not used again.
    package func discard() { isBroken = true }

    /// Whether the session is the server's own: a proxy tells the client a process that the server does not have.
    package func isDirect() throws(PostgresError) -> Bool {
        try execute("SELECT pg_backend_pid()::bigint").first?.int(0) == Int64(rpq_PQbackendPID(handle))
    }

    // MARK: - Notifications

    /// Waits until a notification arrives, or `wakeup` becomes readable, or the time is over.
    ///
    /// - Returns: The channels that were notified.
    package func waitForNotifications(
        orInput wakeup: CInt, for time: Duration
    ) throws(PostgresError) -> Set<String> {
        var known = takeNotifications()
        guard known.isEmpty else { return known }
        // Rounded up: a wait of no time would be repeated until the time is over.
        let milliseconds = Int32(clamping: Int64((time / .milliseconds(1)).rounded(.up)))
        var descriptors = [
            pollfd(fd: rpq_PQsocket(handle), events: Int16(POLLIN), revents: 0),
            pollfd(fd: wakeup, events: Int16(POLLIN), revents: 0),
        ]
        _ = poll(&descriptors, 2, milliseconds)
        if descriptors[0].revents != 0, rpq_PQconsumeInput(handle) != 1 {
            isBroken = true
            throw PostgresError(.connection, Self.message(handle, options))
        }
        known = takeNotifications()
        return known
    }

    private func takeNotifications() -> Set<String> {
        var channels: Set<String> = []
        while let notification = rpq_PQnotifies(handle) {
            channels.insert(String(cString: notification.pointee.channel))
            rpq_PQfreemem(notification)
        }
        return channels
    }

    // MARK: - Waiting

    private static func wait(_ descriptor: CInt, _ events: Int16, until end: ContinuousClock.Instant) -> Bool {
        while true {
            let rest = end - ContinuousClock().now
            guard rest > .zero, descriptor >= 0 else { return false }
            var descriptors = [pollfd(fd: descriptor, events: events, revents: 0)]
            let count = poll(&descriptors, 1, Int32(clamping: Int64(rest / .milliseconds(1)) + 1))
            if count > 0 { return true }
            if count < 0, errno != EINTR { return false }
        }
    }

    private static func withCStrings<Result>(
        _ texts: [String], _ body: (UnsafePointer<UnsafePointer<CChar>?>?) -> Result
    ) -> Result {
        let copies = texts.map { strdup($0) }
        defer { for copy in copies { free(copy) } }
        let pointers = copies.map { UnsafePointer($0) } + [nil]
        return pointers.withUnsafeBufferPointer { body($0.baseAddress) }
    }
}

/// Cancels the statement that a connection executes, from another thread.
package final class PostgresCanceller: Sendable {
    private struct State {
        /// The address of libpq's handle, which may be used on any thread.
        var handle: UInt?
    }

    private let state = Mutex(State())

    func set(_ handle: OpaquePointer?) {
        let old = state.withLock { state in
            defer { state.handle = handle.map { UInt(bitPattern: $0) } }
            return state.handle
        }
        if let old { rpq_PQfreeCancel(OpaquePointer(bitPattern: old)) }
    }

    /// Asks the server to cancel; waits for a connection to it.
    package func cancel() {
        // The lock keeps the handle alive meanwhile; only the end of the connection waits for it.
        state.withLock { state in
            guard let handle = state.handle.flatMap({ OpaquePointer(bitPattern: $0) }) else { return }
            var buffer = [CChar](repeating: 0, count: 256)
            _ = rpq_PQcancel(handle, &buffer, Int32(buffer.count))
        }
    }
}
