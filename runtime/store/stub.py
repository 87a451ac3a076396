from runtime.store.port import *
from actors.durable import *
class MemoryStore:
    immediate=True
    def __init__(self, disk=None, clock=None):
        self.d={}; self.v={}; self.figures=StoreFigures()
    async def commit(self,batches):
        out=[]
        self.figures.commits+=1
        for b in batches:
            if self.v.get(b.actor,0)!=b.expected: out.append(Refused(FenceLost("x"))); continue
            t=self.d.setdefault(b.actor,{})
            for w in b.writes:
                match w:
                    case Put(k,v): t[k]=v
                    case Delete(k): t.pop(k,None)
                    case DeletePrefix(p):
                        for k in [k for k in t if k.startswith(p)]: del t[k]
            self.v[b.actor]=b.expected+1
            out.append(Durable(b.expected+1))
        return out
    async def version(self,a): return self.v.get(a,0)
    async def get(self,a,keys): t=self.d.get(a,{}); return [t.get(k) for k in keys]
    async def scan(self,a,prefix,after="",limit=1000):
        t=self.d.get(a,{}); return [(k,t[k]) for k in sorted(t) if k.startswith(prefix) and k>after][:limit]
    async def bounds(self,a,l): return (0,0)
    async def records(self,a,l,f,limit=1000): return []
    async def writable(self): return True
    async def latest(self): return 0.0
    async def reset(self): self.d.clear(); self.v.clear()
    async def aclose(self): pass
class SqliteStore(MemoryStore):
    pass
