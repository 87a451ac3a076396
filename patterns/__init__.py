"""The patterns: each folder is one service, its actors and its doors."""
