/// A value is written as the JSON that it stands for, and read from any format that knows JSON's kinds. Binary data is
/// written as a base64 string, and so comes back as one.
extension Value: Codable {
    /// Reads a value of any kind.
    /// - Throws: What the decoder throws for a value that is none of JSON.
    public init(from decoder: any Decoder) throws {
        if let object = try? decoder.container(keyedBy: ValueKey.self) {
            var members = ValueObject()
            for key in object.allKeys { members[key.stringValue] = try object.decode(Value.self, forKey: key) }
            self = .object(members)
            return
        }
        if var list = try? decoder.unkeyedContainer() {
            var items: [Value] = []
            while !list.isAtEnd { items.append(try list.decode(Value.self)) }
            self = .list(items)
            return
        }
        let single = try decoder.singleValueContainer()
        if single.decodeNil() {
            self = .null
        } else if let flag = try? single.decode(Bool.self) {
            self = .bool(flag)
        } else if let whole = try? single.decode(Int64.self) {
            self = .int(whole)
        } else if let number = try? single.decode(Double.self) {
            self = .double(number)
        } else {
            self = .string(try single.decode(String.self))
        }
    }

    /// Writes the value as the JSON that it stands for.
    public func encode(to encoder: any Encoder) throws {
        switch self {
        case .object(let members):
            var object = encoder.container(keyedBy: ValueKey.self)
            for (key, member) in members { try object.encode(member, forKey: ValueKey(key)) }
        case .list(let items):
            var list = encoder.unkeyedContainer()
            for item in items { try list.encode(item) }
        case .null:
            var single = encoder.singleValueContainer()
            try single.encodeNil()
        case .bool(let flag): try flag.encode(to: encoder)
        case .int(let whole): try whole.encode(to: encoder)
        case .double(let number): try number.encode(to: encoder)
        case .string(let text): try text.encode(to: encoder)
        case .bytes(let bytes): try Base64.encode(bytes).encode(to: encoder)
        }
    }
}

extension Value {
    /// The value that an encodable type stands for, such as a step's output:
    ///
    ///     struct Forecast: Codable { var place: String; var degrees: [Double] }
    ///     return try Value(encoding: forecast)
    ///
    /// Keys keep the order in which they are encoded; a missing optional is left out. A ``Value`` inside is taken as it is.
    /// - Throws: What the type throws, or an `EncodingError` for a whole number beyond 64 bits.
    public init(encoding value: some Encodable) throws {
        if let value = value as? Value {
            self = value
            return
        }
        let slot = ValueSlot()
        try value.encode(to: ValueEncoder(slot: slot, codingPath: []))
        self = slot.value
    }

    /// Reads the value as a type, such as another step's output. Unknown keys are ignored.
    /// - Throws: A `DecodingError` with the path to what does not fit.
    public func decoded<Wanted: Decodable>(as type: Wanted.Type = Wanted.self) throws -> Wanted {
        if let value = self as? Wanted { return value }
        return try Wanted(from: ValueDecoder(value: self, codingPath: []))
    }
}

struct ValueKey: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }

    init(_ text: String) { stringValue = text }
    init(stringValue: String) { self.init(stringValue) }
    init?(intValue: Int) { self.init("\(intValue)") }
}

// MARK: Encoding

/// Where one value is put together, while containers of it may still be written to.
private final class ValueSlot {
    private enum Content {
        case single(Value)
        case list([ValueSlot])
        case object([(key: String, slot: ValueSlot)])
    }

    private var content = Content.single(.null)

    var value: Value {
        switch content {
        case .single(let value): value
        case .list(let slots): .list(slots.map(\.value))
        case .object(let members): .object(ValueObject(members.map { ($0.key, $0.slot.value) }))
        }
    }

    var count: Int { if case .list(let slots) = content { slots.count } else { 0 } }

    func set(_ value: Value) { content = .single(value) }

    func beginList() { if case .list = content {} else { content = .list([]) } }

