import RunnelSupport
import Testing

@Suite("A promise") struct PromiseTests {
    @Test("gives its first result to all who wait, and to those who come later")
    func first() async throws {
        let promise = Promise<Int>()
        try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<10 { group.addTask { try await promise.value() } }
            promise.fulfil(.success(1))
            promise.fulfil(.success(2))
            for try await value in group { #expect(value == 1) }
        }
        #expect(try await promise.value() == 1)
    }

    @Test("lets a cancelled task go, and the others wait on")
    func cancelled() async throws {
        let promise = Promise<Int>()
        let cancelled = Task { try await promise.value() }
        let patient = Task { try await promise.value() }
        cancelled.cancel()
        await #expect(throws: CancellationError.self) { try await cancelled.value }
        promise.fulfil(.success(3))
        #expect(try await patient.value == 3)
    }

    @Test("is waited for by a cancelled task that has to know the result")
    func settled() async throws {
        let promise = Promise<Int>()
        let task = Task { try await promise.settled().get() }
        task.cancel()
        promise.fulfil(.success(4))
        #expect(try await task.value == 4)
    }
}

@Suite("A buffer between a thread and a task") struct AsyncBufferTests {
    private enum Broken: Error { case pipe }

    @Test("is full from its limit on, and says when it is drained")
    func backpressure() async throws {
        let buffer = AsyncBuffer<String, Never>(limit: 4) { $0.utf8.count }
        let (drains, drained) = AsyncStream.makeStream(of: Void.self)
        buffer.onDrain { drained.yield() }
        #expect(buffer.append(["ab", "cd"]))
        #expect(!buffer.append(["e"]))
        #expect(await buffer.next() == ["ab", "cd", "e"])
        var iterator = drains.makeAsyncIterator()
        #expect(await iterator.next() != nil)
        #expect(buffer.append(["f"]))
    }

    @Test("gives what was buffered before its end, then the end")
    func end() async throws {
        let buffer = AsyncBuffer<Int, Broken>(limit: 10)
        #expect(buffer.append([1]))
        buffer.finish(.failure(.pipe))
        buffer.finish()
        #expect(buffer.append([2]))
        #expect(try await buffer.next() == [1])
        await #expect(throws: Broken.pipe) { try await buffer.next() }
    }

    @Test("leaves out what cannot wait while it is full")
    func onlyIfRoom() async {
        let buffer = AsyncBuffer<Int, Never>(limit: 1)
        #expect(!buffer.append([1, 2], onlyIfRoom: true))
        #expect(!buffer.append([3], onlyIfRoom: true))
        #expect(!buffer.append([4]))
        #expect(await buffer.next() == [1, 2, 4])
    }

    @Test("discards all once it is dropped, and lets its producer go on")
    func dropped() async {
        let buffer = AsyncBuffer<Int, Never>(limit: 1)
        let (drains, drained) = AsyncStream.makeStream(of: Void.self)
        buffer.onDrain { drained.yield() }
        #expect(!buffer.append([1, 2]))
        buffer.drop()
        var iterator = drains.makeAsyncIterator()
        #expect(await iterator.next() != nil)
        #expect(buffer.append([3]))
        #expect(await buffer.next().isEmpty)
    }

    @Test("wakes a consumer that waits")
    func waiting() async throws {
        let buffer = AsyncBuffer<Int, Never>(limit: 1)
        async let first = buffer.next()
        #expect(!buffer.append([1, 2]))
        #expect(await first == [1, 2])
        async let end = buffer.next()
        buffer.finish()
        #expect(await end.isEmpty)
    }
}
