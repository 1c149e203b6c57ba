"""The API explorer at `/docs`: Swagger UI from our own origin, offline, under a strict CSP.

The page comes from `fastapi-csp-docs`, which keeps script out of the HTML, and its assets from the
files that `fastapi-offline` ships. Nothing is fetched from another host, at build or at run time.
"""

from collections.abc import Mapping
from typing import Final

from fastapi import FastAPI, Request, Response
from fastapi.staticfiles import StaticFiles
from fastapi_csp_docs import get_swagger_ui_html, get_swagger_ui_init_js

CONTENT_SECURITY_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",  # swagger-ui.css draws its arrows and ticks as data: images
        "connect-src 'self'",
        "font-src 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "form-action 'none'",
    )
)

_PAGE_HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}

_PARAMETERS: Final[Mapping[str, object]] = {
    "validatorUrl": None,  # otherwise a badge asks a validator on the internet
    "persistAuthorization": False,  # a token pasted here is gone when the page is
    "tryItOutEnabled": True,
    "displayRequestDuration": True,
    "docExpansion": "list",
    "defaultModelsExpandDepth": 0,
}


def mount_explorer(app: FastAPI, *, path: str = "/docs") -> None:
    """Serve the explorer of `app` at `path`, its files below it, none of them in the schema.

    Works behind a proxy prefix (ASGI `root_path`). No middleware may replace the page's
    Content-Security-Policy by one without `script-src 'self'`.

    Raises:
        ValueError: the app has no `openapi_url`, or still serves FastAPI's own pages, which load
            script from a CDN (create it with `docs_url=None, redoc_url=None`).
    """
    openapi_url = app.openapi_url
    if openapi_url is None:
        raise ValueError("the explorer shows the OpenAPI document: the app needs an openapi_url")
    if app.docs_url is not None or app.redoc_url is not None:
        raise ValueError("create the app with docs_url=None, redoc_url=None")

    async def page(request: Request) -> Response:
        base = _root_path(request) + path
        answer = get_swagger_ui_html(
            title=f"{app.title}: API explorer",
            swagger_js_url=f"{base}/assets/swagger-ui-bundle.js",
            swagger_css_url=f"{base}/assets/swagger-ui.css",
            swagger_favicon_url=f"{base}/assets/favicon.png",
            swagger_ui_init_script_url=f"{base}/start.js",
        )
        answer.headers.update(_PAGE_HEADERS)
        return answer

    async def start(request: Request) -> Response:
        answer = get_swagger_ui_init_js(
            openapi_url=_root_path(request) + openapi_url,
            swagger_ui_parameters=dict(_PARAMETERS),
        )
        answer.headers.update(_PAGE_HEADERS)
        return answer

    app.add_route(path, page, include_in_schema=False)
    app.add_route(f"{path}/start.js", start, include_in_schema=False)
    assets = StaticFiles(packages=[("fastapi_offline", "static")])
    app.mount(f"{path}/assets", assets, name="explorer-assets")


def _root_path(request: Request) -> str:
    root_path: str = request.scope.get("root_path", "")
    return root_path.rstrip("/")
