/// One way in which something is not as a test wants it, said without what it is about.
struct Finding: Sendable, Hashable {
    /// A half sentence: `expected "bug", found "feature"`.
    var message: String
    /// Several lines that show more: a difference, or a text as it is.
    var detail: String?
    /// Where inside of the value: `.label`, `[0].id`.
    var path = ""
}
