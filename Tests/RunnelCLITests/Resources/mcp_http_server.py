"""A server on streamable HTTP, made with the official package. Says where it listens on standard error."""

from mcp.server.mcpserver import Context, MCPServer

server = MCPServer("sums")


@server.tool()
async def add(a: int, b: int, ctx: Context) -> dict:
    """Adds two numbers."""
    await ctx.report_progress(1, 2, "adding")
    return {"sum": a + b}


server.run(transport="streamable-http", host="127.0.0.1", port=0)
