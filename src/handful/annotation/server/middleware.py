"""The policy of the annotation server: the secret in the URL's path, and a content security policy for the page."""

import secrets

from starlette.types import Scope

from handful.core.asgi import SAFE_HEADERS, Policy, RefusedError

MAX_BYTES = 32 * 2**20
CONTENT_SECURITY_POLICY = b"default-src 'self'; img-src 'self' blob: data:; frame-ancestors 'none'"


class AnnotationPolicy(Policy):
    """Accepts requests whose path starts with the token, and strips it.

    Args:
        token: the secret.
        hosts: host names that requests may address; None: any.
    """

    def __init__(self, *, token: str, hosts: tuple[str, ...] | None) -> None:
        headers = ((b"content-security-policy", CONTENT_SECURITY_POLICY), *SAFE_HEADERS)
        super().__init__(hosts=hosts, max_bytes=MAX_BYTES, headers=headers)
        self.token = token

    def authorize(self, scope: Scope) -> Scope:
        """The scope without the token in its path.

        Raises:
            RefusedError: the path does not start with the token.
        """
        given, _, rest = scope["path"].removeprefix("/").partition("/")
        if not secrets.compare_digest(given.encode(), self.token.encode()):
            raise RefusedError(404, "Not found. Open the complete address that handful printed.")
        return {**scope, "path": f"/{rest}", "raw_path": f"/{rest}".encode(), "root_path": ""}
