#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// The time of day.
enum WallClock {
    /// Nanoseconds since 1970, to the microsecond.
    @Sendable static func nanoseconds() -> Int64 {
        Int64((Date().timeIntervalSince1970 * 1_000_000).rounded(.down)) * 1000
    }
}
