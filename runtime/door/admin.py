"""The node's own pages: health, tree, metrics, reset. Everything else goes to the AWS door."""

from collections.abc import Awaitable, Callable

import orjson

from runtime.door.http import Handler, Request, Response

Page = Callable[[], Awaitable[Response]]


def json_page(value: object, status: int = 200) -> Response:
    """A page of JSON."""
    return Response(status, orjson.dumps(value), [("Content-Type", "application/json")])


def with_pages(pages: dict[tuple[str, str], Page], rest: Handler) -> Handler:
    """Serve `pages` by (method, path); other requests below `/_callboard/` end here, all else is `rest`'s."""

    async def handler(request: Request) -> Response:
        if request.path[:2] != "/_" and request.path != "/metrics":
            return await rest(request)
        method = "GET" if request.method == "HEAD" else request.method
        page = pages.get((method, request.path))
        if page is not None:
            return await page()
        allowed = [method for method, path in pages if path == request.path]
        if allowed:
            refused = json_page({"error": f"{request.method} is not served here"}, 405)
            refused.headers.append(("Allow", ", ".join(allowed)))
            return refused
        paths = ", ".join(sorted(path for _, path in pages))
        return json_page({"error": f"no such page; there are {paths}"}, 404)

    return handler
