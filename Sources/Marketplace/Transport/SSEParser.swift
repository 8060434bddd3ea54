// The reader of the stream is offered to others: it works without the client.
@_exported public import struct RunnelSupport.SSEParser
