#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Times as a person reads them: in the machine's zone, with its offset.
enum LocalTime {
    /// - Parameter nanoseconds: Since 1970.
    /// - Returns: Such as `2026-11-24T09:00:00+09:00`.
    static func text(_ nanoseconds: Int64) -> String {
        var seconds = time_t(nanoseconds / 1_000_000_000)
        var parts = tm()
        guard localtime_r(&seconds, &parts) != nil else { return "\(seconds)" }
        var buffer = [CChar](repeating: 0, count: 64)
        let count = strftime(&buffer, buffer.count, "%Y-%m-%dT%H:%M:%S%z", &parts)
        var text = String(decoding: buffer.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        // RFC 3339 has a colon in the offset.
        if text.count > 2 { text.insert(":", at: text.index(text.endIndex, offsetBy: -2)) }
        return text
    }
}
