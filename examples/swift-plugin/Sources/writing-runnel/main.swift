import RunnelCLI
import WritingPlugin

// The whole of Runnel, with one plugin more.
await RunnelCommand.main(plugins: StockPlugins.all + [WritingPlugin()])
