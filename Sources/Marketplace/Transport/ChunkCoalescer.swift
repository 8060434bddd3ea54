internal import AsyncHTTPClient
internal import HTTPCalling
internal import NIOCore
internal import NIOHTTP1

/// Joins the chunks of an HTTP/1.1 response body that were read from the socket together (RFC 9112, section 7.1).
///
/// Servers send each event of a stream in a chunk of its own. The HTTP decoder and the client have a cost for each chunk
/// that is several times the cost of reading the event. The bytes of the body stay the same and are not delayed: only an
/// incomplete line with a chunk's size waits for the next read.
///
/// It rewrites only chunked bodies without chunk extensions. After anything else, all bytes of the connection pass through
/// unchanged, so that the decoder reports the same fault as without it.
struct ChunkCoalescer {
    /// What comes next.
    private enum Expected {
        /// The rest of the status line and the header fields. Holds the bytes read so far.
        case head([UInt8])
        /// The rest of a body with `Content-Length`: the number of missing bytes.
        case body(Int)
        /// The rest of the line with a chunk's size. Holds the bytes read so far.
        case size([UInt8])
        /// The rest of a chunk's data: the number of missing bytes.
        case data(Int)
        /// The CRLF after a chunk's data: its next byte.
        case dataEnd(UInt8)
        /// The CRLF after the last chunk: its next byte.
        case bodyEnd(UInt8)
        /// Nothing that is rewritten: bytes pass through unchanged.
        case unknown
    }

    /// The longest head in bytes. The decoder's own limit is higher.
    private static let headLimit = 48 * 1024
    /// The longest line with a size: 8 hexadecimal digits and CRLF.
    private static let sizeLimit = 10

    private var expected = Expected.head([])
    /// Whether the last chunk in the output has no CRLF yet. It is written once the CRLF of the chunk in the input was
    /// valid.
    private var isOpen = false

    /// - Returns: The bytes for the decoder, perhaps none.
    mutating func coalesce(_ input: ByteBuffer) -> ByteBuffer {
        switch expected {
        case .unknown: return input
        case .body(let missing) where missing > input.readableBytes:
            expected = .body(missing - input.readableBytes)
            return input
        default: break
        }
        var output = Output(capacity: input.readableBytes + 64)
        input.withUnsafeReadableBytes { bytes in
            var rest = Rest(bytes)
            while !rest.bytes.isEmpty { read(&rest, &output) }
        }
        if case .size = expected { close(&output) }
        output.finishChunk()
        return output.buffer
    }

    // MARK: - Reading

    /// Consumes bytes of `rest`, or changes what is expected.
    private mutating func read(_ rest: inout Rest, _ output: inout Output) {
        switch expected {
        case .head(let head):
            let line = rest.line()
            output.write(line)
            // Keeps the storage uniquely referenced, so that appending does not copy.
            expected = .unknown
            var head = head
            head.append(contentsOf: line)
            guard head.count <= Self.headLimit else { return }
            let isEnd = head.suffix(4).elementsEqual("\r\n\r\n".utf8) || head.elementsEqual("\r\n".utf8)
            expected = isEnd ? Self.body(behind: head) : .head(head)
        case .body(let missing):
            let piece = rest.prefix(missing)
            output.write(piece)
            expected = piece.count == missing ? .head([]) : .body(missing - piece.count)
        case .size(let start):
            if start.isEmpty { readWholeChunks(&rest, &output) }
            if !rest.bytes.isEmpty { readSize(start, &rest, &output) }
        case .data(let missing):
            let piece = rest.prefix(missing)
            append(piece, &output)
            expected = piece.count == missing ? .dataEnd(Self.carriageReturn) : .data(missing - piece.count)
        case .dataEnd(let byte):
            if rest.bytes.first == byte {
                _ = rest.prefix(1)
                expected = byte == Self.lineFeed ? .size([]) : .dataEnd(Self.lineFeed)
            } else {
                output.finishChunk()
                if byte == Self.lineFeed { output.write(CollectionOfOne(Self.carriageReturn)) }
                expected = .unknown
            }
        case .bodyEnd(let byte):
            if rest.bytes.first == byte {
                output.write(rest.prefix(1))
                expected = byte == Self.lineFeed ? .head([]) : .bodyEnd(Self.lineFeed)
            } else {
                expected = .unknown
            }
        case .unknown: output.write(rest.prefix(rest.bytes.count))
        }
    }

