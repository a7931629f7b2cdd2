"""The filesystem of a URL, and what to say where its store refuses.

S3 and Google Cloud Storage go through Arrow's own clients, which need nothing installed beside it;
whatever else through fsspec's.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from distrib.errors import InputError

if TYPE_CHECKING:
    import pyarrow.fs as pafs

ARROWS = ("s3", "gs", "gcs")

REASONS = (
    (("ACCESS_DENIED", "AccessDenied", "FORBIDDEN", "PERMISSION_DENIED", "PermissionError"),
     "this store gives no permission", "rights to list, read, write and delete there"),
    (("INVALID_ACCESS_KEY_ID", "SIGNATURE_DOES_NOT_MATCH", "InvalidClientTokenId", "EXPIRED_TOKEN"),
     "this store does not know these credentials", "aws sts get-caller-identity tells whose"),
    (("NO_SUCH_BUCKET", "NoSuchBucket", "Bucket does not exist"), "there is no such bucket",
     "create it in the cluster's region"),
    (("PERMANENT_REDIRECT", "PermanentRedirect", "AuthorizationHeaderMalformed", "region"),
     "this bucket is in another region", "set AWS_REGION to its region"),
    (("NETWORK_CONNECTION", "curlCode", "resolve host"), "this store cannot be reached",
     "is there a network, and is AWS_ENDPOINT_URL right?"),
)  # fmt: skip


def filesystem_of(url: str) -> tuple[Any, str]:
    """A filesystem with fsspec's methods, and the path of the URL on it.

    Raises:
        InputError: nothing here knows such a URL.
    """
    import fsspec

    if url.startswith("memory:"):
        raise InputError("this ends with the process", where="--out", found=url)
    try:
        if urlsplit(url).scheme in ARROWS:
            from pyarrow.fs import FileSystem

            arrow, root = FileSystem.from_uri(url)
            return _without_folders(arrow), root.rstrip("/")
        filesystem, root = fsspec.core.url_to_fs(url)
    except (ImportError, ValueError) as error:
        raise InputError(
            "unsupported URL scheme, or its driver is not installed",
            where="--out",
            found=url,
            expected=str(error),
        ) from None
    except OSError as error:  # the region of a bucket is asked for at once
        raise refusal(url, error) from None
    return filesystem, root.rstrip("/")


def _without_folders(arrow: pafs.FileSystem) -> Any:
    """Arrow's filesystem with fsspec's methods; objects have no folders, so none is made."""
    from fsspec.implementations.arrow import ArrowFSWrapper

    class ObjectStore(ArrowFSWrapper):
        def makedirs(self, path: str, exist_ok: bool = False) -> None:
            """Nothing: a request for each write, which needs rights that writing does not."""

    return ObjectStore(arrow)


def refusal(url: str, error: BaseException) -> InputError:
    """What a reader can do where a store refuses; each store has errors of its own."""
    said = str(error) or type(error).__name__
    whole = f"{type(error).__name__} {said}"
    for words, problem, hint in REASONS:  # noqa: B007
        if any(word in whole for word in words):
            break
    else:
        problem, hint = "this store cannot be used", "see what it says"
    return InputError(problem, where="--out", found=url, expected=said, hint=hint)


def check_store(url: str) -> None:
    """Raise where nothing can be listed or written at a URL.

    Raises:
        InputError: naming what the store refuses.
    """
    filesystem, root = filesystem_of(url)
    probe = f"{root}/.distrib-may-write"  # the same each time, where nothing may be removed
    try:
        with suppress(FileNotFoundError):
            filesystem.ls(root, detail=False)
        filesystem.makedirs(root, exist_ok=True)
        filesystem.pipe_file(probe, b"")
    except Exception as error:  # every store has errors of its own
        raise refusal(url, error) from None
    with suppress(Exception):
        filesystem.rm_file(probe)
