internal import OrderedCollections

/// An object of a ``Value``: keys in the order in which they came, each once.
///
/// Two objects are equal when they hold the same keys and values, in whatever order.
public struct ValueObject: Sendable {
    private var storage: OrderedDictionary<String, Value>

    /// An object without members.
    public init() {
        storage = [:]
    }

    /// An object without members, and with room for so many.
    package init(minimumCapacity: Int) {
        storage = OrderedDictionary(minimumCapacity: minimumCapacity)
    }

    /// Makes an object of `pairs`; where a key stands twice, the later value wins at the earlier place.
    public init(_ pairs: some Sequence<(String, Value)>) {
        storage = OrderedDictionary(pairs, uniquingKeysWith: { _, later in later })
    }

    /// The same for what most have; without this, the one above is not specialized for callers in other modules.
    public init(_ pairs: [(String, Value)]) {
        storage = OrderedDictionary(minimumCapacity: pairs.count)
        for (key, value) in pairs { storage[key] = value }
    }

    /// The member; setting nil removes it, and a new one goes to the end.
    public subscript(key: String) -> Value? {
        get { storage[key] }
        set { storage[key] = newValue }
    }

    /// The keys, in order.
    public var keys: [String] { Array(storage.keys) }
    /// The values, in the order of their keys.
    public var values: [Value] { Array(storage.values) }

    /// The same object without `key`.
    public func removing(_ key: String) -> ValueObject {
        var copy = self
        copy[key] = nil
        return copy
    }
}

extension ValueObject: RandomAccessCollection {
    /// A member.
    public typealias Element = (key: String, value: Value)

    /// Always 0.
    public var startIndex: Int { 0 }
    /// How many members there are.
    public var endIndex: Int { storage.count }
    /// The member at this place, from 0.
    public subscript(position: Int) -> (key: String, value: Value) {
        let element = storage.elements[position]
        return (element.key, element.value)
    }
}

extension ValueObject: Hashable {
    /// Whether both have equal members, in whatever order.
    public static func == (left: ValueObject, right: ValueObject) -> Bool {
        left.count == right.count && left.storage.allSatisfy { right.storage[$0.key] == $0.value }
    }

    /// Hashes what equality compares.
    public func hash(into hasher: inout Hasher) {
        // Order does not count, so neither may it in the hash.
        var sum = 0
        for (key, value) in storage {
            var entry = Hasher()
            entry.combine(key)
            entry.combine(value)
            sum &+= entry.finalize()
        }
        hasher.combine(sum)
    }
}

extension ValueObject: ExpressibleByDictionaryLiteral {
    /// An object with these members; of two with one key the last counts.
    public init(dictionaryLiteral elements: (String, Value)...) {
        self.init(elements)
    }
}
