#if canImport(Darwin)
internal import Foundation
#else
@_spi(_Unicode) internal import Swift
#endif

extension String {
    /// The text in composed form (NFC). Databases and file systems compare names by bytes, `String` by canonical equivalence.
    package var composed: String {
        if utf8.allSatisfy({ $0 < 0x80 }) { return self }
        #if canImport(Darwin)
        return precomposedStringWithCanonicalMapping
        #else
        var scalars = UnicodeScalarView()
        scalars.append(contentsOf: _nfc)
        return String(scalars)
        #endif
    }

    /// Whether the bytes are the same, not only the text.
    package func isSpelled(as other: String) -> Bool { utf8.elementsEqual(other.utf8) }
}
