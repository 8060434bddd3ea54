public import RunnelKit
internal import RunnelSupport

/// Deliveries to hooks as they came: kept in the journal beside the runs, bounded in bytes and time by retention.
public protocol DeliveryRecords: Sendable {
    /// Adds deliveries in order, in one transaction. They need not be durable at once.
    func append(_ deliveries: [DeliveryRecord]) async throws(JournalError)
    /// The newest deliveries first, without ``DeliveryRecord/request`` and ``DeliveryRecord/body``.
    func deliveries(_ filter: DeliveryFilter) async throws(JournalError) -> [DeliveryRecord]
    func delivery(_ number: Int64) async throws(JournalError) -> DeliveryRecord?
}

/// One HTTP call of a hook. Secrets in its texts, its request and its body are sealed; see ``SecretSeal``.
public struct DeliveryRecord: Sendable, Hashable {
    /// What became of a delivery.
    public enum Outcome: String, Sendable, Hashable, CaseIterable {
        /// It started the run.
        case accepted
        /// Its event had started the run before.
        case duplicate
        /// The trigger's `if` did not hold.
        case ignored
        /// It was answered with an error.
        case refused
    }

    /// Ascending; 0 until it is stored.
    public var number: Int64 = 0
    /// When it came, in nanoseconds since 1970.
    public var time: Int64
    /// The pipeline whose hook was called.
    public var pipeline: String
    /// The trigger's key, such as `webhook[1]`.
    public var trigger: String
    package var method: String
    /// Without the query.
    public var path: String
    /// What became of it.
    public var outcome: Outcome
    /// Why it was refused; empty otherwise.
    public var reason: String
    /// The status of the answer; 0 where the caller had left before there was one.
    public var status: Int
    /// The run that stands for the event.
    public var runID: String?
    /// The bytes of the body that came.
    public var size: Int
    /// Whether ``body`` is the whole body. A larger one than ``maximumBody`` is cut.
    public var isWhole: Bool
    /// The rest of the request: `headers` as a list of names and values, `query`, `url`, `from`, `params`.
    public var request: Value = .null
    /// The body, or its beginning; see ``isWhole``.
    public var body: [UInt8] = []

    /// How much of a body is kept, in bytes.
    public static let maximumBody = 256 << 10
    /// Whether the body was not read to its end, so that its size is not known.
    public var isBodyUnread: Bool { !isWhole && size <= Self.maximumBody }
    /// The share of ``Retention/deliveryBytes`` that refused deliveries may take: one that anybody can send must not push
    /// out those that started runs.
    public static let refusedShare: Int64 = 4

    package init(
        time: Int64, pipeline: String, trigger: String, method: String, path: String, outcome: Outcome,
        reason: String = "", status: Int, runID: String? = nil, size: Int, isWhole: Bool, request: Value = .null,
        body: [UInt8] = []
    ) {
        self.time = time
        self.pipeline = pipeline
        self.trigger = trigger
        self.method = method
        self.path = path
        self.outcome = outcome
        self.reason = reason
        self.status = status
        self.runID = runID
        self.size = size
        self.isWhole = isWhole
        self.request = request
        self.body = body
    }

    /// What it counts in ``Retention/deliveryBytes``: its texts and some for the row itself.
    ///
    /// - Parameter request: ``request`` as JSON, which whoever stores it has made already.
    package func storedBytes(_ request: String) -> Int {
        body.count + request.utf8.count + path.utf8.count + reason.utf8.count + 200
    }
}

/// Which deliveries are wanted.
public struct DeliveryFilter: Sendable, Hashable {
    /// What became of them; nil for all.
    public var outcome: DeliveryRecord.Outcome?
    /// The pipeline; nil for all.
    public var pipeline: String? {
        // Pipelines are named in composed form.
        didSet { pipeline = pipeline?.composed }
    }
    /// The run that stands for the event; nil for all.
    public var runID: String?
    /// Only deliveries before this number, for the next page.
    public var before: Int64?
    /// The maximum number of deliveries.
    public var limit: Int

