"""The child process of the sandbox: `python -m ...sandbox_child ROOT DIGEST BYTES`.

It exits with 0 if the bundle loads and answers within BYTES of address space, and otherwise with 1
and one sentence on stdout.
"""

from __future__ import annotations

import contextlib
import resource
import sys
from pathlib import Path

import onnx

from retread.bundle import MODEL, LocalBundleStore
from retread.core import IntegrityBroken, RetreadError
from retread.serving.runtime import load_runtime


def main(arguments: list[str]) -> int:
    """Load a bundle and return the exit code."""
    root, digest, limit = arguments
    # If the limit does not hold, the kernel is to kill this process and not the server.
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")
    resource.setrlimit(resource.RLIMIT_AS, (int(limit), int(limit)))
    bundles = LocalBundleStore(Path(root))
    try:
        _refuse_external_data(bundles.read(digest, MODEL), digest)
        load_runtime(bundles, digest)
    except RetreadError as error:
        sys.stdout.write(str(error))
        return 1
    except MemoryError:
        sys.stdout.write(f"Bundle {digest} needs more memory than is available.")
        return 1
    return 0


def _refuse_external_data(content: bytes, digest: str) -> None:
    """Raise IntegrityBroken for a model that names another file, which could be any file."""
    try:
        model = onnx.load_model_from_string(content)
    except Exception as error:  # protobuf's own errors share no base class
        raise IntegrityBroken(f"model.onnx of bundle {digest} is not ONNX: {error}.") from error
    for tensor in onnx.external_data_helper._get_all_tensors(model):
        if onnx.external_data_helper.uses_external_data(tensor):
            raise IntegrityBroken(
                f"model.onnx of bundle {digest} stores {tensor.name!r} in another file.",
                "Export the model as a single file.",
            )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
