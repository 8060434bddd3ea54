import Foundation
import Testing

@testable import RunnelCLI

@Suite("Pages of code") struct CodePagesTests {
    @Test(
        "only file-backed code is unmapped",
        arguments: [
            (
                "55d0c8a00000-55d0c8a21000 r-xp 00002000 fd:00 131                        /usr/bin/runnel",
                0x55d0_c8a0_0000..<0x55d0_c8a2_1000
            ),
            (
                "55d0c8a00000-55d0c8a21000 r-xp 00002000 fd:00 131 /opt/a b/runnel (deleted)",
                0x55d0_c8a0_0000..<0x55d0_c8a2_1000
            ),
            ("55d0c8a00000-55d0c8a21000 rw-p 00002000 fd:00 131 /usr/bin/runnel", nil),
            ("55d0c8a00000-55d0c8a21000 r--p 00002000 fd:00 131 /usr/bin/runnel", nil),
            ("55d0c8a00000-55d0c8a21000 rwxp 00002000 fd:00 131 /usr/bin/runnel", nil),
            ("7ffd1c5f2000-7ffd1c5f4000 r-xp 00000000 00:00 0 [vdso]", nil),
            ("7ffd1c5f2000-7ffd1c5f4000 r-xp 00000000 00:00 0 ", nil),
            ("", nil),
        ] as [(String, Range<UInt>?)])
    func mapping(line: String, range: Range<UInt>?) {
        #expect(CodePages.mapping(line + "\n") == range)
    }

    #if os(Linux)
    @Test("code that only the startup needed is no longer resident, and code that is used again is mapped again")
    func release() async {
        await #expect(processExitsWith: .success) {
            CodePagesTests.touch()
            let before = CodePagesTests.resident()
            CodePages.release()
            let after = CodePagesTests.resident()
            #expect(after > 0)
            #expect(after < before / 2, "\(before) kB, then \(after) kB")
        }
    }

    /// Reads a byte of each page of code.
    private static func touch() {
        let maps = (try? String(contentsOfFile: "/proc/self/maps", encoding: .utf8)) ?? ""
        var sum: UInt8 = 0
        for range in maps.split(separator: "\n").compactMap({ CodePages.mapping(String($0)) }) {
            for address in stride(from: range.lowerBound, to: range.upperBound, by: 4096) {
                sum &+= UnsafeRawPointer(bitPattern: address)?.load(as: UInt8.self) ?? 0
            }
        }
        #expect(sum >= 0)
    }

    /// The resident size of the code, in kB.
    private static func resident() -> Int {
        var sum = 0
        var isCode = false
        for line in (try? String(contentsOfFile: "/proc/self/smaps", encoding: .utf8))?.split(separator: "\n") ?? [] {
            let fields = line.split(separator: " ")
            if fields.count >= 5 { isCode = fields[1] == "r-xp" }
            if isCode, fields[0] == "Rss:" { sum += Int(fields[1]) ?? 0 }
        }
        return sum
    }
    #endif
}
