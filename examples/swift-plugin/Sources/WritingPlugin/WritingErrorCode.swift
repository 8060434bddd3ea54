import RunnelKit

/// The codes of the plugin's errors. `WritingPlugin.errorCodes` puts them into `runnel docs`.
enum WritingErrorCode: String, ErrorCode {
    case badWords = "bad-words"
    case dictionaryFailed = "dictionary-failed"
    case noText = "no-text"
    case notConfigured = "not-configured"
    case unauthorized

    static let part = "writing"

    var explanation: ErrorExplanation {
        switch self {
        case .badWords: ErrorExplanation("\"…\" is not JSON: …", "\"…\" is no list of words: …")
        case .dictionaryFailed: ErrorExplanation("… answered …")
        case .noText: ErrorExplanation("there is no text to …", hints: "set `text`")
        case .notConfigured:
            ErrorExplanation(
                "`plugins.writing.dictionary_key` is not set",
                hints: "set it in runnel.yaml: `{ env: DICTIONARY_KEY }`")
        case .unauthorized: ErrorExplanation("show the key: Authorization: Bearer …")
        }
    }
}
