"""Load a bundle where it can do no harm: `python -m ... ROOT DIGEST BYTES`.

Exit 0 when it loads and answers within BYTES of address space; else 1 and one sentence.
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
    root, digest, limit = arguments
    # Where the limit does not hold, the kernel shall take this process and not the server.
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
        sys.stdout.write(f"Bundle {digest} needs more memory than there is.")
        return 1
    return 0


def _refuse_external_data(content: bytes, digest: str) -> None:
    """A model is its bytes; a file that it names elsewhere could be any file."""
    try:
        model = onnx.load_model_from_string(content)
    except Exception as error:  # protobuf's own errors share no base class
        raise IntegrityBroken(f"model.onnx of bundle {digest} is not ONNX: {error}.") from error
    for tensor in onnx.external_data_helper._get_all_tensors(model):
        if onnx.external_data_helper.uses_external_data(tensor):
            raise IntegrityBroken(
                f"model.onnx of bundle {digest} keeps {tensor.name!r} in another file.",
                "Export the model as one file.",
            )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
