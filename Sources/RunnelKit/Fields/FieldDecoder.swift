/// The decoder that hands each ``Field`` of a group its own declaration and the value found for it.
///
/// The compiler's `init(from:)` of a group asks for its fields by property name; that is all this decoder answers.
///
/// A class, so that the decoders of the fields share the group's and are not copied into boxes.
final class FieldDecoder: Decoder {
    /// What all fields of the group share.
    private final class Group {
        let object: ValueObject
        let fields: [String: DeclaredField]
        let settings: PartialSettings?
        let probe: UnknownValue?

        init(
            _ object: ValueObject, _ fields: [String: DeclaredField], _ settings: PartialSettings?,
            _ probe: UnknownValue?
        ) {
            (self.object, self.fields, self.settings, self.probe) = (object, fields, settings, probe)
        }
    }

    private let group: Group
    /// Set while one field is read.
    let declared: (any AnyField)?
    let value: Value?
    /// Set while a field is read whose value is not known.
    let unknown: UnknownValue?

    /// - Parameters:
    ///   - settings: Where the object is known in part: what of it is not.
    ///   - probe: Told when a field is used whose value is not known.
    init(
        object: ValueObject, declared: DeclaredFields, settings: PartialSettings? = nil, probe: UnknownValue? = nil
    ) {
        group = Group(object, declared.byProperty, settings, probe)
        (self.declared, value, unknown) = (nil, nil, nil)
    }

    private init(_ group: Group, _ field: DeclaredField, unknown: UnknownValue? = nil) {
        self.group = group
        declared = field.field
        value = group.object[field.definition.key]
        self.unknown = unknown
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
        var allKeys: [Key] { decoder.group.fields.keys.compactMap(Key.init(stringValue:)) }

        func contains(_ key: Key) -> Bool { decoder.group.fields[key.stringValue] != nil }
        func decodeNil(forKey key: Key) throws -> Bool { false }

        func decode<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T {
            guard let field = decoder.group.fields[key.stringValue] else { throw decoder.unsupported }
            let group = decoder.group
            do {
                return try T(from: FieldDecoder(group, field))
            } catch let error as FieldError {
                let error = error.under(.key(field.definition.key))
                guard let settings = group.settings, settings.knowledge(of: error.path) != .known else { throw error }
                return try T(from: FieldDecoder(group, field, unknown: group.probe))
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