    func beginObject() { if case .object = content {} else { content = .object([]) } }

    func append() -> ValueSlot {
        let slot = ValueSlot()
        if case .list(let slots) = content { content = .list(slots + [slot]) }
        return slot
    }

    func member(_ key: String) -> ValueSlot {
        let slot = ValueSlot()
        if case .object(let members) = content {
            content = .object(members.filter { $0.key != key } + [(key, slot)])
        }
        return slot
    }
}

/// Writes into a slot, as one value or as a container of more.
private struct ValueEncoder: Encoder, SingleValueEncodingContainer {
    let slot: ValueSlot
    let codingPath: [any CodingKey]
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        slot.beginObject()
        return KeyedEncodingContainer(Members(encoder: self))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        slot.beginList()
        return Items(encoder: self)
    }

    func singleValueContainer() -> any SingleValueEncodingContainer { self }

    func encodeNil() { slot.set(.null) }

    func encode<Encoded: Encodable>(_ value: Encoded) throws {
        switch value {
        case let value as Value: slot.set(value)
        case let flag as Bool: slot.set(.bool(flag))
        case let text as String: slot.set(.string(text))
        case let number as Double: slot.set(.double(number))
        case let number as Float: slot.set(.double(Double(number)))
        case let number as any BinaryInteger:
            guard let whole = Int64(exactly: number) else {
                throw EncodingError.invalidValue(
                    value, .init(codingPath: codingPath, debugDescription: "\(number) does not fit in 64 bits"))
            }
            slot.set(.int(whole))
        default: try value.encode(to: self)
        }
    }

    func inner(_ slot: ValueSlot, _ key: some CodingKey) -> ValueEncoder {
        ValueEncoder(slot: slot, codingPath: codingPath + [key])
    }

    private struct Members<Key: CodingKey>: KeyedEncodingContainerProtocol {
        let encoder: ValueEncoder
        var codingPath: [any CodingKey] { encoder.codingPath }

        private func inner(_ key: some CodingKey) -> ValueEncoder {
            encoder.inner(encoder.slot.member(key.stringValue), key)
        }

        func encodeNil(forKey key: Key) { inner(key).encodeNil() }
        func encode<Encoded: Encodable>(_ value: Encoded, forKey key: Key) throws { try inner(key).encode(value) }
        func nestedContainer<Nested: CodingKey>(
            keyedBy type: Nested.Type, forKey key: Key
        ) -> KeyedEncodingContainer<Nested> { inner(key).container(keyedBy: type) }
        func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer { inner(key).unkeyedContainer() }
        func superEncoder() -> any Encoder { inner(ValueKey("super")) }
        func superEncoder(forKey key: Key) -> any Encoder { inner(key) }
    }

    private struct Items: UnkeyedEncodingContainer {
        let encoder: ValueEncoder
        var codingPath: [any CodingKey] { encoder.codingPath }
        var count: Int { encoder.slot.count }

        private func next() -> ValueEncoder { encoder.inner(encoder.slot.append(), ValueKey("\(count)")) }

        func encodeNil() { next().encodeNil() }
        func encode<Encoded: Encodable>(_ value: Encoded) throws { try next().encode(value) }
        func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) -> KeyedEncodingContainer<Nested> {
            next().container(keyedBy: type)
        }
        func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer { next().unkeyedContainer() }
        func superEncoder() -> any Encoder { next() }
    }
}

// MARK: Decoding