    /// The hot path: chunks that are complete in the input.
    private mutating func readWholeChunks(_ rest: inout Rest, _ output: inout Output) {
        while let (size, length) = Self.size(rest.bytes), size > 0 {
            let end = length + size
            guard end + 2 <= rest.bytes.count, rest.bytes[end] == Self.carriageReturn,
                rest.bytes[end + 1] == Self.lineFeed
            else { return }
            let chunk = rest.prefix(end + 2)
            append(UnsafeRawBufferPointer(rebasing: chunk[length..<end]), &output)
        }
    }

    private mutating func readSize(_ start: [UInt8], _ rest: inout Rest, _ output: inout Output) {
        let line = start + rest.line()
        if line.last != Self.lineFeed, line.count < Self.sizeLimit {
            expected = .size(line)
            return
        }
        let size = line.withUnsafeBytes { Self.size($0) }?.size
        if let size, size > 0 {
            expected = .data(size)
            return
        }
        close(&output)
        output.write(line)
        expected = size == 0 ? .bodyEnd(Self.carriageReturn) : .unknown
    }

    private mutating func append(_ bytes: UnsafeRawBufferPointer, _ output: inout Output) {
        if !output.hasChunk { close(&output) }
        output.append(bytes)
        isOpen = true
    }

    /// Writes the CRLF of an open chunk. To be called only after the CRLF of the chunk in the input was valid.
    private mutating func close(_ output: inout Output) {
        output.finishChunk()
        if isOpen { output.write("\r\n".utf8) }
        isOpen = false
    }

    // MARK: - Lines

    private static let carriageReturn = UInt8(ascii: "\r")
    private static let lineFeed = UInt8(ascii: "\n")

