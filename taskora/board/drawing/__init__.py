"""Charts and graphs, drawn as SVG."""
