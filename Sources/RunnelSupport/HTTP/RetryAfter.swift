/// Reads `Retry-After` (RFC 9110, section 10.2.3).
package enum RetryAfter {
    /// Longer times mean the same as this one to anybody who waits.
    package static let longest: Duration = .seconds(365 * 86_400)

    /// The time to wait; nil where there is none.
    ///
    /// - Parameters:
    ///   - text: seconds, or a date.
    ///   - date: the same answer's `Date`. A date to wait for is compared with it, so that no clock has to be right.
    ///   - now: seconds since 1970, for an answer without `Date`.
    package static func delay(_ text: String?, date: String?, now: Int64) -> Duration? {
        guard let text = text?.drop(while: { $0 == " " }) else { return nil }
        if !text.isEmpty, text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) {
            guard let seconds = Int64(text) else { return longest }
            return min(.seconds(seconds), longest)
        }
        guard let target = HTTPDate.seconds(String(text), now: now) else { return nil }
        let start = date.flatMap { HTTPDate.seconds($0, now: now) } ?? now
        return min(.seconds(max(0, target - start)), longest)
    }
}
