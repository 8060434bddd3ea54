#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Bounds how often Oniguruma, which libjq searches with, tries again in one search.
///
/// Its own limit counts from each position of the text anew, so that a search through a long text may take hours, and
/// nothing can interrupt it. The function that sets the limit for a whole search came with Oniguruma 6.9.6 and is not
/// part of libjq's interface, so it is looked up by name; without it the search ends when it ends.
enum RegexRetryLimit {
    /// Some ten seconds on a machine of today.
    private static let attempts: UInt = 500_000_000

    /// Has an effect on the first call.
    static func apply() { _ = isApplied }

    private static let isApplied: Bool = {
        typealias Setter = @convention(c) (UInt) -> Int32
        guard let symbol = dlsym(dlopen(nil, RTLD_NOW), "onig_set_retry_limit_in_search") else { return false }
        return unsafeBitCast(symbol, to: Setter.self)(attempts) == 0
    }()
}