private struct ValueDecoder: Decoder, SingleValueDecodingContainer {
    let value: Value
    let codingPath: [any CodingKey]
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        guard let object = value.asObject else { throw mismatch("an object", type) }
        return KeyedDecodingContainer(Members(object: object, decoder: self))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        guard let items = value.asList else { throw mismatch("a list", [Value].self) }
        return Items(items: items, decoder: self)
    }

    func singleValueContainer() -> any SingleValueDecodingContainer { self }

    func decodeNil() -> Bool { value.isNull }

    func decode<Decoded: Decodable>(_ type: Decoded.Type) throws -> Decoded {
        if let value = value as? Decoded { return value }
        let found: Any? =
            switch type {
            case is Bool.Type: value.asBool
            case is String.Type: value.asString
            case is Double.Type: value.asDouble
            case is Float.Type: value.asDouble.map { Float($0) }
            case let integer as any (FixedWidthInteger & Decodable).Type: value.asInt.flatMap { exactly($0, integer) }
            default: try Decoded(from: self)
            }
        guard let decoded = found as? Decoded else { throw mismatch("a value of the type \(type)", type) }
        return decoded
    }

    private func exactly<Whole: FixedWidthInteger>(_ number: Int64, _ type: Whole.Type) -> Any? {
        Whole(exactly: number)
    }

    private func mismatch(_ wanted: String, _ type: Any.Type) -> DecodingError {
        .typeMismatch(
            type, .init(codingPath: codingPath, debugDescription: "expected \(wanted), found \(value.foundText)"))
    }

    func inner(_ value: Value, _ key: some CodingKey) -> ValueDecoder {
        ValueDecoder(value: value, codingPath: codingPath + [key])
    }

    private struct Members<Key: CodingKey>: KeyedDecodingContainerProtocol {
        let object: ValueObject
        let decoder: ValueDecoder
        var codingPath: [any CodingKey] { decoder.codingPath }
        var allKeys: [Key] { object.keys.compactMap(Key.init(stringValue:)) }

        func contains(_ key: Key) -> Bool { object[key.stringValue] != nil }

        private func inner(_ key: some CodingKey) throws -> ValueDecoder {
            guard let member = object[key.stringValue] else {
                throw DecodingError.keyNotFound(
                    key, .init(codingPath: codingPath, debugDescription: "the key \"\(key.stringValue)\" is missing"))
            }
            return decoder.inner(member, key)
        }

        func decodeNil(forKey key: Key) throws -> Bool { try inner(key).decodeNil() }
        func decode<Decoded: Decodable>(_ type: Decoded.Type, forKey key: Key) throws -> Decoded {
            try inner(key).decode(type)
        }
        func nestedContainer<Nested: CodingKey>(
            keyedBy type: Nested.Type, forKey key: Key
        ) throws -> KeyedDecodingContainer<Nested> { try inner(key).container(keyedBy: type) }
        func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
            try inner(key).unkeyedContainer()
        }
        func superDecoder() throws -> any Decoder { try inner(ValueKey("super")) }
        func superDecoder(forKey key: Key) throws -> any Decoder { try inner(key) }
    }

    private struct Items: UnkeyedDecodingContainer {
        let items: [Value]
        let decoder: ValueDecoder
        private(set) var currentIndex = 0
        var codingPath: [any CodingKey] { decoder.codingPath }
        var count: Int? { items.count }
        var isAtEnd: Bool { currentIndex >= items.count }

        init(items: [Value], decoder: ValueDecoder) {
            self.items = items
            self.decoder = decoder
        }

        private mutating func next() throws -> ValueDecoder {
            guard !isAtEnd else {
                throw DecodingError.valueNotFound(
                    Value.self, .init(codingPath: codingPath, debugDescription: "the list ends after \(items.count)"))
            }
            defer { currentIndex += 1 }
            return decoder.inner(items[currentIndex], ValueKey("\(currentIndex)"))
        }

        mutating func decodeNil() throws -> Bool {
            guard !isAtEnd, items[currentIndex].isNull else { return false }
            currentIndex += 1
            return true
        }
        mutating func decode<Decoded: Decodable>(_ type: Decoded.Type) throws -> Decoded { try next().decode(type) }
        mutating func nestedContainer<Nested: CodingKey>(
            keyedBy type: Nested.Type
        ) throws -> KeyedDecodingContainer<Nested> { try next().container(keyedBy: type) }
        mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
            try next().unkeyedContainer()
        }
        mutating func superDecoder() throws -> any Decoder { try next() }
    }
}
