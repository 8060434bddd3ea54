internal import CRunnelDecoding

/// A content coding of HTTP (RFC 9110, section 8.4.1) that can be decoded.
package enum ContentCoding: String, CaseIterable, Sendable {
    case gzip, deflate
    case brotli = "br"
    case zstd

    /// The codings that can be decoded on this machine: gzip and deflate always, the others where the system has their
    /// library.
    package static let available = allCases.filter { runnel_coding_is_available($0.code) != 0 }

    /// The value of `Accept-Encoding`.
    package static let accepted = available.map(\.rawValue).joined(separator: ", ")

    fileprivate init?(name: String) {
        let name = name.lowercased()
        self.init(rawValue: name == "x-gzip" ? "gzip" : name)
    }

    fileprivate var code: runnel_coding {
        switch self {
        case .gzip: RUNNEL_GZIP
        case .deflate: RUNNEL_DEFLATE
        case .brotli: RUNNEL_BROTLI
        case .zstd: RUNNEL_ZSTD
        }
    }
}

/// Decompresses a body as it arrives. Memory does not depend on the body: output is handed over 64 KiB at a time.
package final class ContentDecoder {
    /// A coding that cannot be decoded here.
    package struct Unsupported: Error, Sendable, Hashable {
        package let coding: String

        package init(coding: String) {
            self.coding = coding
        }
    }

    /// The body is not what its coding says, or ends too early.
    package struct Corrupt: Error, Sendable, Hashable {
        package let coding: String
        package let isCutOff: Bool
    }

    /// One coding; a body can have several, applied one after the other.
    private struct Stage {
        let coding: ContentCoding
        let decoder: OpaquePointer
        let output: UnsafeMutablePointer<UInt8>
        var hasBegun = false
        var isComplete = false
    }

    private static let pieceSize = 64 << 10
    /// More codings than anybody applies.
    private static let maximumStages = 4

    private var stages: [Stage] = []

    /// nil for a body that is not compressed.
    ///
    /// - Parameter contentEncoding: The values of all `Content-Encoding` fields.
    package init?(contentEncoding: some Sequence<some StringProtocol>) throws(Unsupported) {
        let names = contentEncoding.flatMap { $0.split(separator: ",") }.map { String($0).trimmed }
            .filter { !$0.isEmpty && $0.lowercased() != "identity" }
        guard !names.isEmpty else { return nil }
        guard names.count <= Self.maximumStages else { throw Unsupported(coding: names.joined(separator: ", ")) }
        for name in names.reversed() {
            guard let coding = ContentCoding(name: String(name)), let decoder = runnel_decoder_open(coding.code) else {
                throw Unsupported(coding: String(name))
            }
            stages.append(Stage(coding: coding, decoder: decoder, output: .allocate(capacity: Self.pieceSize)))
        }
    }

    deinit {
        for stage in stages {
            runnel_decoder_close(stage.decoder)
            stage.output.deallocate()
        }
    }

    /// Decodes the next piece of the body.
    ///
    /// - Parameter take: Gets the decoded bytes; false ends the call.
    /// - Throws: ``Corrupt``, or the error of `take`.
    package func decode(
        _ bytes: UnsafeRawBufferPointer, _ take: (UnsafeRawBufferPointer) throws -> Bool
    ) throws {
        _ = try decode(bytes, stage: 0, take)
    }

    /// Checks that the compressed data was complete. A body without any bytes is.
    package func finish() throws(Corrupt) {
        for stage in stages where stage.hasBegun && !stage.isComplete {
            throw Corrupt(coding: stage.coding.rawValue, isCutOff: true)
        }
    }

    /// A whole body, decompressed; as it is where it is not compressed.
    ///
    /// - Parameter limit: The maximum size in bytes; what is beyond it is left out.
    /// - Throws: ``Unsupported`` or ``Corrupt``.
    package static func decode(
        _ body: [UInt8], contentEncoding: some Sequence<some StringProtocol>, upTo limit: Int
    ) throws -> [UInt8] {
        guard !body.isEmpty, let decoder = try ContentDecoder(contentEncoding: contentEncoding) else { return body }
        var decoded: [UInt8] = []
        try body.withUnsafeBytes { bytes in
            try decoder.decode(bytes) { piece in
                decoded += piece.prefix(limit - decoded.count)
                return decoded.count < limit
            }
        }
        if decoded.count < limit { try decoder.finish() }
        return decoded
    }

    private func decode(
        _ bytes: UnsafeRawBufferPointer, stage index: Int, _ take: (UnsafeRawBufferPointer) throws -> Bool
    ) throws -> Bool {
        guard index < stages.count else { return try take(bytes) }
        var input = bytes.bindMemory(to: UInt8.self).baseAddress
        var inputLeft = bytes.count
        guard inputLeft > 0 else { return true }
        stages[index].hasBegun = true
        let stage = stages[index]
        while !stages[index].isComplete {
            var output: UnsafeMutablePointer<UInt8>? = stage.output
            var room = Self.pieceSize
            let before = inputLeft
            let result = runnel_decoder_step(stage.decoder, &input, &inputLeft, &output, &room)
            guard result != RUNNEL_DECODE_CORRUPT else {
                throw Corrupt(coding: stage.coding.rawValue, isCutOff: false)
            }
            let count = Self.pieceSize - room
            stages[index].isComplete = result == RUNNEL_DECODE_END
            if count > 0 {
                let piece = UnsafeRawBufferPointer(start: stage.output, count: count)
                guard try decode(piece, stage: index + 1, take) else { return false }
            }
            // A full output may have left some behind; otherwise the next piece of input is needed.
            if room > 0, inputLeft == 0 || inputLeft == before { break }
        }
        return true
    }
}
