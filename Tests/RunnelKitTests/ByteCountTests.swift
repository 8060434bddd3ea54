import RunnelKit
import Testing

@Suite("Sizes") struct ByteCountTests {
    @Test(
        "a size is a whole number or has a unit",
        arguments: [
            (0, 0), (512, 512), ("512B", 512), ("64KiB", 65_536), ("10 MiB", 10_485_760), ("1GiB", 1_073_741_824),
            ("1kB", 1000), ("1KB", 1000), ("1MB", 1_000_000), ("2GB", 2_000_000_000), (2.0, 2),
        ] as [(Value, Int)])
    func reads(value: Value, bytes: Int) throws {
        #expect(try ByteCount(field: value).bytes == bytes)
    }

    @Test(
        "what is no size is refused in words",
        arguments: [
            (-1, "the number -1"), (1.5, "the number 1.5"), ("512", #""512""#), ("KiB", #""KiB""#),
            ("1.5MiB", #""1.5MiB""#),
            ("+5KiB", #""+5KiB""#), ("-5KiB", #""-5KiB""#), ("5  KiB", #""5  KiB""#), (" 5KiB", #"" 5KiB""#),
            ("9223372036854775807GiB", #""9223372036854775807GiB""#), ("5kib", #""5kib""#), (true, "true"),
            (.null, "null"),
        ] as [(Value, String)])
    func refuses(value: Value, found: String) {
        let error = #expect(throws: FieldError.self) { try ByteCount(field: value) }
        #expect(error?.message == #"expected a size such as 65536, "64KiB" or "10MiB", found \#(found)"#)
    }

    @Test(
        "a size is written in the largest unit that divides it and read back the same",
        arguments: [
            (ByteCount(0), "0B"), (ByteCount(1000), "1000B"), (.kibibytes(64), "64KiB"), (.mebibytes(10), "10MiB"),
            (.mebibytes(1024), "1GiB"), (ByteCount(1025), "1025B"),
        ])
    func writes(size: ByteCount, text: String) throws {
        #expect(size.description == text)
        #expect(try ByteCount(field: .string(text)) == size)
        #expect(size.fieldDefault == .string(text))
    }
}
