/// Why a regular expression cannot be read.
struct PatternError: Error, Hashable {
    let message: String
}