    package init(
        outcome: DeliveryRecord.Outcome? = nil, pipeline: String? = nil, runID: String? = nil, before: Int64? = nil,
        limit: Int = 50
    ) {
        self.outcome = outcome
        self.pipeline = pipeline?.composed
        self.runID = runID
        self.before = before
        self.limit = limit
    }
}

extension DeliveryRecord {
    /// The delivery for people and programs, with secrets masked.
    ///
    /// - Parameter isFull: Whether with the request and the body: as text in `body`, or in Base64 in `body_base64`.
    public func json(isFull: Bool) -> Value {
        var object: ValueObject = [
            "number": .int(number), "time": .string(Timestamp.text(nanoseconds: time)), "pipeline": .string(pipeline),
            "trigger": .string(trigger), "method": .string(method), "path": .string(SecretSeal.masked(path)),
            "outcome": .string(outcome.rawValue), "status": .int(Int64(status)), "size": .int(Int64(size)),
            "whole": .bool(isWhole),
        ]
        if !reason.isEmpty { object["reason"] = .string(SecretSeal.masked(reason)) }
        object["run"] = runID.map { .string($0) }
        guard isFull else { return .object(object) }
        let request = SecretSeal.masked(request)
        object["headers"] = request["headers"] ?? []
        for key in ["query", "url", "from"] { object[key] = request[key] ?? "" }
        if let text = shownText {
            object["body"] = .string(text)
        } else if case .bytes(let bytes) = SecretSeal.masked(.bytes(body)) {
            object["body_base64"] = .string(Base64.encode(bytes))
        }
        return .object(object)
    }

    /// The body as text, with secrets masked; nil if it is not UTF-8. A character that was cut off at the end is left out.
    public var shownText: String? {
        guard case .bytes(var bytes) = SecretSeal.masked(.bytes(body)) else { return nil }
        if let text = String(validating: bytes, as: UTF8.self) { return text }
        guard !isWhole else { return nil }
        for _ in 0..<3 where !bytes.isEmpty {
            bytes.removeLast()
            if let text = String(validating: bytes, as: UTF8.self) { return text }
        }
        return nil
    }
}

/// Deliveries in memory.
actor MemoryDeliveryRecords: DeliveryRecords {
    private var all: [DeliveryRecord] = []
    private var last: Int64 = 0

    func append(_ deliveries: [DeliveryRecord]) {
        for var delivery in deliveries {
            last += 1
            delivery.number = last
            all.append(delivery)
        }
    }

    func deliveries(_ filter: DeliveryFilter) -> [DeliveryRecord] {
        all.reversed().lazy.filter { delivery in
            delivery.number < filter.before ?? .max && filter.outcome ?? delivery.outcome == delivery.outcome
                && filter.pipeline ?? delivery.pipeline == delivery.pipeline
                && (filter.runID == nil || filter.runID == delivery.runID)
        }.prefix(filter.limit).map { delivery in
            var delivery = delivery
            (delivery.request, delivery.body) = (.null, [])
            return delivery
        }
    }

    func delivery(_ number: Int64) -> DeliveryRecord? { all.first { $0.number == number } }

    func prune(_ retention: Retention, now: Int64) {
        // Those with the time of a clock that was ahead go with the old ones behind them.
        let oldest = now - retention.deliveryAge.nanoseconds
        if let last = all.filter({ $0.time <= now }).prefix(while: { $0.time < oldest }).last {
            all.removeAll { $0.number <= last.number }
        }
        func cut(to bytes: Int64, _ isMeant: (DeliveryRecord) -> Bool) {
            var sum: Int64 = 0
            var superfluous: Set<Int64> = []
            for delivery in all.reversed() where isMeant(delivery) {
                sum += Int64(delivery.storedBytes(delivery.request.json()))
                if sum > bytes { superfluous.insert(delivery.number) }
            }
            all.removeAll { superfluous.contains($0.number) }
        }
        cut(to: retention.deliveryBytes / DeliveryRecord.refusedShare) { $0.outcome == .refused }
        cut(to: retention.deliveryBytes) { _ in true }
    }
}
