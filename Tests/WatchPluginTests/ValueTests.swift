import RunnelKit
import Testing

@testable import WatchPlugin

@Suite("Watch: paths, hashes, events") struct ValueTests {
    @Test("paths are compared by bytes, and their ASCII form leads back to them")
    func paths() {
        let (composed, decomposed) = (FilePath("a/\u{E9}"), FilePath("a/e\u{301}"))
        #expect(composed != decomposed)
        #expect(composed.text == decomposed.text)
        #expect(composed.encoded == "a/%C3%A9")
        #expect(FilePath(encoded: "a/%C3%A9") == composed)
        #expect(FilePath(encoded: FilePath("100%\n .txt").encoded) == FilePath("100%\n .txt"))
        #expect(FilePath(encoded: "%E9") == nil)
        #expect(FilePath(encoded: "%4") == nil)
    }

    @Test("a path is within a folder only by whole names")
    func within() {
        #expect(FilePath("a/b").isWithin(FilePath("a")))
        #expect(FilePath("a").isWithin(FilePath("a")))
        #expect(FilePath("a").isWithin(.project))
        #expect(!FilePath("ab").isWithin(FilePath("a")))
        #expect(FilePath("a/b/c").relative(to: FilePath("a")) == FilePath("b/c"))
        #expect(FilePath("a/b/c").folder == FilePath("a/b"))
        #expect(FilePath("a").folder == .project)
    }

    // Computed with the package mmh3 (hash128, x64).
    @Test(
        "the hash is MurmurHash3",
        arguments: [
            ("", "00000000000000000000000000000000"), ("hello", "cbd8a7b341bd9b025b1e906a48ae1d19"),
            ("0123456789abcdef", "4be06d94cf4ad1a787c35b5c63a708da"),
            ("The quick brown fox jumps over the lazy dog", "e34bbc7bbc071b6c7a433ca9c49a9347"),
        ])
    func hash(text: String, digest: String) {
        #expect(hash(Array(text.utf8), pieces: 1000) == digest)
    }

    @Test(
        "the hash does not depend on the pieces in which the content comes", arguments: [1, 3, 15, 16, 17, 100, 5000])
    func pieces(size: Int) {
        let bytes = (0..<5).flatMap { _ in Array(UInt8.min...UInt8.max) } + Array("xyz".utf8)
        #expect(hash(bytes, pieces: size) == "59369a6b5a98aeedceb70a18dc1540e6")
    }

    private func hash(_ bytes: [UInt8], pieces size: Int) -> String {
        var hash = ContentHash()
        for start in stride(from: 0, to: bytes.count, by: size) {
            bytes[start..<min(start + size, bytes.count)].withUnsafeBytes { hash.update($0) }
        }
        return hash.digest
    }

