"""The node's own pages: health, tree, hot, stuck, why, metrics, reset. Everything else goes to the AWS door."""

from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import parse_qsl

import orjson

from runtime.door.http import Handler, Request, Response

Page = Callable[[str], Awaitable[Response]]
"""Is given the query of its request, as it came."""


class BadQuery(Exception):
    """The query of a page is not what the page takes; the text says what that is."""


def numbers(query: str, **most: int) -> dict[str, int]:
    """The whole numbers of a query, each of 0 to what `most` says of its name. Raises BadQuery."""
    found: dict[str, int] = {}
    for name, text in parse_qsl(query, keep_blank_values=True):
        if name not in most:
            raise BadQuery(f"no parameter {name}; there are {', '.join(most)}")
        if not (text.isascii() and text.isdecimal() and len(text) < 10 and int(text) <= most[name]):
            raise BadQuery(f"{name} is a whole number of 0 to {most[name]}, not {text[:100]!r}")
        found[name] = int(text)
    return found


def plain(page: Callable[[], Awaitable[Response]]) -> Page:
    """A page that takes no parameters, and ignores those that come."""
    return lambda _: page()


def json_page(value: object, status: int = 200) -> Response:
    """A page of JSON."""
    return Response(status, orjson.dumps(value), [("Content-Type", "application/json")])


def with_pages(pages: dict[tuple[str, str], Page], below: Mapping[str, Handler], rest: Handler) -> Handler:
    """Serve `pages` by (method, path), and whole rooms of pages `below` a path; other requests below `/_` end here, all else is `rest`'s."""

    async def handler(request: Request) -> Response:
        if request.path[:2] != "/_" and request.path != "/metrics":
            return await rest(request)
        method = "GET" if request.method == "HEAD" else request.method
        page = pages.get((method, request.path))
        if page is not None:
            try:
                return await page(request.query)
            except BadQuery as wrong:
                return json_page({"error": str(wrong)}, 400)
        for room, serve in below.items():
            if request.path == room or request.path.startswith(f"{room}/"):
                return await serve(request)
        allowed = [method for method, path in pages if path == request.path]
        if allowed:
            refused = json_page({"error": f"{request.method} is not served here"}, 405)
            refused.headers.append(("Allow", ", ".join(allowed)))
            return refused
        paths = ", ".join(sorted({*(path for _, path in pages), *below}))
        return json_page({"error": f"no such page; there are {paths}"}, 404)

    return handler
