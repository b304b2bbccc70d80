"""Each kernel against its peers: ``python -m benchmarks`` writes ``benchmarks/RESULTS.md``."""
