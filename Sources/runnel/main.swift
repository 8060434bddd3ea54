import RunnelCLI

await RunnelCommand.main(plugins: StockPlugins.all)
