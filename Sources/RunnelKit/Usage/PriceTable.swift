/// An amount of money, written as `20 USD` or `0.02 EUR`.
public struct Money: Sendable, Hashable, FieldValue {
    /// In units of the currency.
    public var amount: Double
    /// Three upper-case letters, as ISO 4217 has them.
    public var currency: String

    /// So much of a currency.
    public init(_ amount: Double, _ currency: String) {
        self.amount = amount
        self.currency = currency
    }

    /// The JSON schema (2020-12) of the values that are accepted.
    public static var schema: Value { ["type": "string", "pattern": "^[0-9]+(\\.[0-9]+)? ?[A-Z]{3}$"] }

    /// Reads the value that is written behind a key.
    /// - Throws: A ``FieldError`` for a value that is not accepted.
    public init(field value: Value) throws(FieldError) {
        let text = value.asString ?? ""
        let currency = String(text.suffix(3))
        let number = text.dropLast(3)
        let digits = number.hasSuffix(" ") ? number.dropLast() : number
        guard currency.utf8.count == 3, currency.utf8.allSatisfy({ (0x41...0x5A).contains($0) }),
            digits.utf8.allSatisfy({ (0x30...0x39).contains($0) || $0 == 0x2E }), let amount = Double(digits),
            amount.isFinite
        else { throw .expected("an amount with its currency, such as \"20 USD\"", found: value) }
        self.init(amount, currency)
    }

    /// How the value is shown as a default; nil where it cannot be shown.
    public var fieldDefault: Value? { .string(description) }

    /// nil where both are; amounts of different currencies have no sum, and the first one stays.
    static func sum(_ one: Money?, _ other: Money?) -> Money? {
        guard let one, let other, one.currency == other.currency else { return one ?? other }
        return Money(one.amount + other.amount, one.currency)
    }
}

extension Money: CustomStringConvertible {
    /// With two decimals, or with as many as show a small amount: `20.00 USD`, `0.0004 USD`.
    public var description: String {
        var decimals = 2
        var unit = 100.0
        while decimals < 6, amount != 0, amount * unit < 10, (amount * unit).rounded() != amount * unit {
            decimals += 1
            unit *= 10
        }
        let scaled = (amount * unit).rounded()
        guard scaled < 9e15 else { return "\(amount) \(currency)" }
        let whole = Int64(scaled)
        let digits = String(whole % Int64(unit))
        let zeros = String(repeating: "0", count: decimals - digits.count)
        return "\(whole / Int64(unit)).\(zeros)\(digits) \(currency)"
    }
}

/// What calls of one agent or model cost.
public struct Price: FieldGroup {
    /// Of a million model tokens of requests.
    @Field("For a million model tokens of requests.") public var input: Money?
    /// Of a million model tokens of requests that came from the server's cache.
    @Field("For a million model tokens of requests that came from the server's cache; default is `input`.")
    public var cached: Money?
    /// Of a million model tokens of answers.
    @Field("For a million model tokens of answers.") public var output: Money?
    /// Of each call.
    @Field("For each call, whatever its length.") public var call: Money?

    /// No price.
    public init() {}

    var amounts: [Money] { [input, cached, output, call].compactMap(\.self) }

    /// - Throws: A ``FieldError`` for prices in several currencies, or without any.
    public func validate() throws(FieldError) {
        guard let first = amounts.first else {
            throw FieldError("expected a price: `input` and `output`, or `call`")
        }
        if let other = amounts.first(where: { $0.currency != first.currency }) {
            throw FieldError("the prices are in \(first.currency) and in \(other.currency)", hint: "use one currency")
        }
        if (input == nil) != (output == nil) {
            throw FieldError("`input` and `output` stand together: a chat has tokens of both")
        }
    }

    /// nil where the price does not tell.
    func cost(input inputTokens: Int, cached cachedTokens: Int, output outputTokens: Int, calls: Int) -> Money? {
        guard let currency = amounts.first?.currency else { return nil }
        var amount = (call?.amount ?? 0) * Double(calls)
        if let input, let output {
            let cachedTokens = min(cachedTokens, inputTokens)
            amount += input.amount * Double(inputTokens - cachedTokens) / 1_000_000
            amount += (cached ?? input).amount * Double(cachedTokens) / 1_000_000
            amount += output.amount * Double(outputTokens) / 1_000_000
        }
        return Money(amount, currency)
    }
}

/// `prices:` in `runnel.yaml`: what calls cost, by agent id or model. An agent's price wins over its model's.
public struct PriceTable: Sendable, Hashable, FieldValue {
    private let prices: [String: Price]

    /// Without prices: every cost is unknown.
    public init() {
        prices = [:]
    }

    /// The JSON schema (2020-12) of the values that are accepted.
    public static var schema: Value { [String: Price].schema }

    /// Reads the value that is written behind a key.
    /// - Throws: A ``FieldError`` for a value that is not accepted.
    public init(field value: Value) throws(FieldError) {
        prices = try [String: Price](field: value)
        let currencies = prices.sorted { $0.key < $1.key }.compactMap { entry in
            entry.value.amounts.first.map { (name: entry.key, currency: $0.currency) }
        }
        if let first = currencies.first, let other = currencies.first(where: { $0.currency != first.currency }) {
            throw FieldError(
                "\"\(first.name)\" has prices in \(first.currency) and \"\(other.name)\" in \(other.currency)",
                hint: "use one currency: sums of several make no sense")
        }
    }

    /// How the value is shown as a default; nil where it cannot be shown.
    public var fieldDefault: Value? { prices.isEmpty ? [:] : nil }

    /// The price of an agent or else of a model; nil where none is known.
    public func price(agent: String?, model: String?) -> Price? {
        agent.flatMap { prices[$0] } ?? model.flatMap { prices[$0] }
    }

    /// The currency of all prices; nil where there are none.
    public var currency: String? { prices.values.lazy.compactMap { $0.amounts.first?.currency }.first }

    /// The total with its cost, for calls of one agent and model.
    public func priced(_ total: UsageTotal, agent: String?, model: String?) -> UsageTotal {
        var total = total
        guard let price = price(agent: agent, model: model) else {
            total.unpricedCalls = total.calls
            return total
        }
        let isFlat = price.input == nil
        let known = isFlat ? total.calls : total.calls - total.unknownCalls
        total.unpricedCalls = total.calls - known
        if known > 0 {
            total.cost = price.cost(
                input: total.inputTokens, cached: total.cachedTokens, output: total.outputTokens, calls: known)
        }
        if total.unpricedCalls > 0 {
            total.estimatedCost = price.cost(
                input: total.estimatedInput, cached: 0, output: total.estimatedOutput, calls: total.unpricedCalls)
        }
        return total
    }
}

extension Price: Hashable {
    /// Whether both say the same.
    public static func == (one: Price, other: Price) -> Bool {
        one.input == other.input && one.cached == other.cached && one.output == other.output && one.call == other.call
    }

    /// Hashes all prices.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(amounts)
    }
}
