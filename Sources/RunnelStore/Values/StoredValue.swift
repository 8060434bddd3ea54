import GRDB
import RunnelEngine
import RunnelKit

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// The column form of a value: JSON text, or the hash of a file next to the database.
enum StoredValue: Sendable, DatabaseValueConvertible {
    case text(String)
    /// SHA-256.
    case file([UInt8])

    /// The hash, if it is a file.
    var file: [UInt8]? {
        if case .file(let hash) = self { hash } else { nil }
    }

    /// The limit in bytes; larger values are stored in files.
    static let limit = 256 << 10

    var databaseValue: DatabaseValue {
        switch self {
        case .text(let text): text.databaseValue
        case .file(let hash): Data(hash).databaseValue
        }
    }

    static func fromDatabaseValue(_ value: DatabaseValue) -> StoredValue? {
        switch value.storage {
        case .string(let text): .text(text)
        case .blob(let data): .file(Array(data))
        case .null, .int64, .double: nil
        }
    }
}

extension StoredValue {
    /// Whether the values are certainly too small to be stored in files.
    static func areSmall(_ values: Value?...) -> Bool {
        var budget = limit / 8
        return values.allSatisfy { $0.map { fits($0, &budget) } ?? true }
    }

    /// Whether the JSON of the value is certainly not longer than the budget, which is used up.
    static func fits(_ value: Value, _ budget: inout Int) -> Bool {
        budget -= 8
        switch value {
        case .string(let text): budget -= text.utf8.count
        case .bytes(let bytes): budget -= bytes.count * 2
        case .list(let items): for item in items where budget > 0 { _ = fits(item, &budget) }
        case .object(let object):
            for (key, value) in object where budget > 0 {
                budget -= key.utf8.count
                _ = fits(value, &budget)
            }
        case .null, .bool, .int, .double: budget -= 24
        }
        return budget > 0
    }
}

extension StepRecord {
    /// See ``StoredValue/areSmall(_:)``.
    var isSmall: Bool { StoredValue.areSmall(output, error, items) }
}

extension RunCommit {
    /// See ``StoredValue/areSmall(_:)``.
    var isSmall: Bool { steps.allSatisfy(\.isSmall) && StoredValue.areSmall(end?.output, end?.error) }
}

/// Encodes values as JSON without loss, including values that JSON lacks.
///
/// Binary data and NaN or infinities are wrapped in an object whose only key begins with U+F8FE, a private-use
/// character. Keys that begin with it are escaped with another one.
enum ValueCoding {
    private static let mark = "\u{F8FE}"

    static func text(_ value: Value) -> String { (isPlain(value) ? value : encode(value)).json() }

    /// Writes the same text in pieces of about `size` bytes.
    static func write(_ value: Value, piece size: Int, to sink: @escaping ([UInt8]) -> Void) {
        (isPlain(value) ? value : encode(value)).writeJSON(piece: size, to: sink)
    }

    static func value(_ text: String) -> Value? { value(Array(text.utf8)) }

    static func value(_ bytes: [UInt8]) -> Value? {
        (try? Value.json(bytes)).map { isPlain($0) ? $0 : decode($0) }
    }

    /// A large trigger as lists show it: only its type, which is the first key of its JSON text.
    static func listedTrigger(beginning bytes: [UInt8]) -> Value {
        let opening = "{\"type\":\""
        let text = String(decoding: bytes, as: UTF8.self)
        guard text.hasPrefix(opening) else { return [:] }
        return ["type": .string(String(text.dropFirst(opening.count).prefix { $0 != "\"" }))]
    }

    /// The first byte is compared first, because `hasPrefix` compares characters, which is slow.
    private static func isMarked(_ key: String) -> Bool {
        key.utf8.first == mark.utf8.first && key.hasPrefix(mark)
    }

    private static func isPlain(_ value: Value) -> Bool {
        switch value {
        case .bytes: false
        case .double(let number): number.isFinite
        case .list(let items): items.allSatisfy(isPlain)
        case .object(let object): object.allSatisfy { !isMarked($0.key) && isPlain($0.value) }
        case .null, .bool, .int, .string: true
        }
    }

    private static func encode(_ value: Value) -> Value {
        switch value {
        // Encoded as base64.
        case .bytes: return [mark + "bytes": value]
        case .double(let number) where !number.isFinite: return [mark + "number": .string("\(number)")]
        case .list(let items): return .list(items.map(encode))
        case .object(let object):
            return .object(
                ValueObject(object.map { (isMarked($0.key) ? mark + $0.key : $0.key, encode($0.value)) }))
        case .null, .bool, .int, .double, .string: return value
        }
    }

    private static func decode(_ value: Value) -> Value {
        switch value {
        case .list(let items): return .list(items.map(decode))
        case .object(let object):
            if object.count == 1, let (key, content) = object.first.map({ ($0.key, $0.value) }),
                let text = content.asString
            {
                if key == mark + "bytes", let bytes = Base64.decode(text) { return .bytes(bytes) }
                if key == mark + "number", let number = Double(text) { return .double(number) }
            }
            return .object(
                ValueObject(
                    object.map {
                        (isMarked($0.key) ? String($0.key.unicodeScalars.dropFirst()) : $0.key, decode($0.value))
                    }))
        case .null, .bool, .int, .double, .string, .bytes: return value
        }
    }
}
