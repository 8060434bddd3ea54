/// The decoder that hands each ``Field`` of a group its own declaration and the value found for it.
///
/// The compiler's `init(from:)` of a group asks for its fields by property name; that is all this decoder answers.
struct FieldDecoder: Decoder {
    private let object: ValueObject
    private let fields: [String: DeclaredField]
    private let settings: PartialSettings?
    private let probe: UnknownValue?
    /// Set while one field is read.
    private(set) var declared: (any AnyField)?
    private(set) var value: Value?
    /// Set while a field is read whose value is not known.
    private(set) var unknown: UnknownValue?

    /// - Parameters:
    ///   - settings: Where the object is known in part: what of it is not.
    ///   - probe: Told when a field is used whose value is not known.
    init(
        object: ValueObject, declared: DeclaredFields, settings: PartialSettings? = nil, probe: UnknownValue? = nil
    ) {
        self.object = object
        fields = declared.byProperty
        self.settings = settings
        self.probe = probe
    }

    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        KeyedDecodingContainer(Container(decoder: self))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer { throw unsupported }
    func singleValueContainer() throws -> any SingleValueDecodingContainer { throw unsupported }

    private var unsupported: FieldError { FieldError("a group of fields can hold @Field properties only") }

    private struct Container<Key: CodingKey>: KeyedDecodingContainerProtocol {
        let decoder: FieldDecoder
        var codingPath: [any CodingKey] { [] }
        var allKeys: [Key] { decoder.fields.keys.compactMap(Key.init(stringValue:)) }

        func contains(_ key: Key) -> Bool { decoder.fields[key.stringValue] != nil }
        func decodeNil(forKey key: Key) throws -> Bool { false }

        func decode<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T {
            guard let field = decoder.fields[key.stringValue] else { throw decoder.unsupported }
            var inner = decoder
            inner.declared = field.field
            inner.value = decoder.object[field.definition.key]
            do {
                return try T(from: inner)
            } catch let error as FieldError {
                let error = error.under(.key(field.definition.key))
                guard let settings = decoder.settings, settings.knowledge(of: error.path) != .known else { throw error }
                inner.unknown = decoder.probe
                return try T(from: inner)
            }
        }

        func nestedContainer<NestedKey: CodingKey>(
            keyedBy type: NestedKey.Type, forKey key: Key
        ) throws -> KeyedDecodingContainer<NestedKey> { throw decoder.unsupported }
        func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
            throw decoder.unsupported
        }
        func superDecoder() throws -> any Decoder { throw decoder.unsupported }
        func superDecoder(forKey key: Key) throws -> any Decoder { throw decoder.unsupported }
    }
}
