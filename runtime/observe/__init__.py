"""To see what runs: the tree, the events, the metrics."""