    @Test(
        "name, stem, extension and media type",
        arguments: [
            ("a.txt", "a", "txt", "text/plain"), ("a.tar.GZ", "a.tar", "gz", "application/gzip"),
            ("README", "README", "", "application/octet-stream"), (".env", ".env", "", "application/octet-stream"),
            (".x.md", ".x", "md", "text/markdown"), ("a.", "a", "", "application/octet-stream"),
            ("a.xyzzy", "a", "xyzzy", "application/octet-stream"),
        ])
    func facts(name: String, stem: String, fileExtension: String, mediaType: String) {
        let entry = LedgerEntry(status: FileStatus(size: 7, modified: 1_500_000_000, inode: 1), hash: "h")
        let payload = FileEvent(path: FilePath("in/" + name), entry: entry).event.payload
        #expect(
            payload == [
                "path": .string("in/" + name), "name": .string(name), "stem": .string(stem),
                "extension": .string(fileExtension), "size": 7, "modified": "1970-01-01T00:00:01.500Z",
                "media_type": .string(mediaType),
            ])
    }

    @Test("an entry of the ledger is read as it was written, and written together with the run")
    func entries() {
        var entry = LedgerEntry(status: FileStatus(size: 7, modified: -3, inode: .max), hash: "h")
        #expect(LedgerEntry(entry.value) == entry)
        entry.isPending = true
        entry.run = "r"
        #expect(LedgerEntry(entry.value) == entry)
        #expect(LedgerEntry(["size": 1]) == nil)
        let event = FileEvent(path: FilePath("in/é"), entry: entry).event
        #expect(event.memory == ["file/in/%C3%A9": entry.value])
        #expect(event.dedupeKey == "watch:in/%C3%A9:7:h")
    }

    @Test("the events of inotify are read, and what is cut off is left out")
    func inotify() {
        var bytes: [UInt8] = [1, 0, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0x61, 0xE9, 0, 0]
        let overflow: [UInt8] = [0xFF, 0xFF, 0xFF, 0xFF, 0, 0x40, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        bytes += overflow
        let expected = [
            InotifyEvent(watch: 1, mask: .movedTo, name: RawName(bytes: [0x61, 0xE9])),
            InotifyEvent(watch: -1, mask: .overflow, name: RawName(bytes: [])),
        ]
        #expect(bytes.withUnsafeBytes { InotifyEvent.events(in: $0) } == expected)
        for count in 0..<bytes.count {
            let found = bytes.prefix(count).withUnsafeBytes { InotifyEvent.events(in: $0) }
            #expect(found == Array(expected.prefix(count < 20 ? 0 : 1)))
        }
        #expect(RawName(bytes: [0x61, 0xE9, 0x0A]).escaped == #"a\xE9\x0A"#)
    }

    @Test("network file systems are told by the table of mounts")
    func mounts() {
        let table = """
            22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
            40 22 0:45 / /mnt/share rw,relatime shared:1 master:2 - nfs4 server:/share rw
            41 22 0:46 / /mnt/far rw - fuse.sshfs host:/ rw
            broken
            """
        #expect(MountTable.type(ofDevice: "254:0", in: table) == "ext4")
        #expect(MountTable.type(ofDevice: "0:45", in: table) == "nfs4")
        #expect(MountTable.type(ofDevice: "0:4", in: table) == nil)
        #expect(MountTable.isRemote("nfs4") && MountTable.isRemote("fuse.sshfs") && MountTable.isRemote("cifs"))
        #expect(!MountTable.isRemote("ext4") && !MountTable.isRemote("overlay") && !MountTable.isRemote("tmpfs"))
        #if os(Linux)
        #expect(FileSystemKind.deviceNumber(0xFE00) == "254:0")
        #expect(FileSystemKind.deviceNumber(45) == "0:45")
        #endif
    }

    @Test("an empty mount point is not taken for the folder that is mounted there")
    func mountPoint() {
        let (folder, mountPoint) = (FolderIdentity(device: 2, inode: 1), FolderIdentity(device: 1, inode: 9))
        let record = FolderRecord(path: FilePath("inbox"), identity: folder)
        #expect(FolderRecord(record.value) == record)
        let unmounted = record.updated(path: FilePath("inbox"), identity: mountPoint, hasFiles: false)
        #expect(unmounted == record)
        #expect(!unmounted.trusts(mountPoint))
        // A folder that was made anew and filled is the folder from then on.
        #expect(record.updated(path: FilePath("inbox"), identity: mountPoint, hasFiles: true).trusts(mountPoint))
    }

    @Test("problems are told once, and that all is well when the last is over")
    func health() {
        var board = ActiveProblems(waiting: .waiting("for files"))
        #expect(board.wait() == .waiting("for files"))
        #expect(board.wait() == nil)
        #expect(board.raise(.file("a"), "a is bad") == .problem("a is bad"))
        #expect(board.raise(.file("a"), "a is bad") == nil)
        #expect(board.raise(.root, "no folder") == .problem("no folder"))
        #expect(board.clear(.file("a")) == nil)
        #expect(board.clear(.root) == .waiting("for files"))
        #expect(board.clear(.root) == nil)
    }

    @Test("of very many files with problems only the first are told")
    func manyProblems() {
        var board = ActiveProblems(waiting: .waiting("for files"))
        for number in 1...256 { #expect(board.raise(.file("\(number)"), "bad") == .problem("bad")) }
        #expect(
            board.raise(.file("257"), "bad")
                == .problem("more than 256 files have problems; only the first ones are reported"))
        #expect(board.raise(.file("258"), "bad") == nil)
        #expect(board.raise(.root, "no folder") == .problem("no folder"))
        _ = board.clear(.root)
        #expect(board.clearFiles { _ in true } == .waiting("for files"))
    }

    @Test("an entry of the ledger says which file it is, and which run it waits for")
    func ledgerItems() {
        let status = FileStatus(size: 3, modified: 5, inode: 1)
        func item(_ entry: LedgerEntry) -> LedgerItem? {
            Watch.ledgerItem(key: LedgerEntry.key(of: FilePath("inbox/a b")), value: entry.value)
        }
        let kept = LedgerEntry(status: status, hash: "h", isPending: false, run: nil)
        #expect(item(kept) == LedgerItem(name: "inbox/a b", size: 3, modified: 5))
        let pending = LedgerEntry(status: status, hash: "h", isPending: true, run: "r1")
        #expect(item(pending) == LedgerItem(name: "inbox/a b", size: 3, modified: 5, runID: "r1"))
        let ignored = LedgerEntry(status: status, hash: "h", isPending: true, run: LedgerEntry.ignoredRun)
        #expect(item(ignored)?.runID == nil)
        #expect(Watch.ledgerItem(key: "file/a", value: "damaged") == nil)
    }

    @Test("the earliest deadline comes first")
    func deadlines() {
        var queue = DeadlineQueue()
        let order = [5, 1, 4, 9, 2, 8, 3, 7, 6, 0]
        for number in order { queue.push(FilePath("\(number)"), at: .seconds(number)) }
        #expect(queue.first == .zero)
        var popped: [String] = []
        while let path = queue.pop(until: .seconds(8)) { popped.append(path.text) }
        #expect(popped == (0...8).map(String.init))
        #expect(queue.first == .seconds(9))
    }
}
