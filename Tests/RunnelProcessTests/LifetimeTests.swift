import Foundation
import RunnelKit
import RunnelTesting
import TestSupport
import Testing

@testable import MCP
@testable import RunnelProcess

private func execPlugin(_ steps: [String]) throws -> ExecPlugin {
    let manifest: ValueObject = [
        "name": "test", "protocol": "exec", "command": ["python3", "exec_child.py"],
        "steps": .object(ValueObject(steps.map { ($0, ["summary": "It."]) })),
    ]
    return try ExecPlugin(PluginManifest(manifest: .object(manifest)), folder: resources, host: host)
}

private func server(_ directory: String) async throws -> MCPPlugin {
    let manifest: Value = ["name": "tools", "protocol": "mcp", "command": ["python3", "mcp_child.py", "legacy"]]
    return try await MCPPlugin.discover(
        PluginManifest(manifest: manifest), folder: resources, cacheFile: directory + "/tools.json", host: host,
        context: Stage().context)
}

/// What must be the same before and after.
private struct Census: Equatable {
    let descriptors = openDescriptors()
    let children = RunnelProcessTests.children()
    let threads = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/task").count) ?? 0
}

#if os(Linux)
@Suite("Children and the agent's life", .serialized) struct LifetimeTests {
    @Test("after calls of all kinds there are as many descriptors and children as before, and no threads of theirs")
    func leaks() async {
        await #expect(processExitsWith: .success) {
            func work(_ rounds: Int) async throws {
                try await withTemporaryDirectory { directory in
                    let exec = try execPlugin([
                        "echo", "crash", "half-line", "garbage", "leaves-a-child", "two-results",
                    ])
                    let tools = try await server(directory)
                    try await Stage.with(exec) { stage in
                        for _ in 0..<rounds {
                            for step in exec.steps { _ = try? await step.run([:], stage.context) }
                            for tool in ["add", "die", "half", "flood", "twice", "garbage", "spawn"] {
                                _ = try? await stage.run(tools, tool, ["n": 1])
                            }
                        }
                    }
                }
            }
            // The first round also starts what stays: the guardian, and the threads of Swift's own pool.
            try await work(1)
            let before = Census()
            try await work(5)
            #expect(await eventually { Census().children == before.children })
            #expect(Census().descriptors == before.descriptors)
            #expect(await eventually { Census().threads <= before.threads + 1 })
        }
    }

    @Test("kill -9 of the agent leaves neither children nor what they had started")
    func killed() async throws {
        let file = "/tmp/runnel-orphans-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: file) }
        await #expect(processExitsWith: .signal(SIGKILL)) { [file = file as String] in
            try await withTemporaryDirectory { directory in
                let tools = try await server(directory)
                try await Stage.with(tools) { stage in
                    let process = try await stage.run(tools, "where")["pid"]?.asInt ?? 0
                    let helper = try await stage.run(tools, "spawn").text
                    let guardian = children().filter { $0 != process }.map(String.init)
                    try ([String(process), helper] + guardian).joined(separator: " ").write(
                        toFile: file, atomically: true, encoding: .utf8)
                    kill(getpid(), SIGKILL)
                }
            }
        }
        let pids = try text(file).split(separator: " ").compactMap { Int64($0) }
        #expect(pids.count == 3)
        for pid in pids { #expect(await eventually { [nil, "Z"].contains(state(pid)) }, "\(pid) is still there") }
    }

    @Test("a guardian that is killed is replaced, and knows the children that were there before")
    func guardian() async throws {
        let file = "/tmp/runnel-orphans-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: file) }
        await #expect(processExitsWith: .signal(SIGKILL)) { [file = file as String] in
            try await withTemporaryDirectory { directory in
                let exec = try execPlugin(["echo"])
                let tools = try await server(directory)
                try await Stage.with(tools) { stage in
                    let process = try await stage.run(tools, "where")["pid"]?.asInt ?? 0
                    let helper = try await stage.run(tools, "spawn").text
                    for guardian in children() where guardian != process { kill(pid_t(guardian), SIGKILL) }
                    _ = await eventually { children().allSatisfy { $0 == process || state($0) == "Z" } }
                    _ = try await stage.run(exec, "echo")
                    try "\(process) \(helper)".write(toFile: file, atomically: true, encoding: .utf8)
                    kill(getpid(), SIGKILL)
                }
            }
        }
        let pids = try text(file).split(separator: " ").compactMap { Int64($0) }
        #expect(pids.count == 2)
        for pid in pids { #expect(await eventually { [nil, "Z"].contains(state(pid)) }, "\(pid) is still there") }
    }

    @Test(
        "a process that left the group and writes without end does not keep a call from ending",
        .timeLimit(.minutes(5)))
    func leftWriter() async throws {
        let exec = try execPlugin(["leaves-a-writer"])
        try await Stage.with(exec) { stage async throws in
            #expect(try await stage.run(exec, "leaves-a-writer") == "done")
        }
        try await withTemporaryDirectory { directory in
            let tools = try await server(directory)
            try await Stage.with(tools) { stage async throws in
                #expect(await stage.failure(tools, "leaves-a-writer")?.code == "plugin-crashed")
                #expect(try await stage.run(tools, "add", ["n": 1]) == "2")
            }
        }
    }

    // The census is of the whole process, and other tests open thousands of connections meanwhile.
    @Test("a thousand calls go through one child, and leave no descriptor, process or thread behind")
    func thousandCalls() async {
        await #expect(processExitsWith: .success) {
            try await withTemporaryDirectory { directory in
                let tools = try await server(directory)
                try await Stage.with(tools) { stage in
                    let first = try await stage.run(tools, "where")["pid"]
                    let before = Census()
                    for number in 0..<1000 {
                        let sum = try await stage.run(tools, "add", ["n": .int(Int64(number))])
                        #expect(sum == .string("\(number + 1)"))
                    }
                    let last = try await stage.run(tools, "where")["pid"]
                    #expect(last == first)
                    #expect(Census().children == before.children)
                    #expect(Census().descriptors == before.descriptors)
                    #expect(await eventually { Census().threads <= before.threads + 1 })
                }
            }
        }
    }
}
#endif
