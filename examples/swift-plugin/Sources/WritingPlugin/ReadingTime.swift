import RunnelKit

/// The filter `reading_time`: `{{ input | reading_time }}` is "3 min".
func readingTime(wordsPerMinute: Int) -> TemplateFilter {
    TemplateFilter(
        name: "reading_time", summary: "Says how long it takes to read a text.", usage: "reading_time"
    ) { value, _ in
        guard let text = value.asString else { throw FilterError("reading_time wants a text") }
        return .string("\(max(1, (wordCount(text) + wordsPerMinute - 1) / wordsPerMinute)) min")
    }
}
