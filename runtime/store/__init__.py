from runtime.store.stub import MemoryStore, SqliteStore
