/// Decides which fault befalls a request, and remembers how often it did.
struct FaultSelector: Sendable {
    private enum Standing: Sendable {
        case none
        case every(Fault)
        case each
    }

    private let standing: Standing
    private let rateLimitedRequests: Int
    private var tokenQueue: ArraySlice<Fault> = []
    private var chatQueue: ArraySlice<Fault?> = []
    /// How often the standing fault happened.
    private var happened = 0
    /// How often a fault that a caller chose happened to the same message; forgotten once the request passes.
    private var happenedByCaller: [UInt64: Int] = [:]
    private static let rememberedCallers = 10_000

    init(plan: FaultPlan, rateLimitedRequests: Int) {
        self.rateLimitedRequests = rateLimitedRequests
        switch plan {
        case .none: standing = .none
        case .every(let fault): standing = .every(fault)
        case .each(let faults):
            standing = .each
            tokenQueue = faults.compactMap { $0 }.filter(\.concernsToken)[...]
            chatQueue = faults.filter { $0?.concernsToken != true }[...]
        }
    }

    /// The fault of the next token request, `chosen` being the one its caller asked for.
    mutating func nextForToken(chosen: Fault?) -> Fault? {
        if let chosen { return chosen }
        switch standing {
        case .none: return nil
        case .each: return tokenQueue.popFirst()
        case .every(let fault):
            guard fault.concernsToken, happened < limit(of: fault) else { return nil }
            happened += 1
            return fault
        }
    }

    /// The fault of the next chat request, `chosen` being the one its caller asked for with `message`.
    mutating func nextForChat(chosen: Fault?, message: String) -> Fault? {
        if let chosen { return next(chosenBy: message, chosen) }
        switch standing {
        case .none: return nil
        case .each: return chatQueue.popFirst() ?? nil
        case .every(let fault):
            guard !fault.concernsToken, happened < limit(of: fault) else { return nil }
            happened += 1
            return fault
        }
    }

    private mutating func next(chosenBy message: String, _ fault: Fault) -> Fault? {
        let limit = limit(of: fault)
        guard limit < .max else { return fault }
        let key = StableHash(fault.rawValue, message).value
        let count = happenedByCaller[key, default: 0]
        guard count < limit else {
            happenedByCaller[key] = nil
            return nil
        }
        if happenedByCaller.count >= Self.rememberedCallers { happenedByCaller.removeAll() }
        happenedByCaller[key] = count + 1
        return fault
    }

    /// After how many requests a fault is over.
    private func limit(of fault: Fault) -> Int {
        switch fault {
        case .tokenExpiresEarly, .unauthorizedOnce, .serverErrorOnce, .schemaMismatchOnce: 1
        case .rateLimited: rateLimitedRequests
        default: .max
        }
    }
}
