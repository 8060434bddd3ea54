internal import RunnelSupport

/// Decompresses whole bodies that arrive with a `Content-Encoding`.
public enum CompressedBody {
    /// Why a body cannot be decompressed.
    @nonexhaustive public enum Problem: Error, Sendable, Hashable {
        /// A coding that is not known here.
        case unsupported(coding: String)
        /// The body is not what its coding says, or it ends too early.
        case corrupt(coding: String)
        /// The decompressed body is larger than the limit.
        case tooLarge
    }

    /// The codings that can be decompressed on this machine, as the value of `Accept-Encoding`.
    public static var accepted: String { ContentCoding.accepted }

    /// The decompressed body; the body itself where it is not compressed.
    ///
    /// - Parameters:
    ///   - body: As it was sent.
    ///   - encodings: The values of all `Content-Encoding` fields.
    ///   - limit: The largest decompressed size in bytes. Nothing beyond it is held.
    public static func decompress(
        _ body: [UInt8], encodings: [String], upTo limit: Int
    ) throws(Problem) -> [UInt8] {
        let decoded: [UInt8]
        do {
            decoded = try ContentDecoder.decode(body, contentEncoding: encodings, upTo: limit + 1)
        } catch let error as ContentDecoder.Unsupported {
            throw .unsupported(coding: error.coding)
        } catch let error as ContentDecoder.Corrupt {
            throw .corrupt(coding: error.coding)
        } catch {
            throw .corrupt(coding: encodings.joined(separator: ", "))
        }
        guard decoded.count <= limit else { throw .tooLarge }
        return decoded
    }
}