    /// The size of the chunk that begins here, and the length of its line; nil if the line is not digits and CRLF.
    private static func size(_ bytes: UnsafeRawBufferPointer) -> (size: Int, length: Int)? {
        var size = 0
        for (index, byte) in bytes.prefix(sizeLimit - 1).enumerated() {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): size = size << 4 | Int(byte - UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "f"): size = size << 4 | Int(byte - UInt8(ascii: "a") + 10)
            case UInt8(ascii: "A")...UInt8(ascii: "F"): size = size << 4 | Int(byte - UInt8(ascii: "A") + 10)
            case carriageReturn:
                let length = index + 2
                return index > 0 && length <= bytes.count && bytes[index + 1] == lineFeed ? (size, length) : nil
            default: return nil
            }
        }
        return nil
    }

    /// What follows the head of a response: ``Expected/unknown`` unless its body is only chunked, or has one
    /// `Content-Length`.
    private static func body(behind head: [UInt8]) -> Expected {
        let lines = String(decoding: head.dropLast(4), as: UTF8.self)
            .split(separator: "\r\n", omittingEmptySubsequences: false)
        let status = lines[0].split(separator: " ", omittingEmptySubsequences: false)
        guard status.count >= 2, status[0] == "HTTP/1.1", let code = Int(status[1]) else { return .unknown }
        var lengths: [Substring] = []
        var encodings: [Substring] = []
        for line in lines {
            // Another line ending, or a folded header field.
            guard !line.contains(where: \.isNewline), line.first != " ", line.first != "\t" else { return .unknown }
            let field = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            let value = field.last?.drop { $0 == " " || $0 == "\t" } ?? ""
            switch field.first?.lowercased() {
            case "content-length": lengths.append(value)
            case "transfer-encoding": encodings.append(value)
            default: break
            }
        }
        switch code {
        case 101: return .unknown
        case 100..<200, 204, 304: return .head([])
        default: break
        }
        if lengths.isEmpty, encodings.count == 1, encodings[0].lowercased() == "chunked" { return .size([]) }
        guard encodings.isEmpty, lengths.count == 1, let length = Int(lengths[0]), length >= 0 else { return .unknown }
        return length == 0 ? .head([]) : .body(length)
    }

    // MARK: - Bytes

    /// Bytes that have not been read.
    private struct Rest {
        private(set) var bytes: UnsafeRawBufferPointer

        init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

        mutating func prefix(_ count: Int) -> UnsafeRawBufferPointer {
            let piece = bytes.prefix(count)
            bytes = UnsafeRawBufferPointer(rebasing: bytes[piece.endIndex...])
            return UnsafeRawBufferPointer(rebasing: piece)
        }

        /// The bytes up to and including the next line feed; all bytes if there is none.
        mutating func line() -> UnsafeRawBufferPointer {
            prefix((bytes.firstIndex(of: ChunkCoalescer.lineFeed) ?? bytes.count - 1) + 1)
        }
    }

    /// What the decoder gets.
    private struct Output {
        private(set) var buffer: ByteBuffer
        /// The index of the size of the unfinished chunk; nil without one.
        private var sizeIndex: Int?
        private static let line: StaticString = "00000000\r\n"

        init(capacity: Int) { buffer = ByteBufferAllocator().buffer(capacity: capacity) }

        var hasChunk: Bool { sizeIndex != nil }

        mutating func write(_ bytes: some Sequence<UInt8>) { buffer.writeBytes(bytes) }
        mutating func write(_ bytes: UnsafeRawBufferPointer) { buffer.writeBytes(bytes) }

        /// Adds data to the unfinished chunk, which it begins if there is none.
        mutating func append(_ bytes: UnsafeRawBufferPointer) {
            if sizeIndex == nil {
                sizeIndex = buffer.writerIndex
                buffer.writeStaticString(Self.line)
            }
            buffer.writeBytes(bytes)
        }

        /// Writes the size of the unfinished chunk.
        mutating func finishChunk() {
            guard let sizeIndex else { return }
            let start = sizeIndex + Self.line.utf8CodeUnitCount
            let digits = String(buffer.writerIndex - start, radix: 16)
            buffer.setString(digits, at: start - 2 - digits.utf8.count)
            self.sizeIndex = nil
        }
    }
}

/// Joins chunks in front of the HTTP decoder of a client's connection; see ``ChunkCoalescer``.
final class ChunkCoalescingHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private var coalescer = ChunkCoalescer()

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = coalescer.coalesce(unwrapInboundIn(data))
        if bytes.readableBytes > 0 { context.fireChannelRead(wrapInboundOut(bytes)) }
    }

    /// The limit of a connection's receive buffer in bytes. NIO keeps the buffer while the connection is open; its own
    /// limit is 64 KiB.
    private static let receiveBufferLimit = 16 * 1024

    /// Adds a handler to each HTTP/1.1 connection of a client, and limits its receive buffer.
    static func install(in settings: inout HTTPClient.Configuration) {
        settings.onConnection { channel in
            let pipeline = channel.pipeline.syncOperations
            let decoder = try pipeline.handler(type: ByteToMessageHandler<HTTPResponseDecoder>.self)
            try pipeline.addHandler(ChunkCoalescingHandler(), position: .before(decoder))
            let receiveBuffer = AdaptiveRecvByteBufferAllocator(
                minimum: 64, initial: 2048, maximum: receiveBufferLimit)
            try channel.syncOptions?.setOption(.recvAllocator, value: receiveBuffer)
        }
    }
}
