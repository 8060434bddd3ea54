"""Drives `runnel mcp` with the official client: mcp_client.py RUNNEL DIRECTORY MODE."""

import asyncio
import json
import sys

from mcp import ClientSession, StdioServerParameters
from mcp.client.client import Client
from mcp.client.stdio import stdio_client

runnel, directory, mode = sys.argv[1:4]
server = StdioServerParameters(command=runnel, args=["mcp", "pipelines"], cwd=directory)
seen = []


async def progress(done, total, message):
    seen.append(message)


async def calls(session):
    tools = {tool.name: tool for tool in (await session.list_tools()).tools}
    schema = tools["greet"].model_dump(by_alias=True)["inputSchema"]
    print(json.dumps({"tools": sorted(tools), "schema": schema}, sort_keys=True))
    good = await session.call_tool("greet", {"name": "Ada", "times": 2}, progress_callback=progress)
    print(good.is_error, json.dumps(good.structured_content))
    print("progress", "greet: greeting Ada" in seen)
    wrong = await session.call_tool("greet", {"nmae": "Ada"})
    print(wrong.is_error, wrong.content[0].text)
    failed = await session.call_tool("fails", {"input": "a text"})
    print(failed.is_error, failed.content[0].text)
    begun = asyncio.Event()

    async def when_begun(done, total, message):
        begun.set()

    slow = asyncio.create_task(session.call_tool("slow", {}, progress_callback=when_begun))
    await begun.wait()
    many = await asyncio.gather(*(session.call_tool("greet", {"name": str(n)}) for n in range(10)))
    print([each.structured_content["text"] for each in many][-1], len(many))
    slow.cancel()
    try:
        await slow
    except asyncio.CancelledError:
        print("cancelled")
    after = await session.call_tool("greet", {"name": "after", "priority": 4})
    print(after.structured_content["text"])
    high = await session.call_tool("greet", {"name": "high", "priority": 11})
    print(high.is_error, high.content[0].text)


async def main():
    if mode == "handshake":
        async with stdio_client(server) as (read, write), ClientSession(read, write) as session:
            print((await session.initialize()).protocol_version)
            await calls(session)
    else:
        async with Client(stdio_client(server)) as client:
            print(client.protocol_version)
            await calls(client)
            async with client.listen(tools_list_changed=True) as news:
                with open(f"{directory}/pipelines/late.yaml", "w") as file:
                    file.write("name: late\nsteps:\n  - { uses: log, with: { message: hello } }\n")
                async for _ in news:
                    break
            print("late" in [tool.name for tool in (await client.list_tools()).tools])


asyncio.run(asyncio.wait_for(main(), 60))
