// For triggers that answer with a stream of events.
@_exported public import enum RunnelSupport.SSEWriter
