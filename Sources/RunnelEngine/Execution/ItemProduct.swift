import RunnelKit

/// The combinations of several lists, for `for_each: { os: […], size: […] }`.
enum ItemProduct {
    /// The maximum number of combinations.
    static let limit = 100_000

    /// One object for each combination, the last list changing fastest.
    ///
    /// - Parameter redactor: Masks secrets in what an error quotes, before it is truncated.
    static func items(_ lists: ValueObject, redactor: Redactor) throws(StepError) -> [Value] {
        var items: [ValueObject] = [[:]]
        for (name, value) in lists {
            guard let list = value.asList else {
                throw StepError(
                    RunErrorCode.badForEach,
                    "`for_each.\(name)`: expected a list, found \(redactor.redact(value).quoted())",
                    hint: "convert an object to a list with jq: `to_entries`")
            }
            guard items.count * list.count <= limit else {
                throw StepError(RunErrorCode.badForEach, "`for_each` has more than \(limit) combinations")
            }
            items = items.flatMap { item in
                list.map { element in
                    var item = item
                    item[name] = element
                    return item
                }
            }
        }
        return items.map { .object($0) }
    }
}
