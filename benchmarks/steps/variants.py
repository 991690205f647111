"""What is compared: each variant differs from the project's loop in what it names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

REFERENCE, VALIDATION = "the project's loop", "validation in batches of 1000"


@dataclass(frozen=True)
class Variant:
    """One way to train, or to validate.

    Attributes:
        group: `Keras fit`, `the loop`, `arithmetic`, `TensorFlow`, `process` or `validation`.
        kind: the function of `worker.py` that measures it.
        settings: what `worker.py` reads; see there.
        environment: of its process.
        cores: that its process may use.
    """

    name: str
    group: str
    kind: str = "loop"
    settings: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    cores: int = 1

    @property
    def reference(self) -> str:
        """The variant that this one is held against."""
        return VALIDATION if self.group == "validation" else REFERENCE


def _optimizer(name: str, value: bool) -> Mapping[str, Any]:
    return {"graph_options": {name: value}}


# XLA has no deterministic gradient of max-pooling and refuses it.
_ANY_ORDER = {"deterministic": False}
# What the loop writes at each step, which the limit's of benchmarks/throughput does not.
_RECORDINGS = ["rates", "recorded_loss", "losses"]

VARIANTS = (
    Variant(REFERENCE, "the loop"),
    Variant("fit as written", "Keras fit", "fit"),
    Variant("fit, steps_per_execution=50", "Keras fit", "fit", {"per_execution": 50}),
    Variant("fit, jit_compile=True", "Keras fit", "fit", {"jit_compile": True, **_ANY_ORDER}),
    Variant("50 steps a call", "the loop", settings={"chunk": 50}),
    Variant("843 steps a call", "the loop", settings={"chunk": 843}),
    Variant("no rates recorded", "the loop", settings={"leave_out": ["rates"]}),
    Variant("no losses recorded", "the loop", settings={"leave_out": ["recorded_loss", "losses"]}),
    Variant("nothing recorded", "the loop", settings={"leave_out": _RECORDINGS}),
    Variant(
        "the limit's steps", "the loop",
        settings={"leave_out": _RECORDINGS, "chunk": 843, **_ANY_ORDER},
    ),
    Variant("images as float32", "the loop", settings={"images": "float32"}),
    Variant("images put in order once", "the loop", settings={"batches": "sliced"}),
    Variant("images from tf.data", "the loop", settings={"batches": "tf.data"}),
    Variant("shape of a batch known", "the loop", settings={"batches": "static"}),
    Variant("pooled before ReLU", "the loop", settings={"relu_last": True}),
    Variant("XLA", "arithmetic", settings={"batches": "xla", **_ANY_ORDER}),
    Variant("mixed_bfloat16", "arithmetic", settings={"precision": "mixed_bfloat16"}),
    Variant(
        "bfloat16 by the graph optimizer", "arithmetic",
        settings=_optimizer("auto_mixed_precision_onednn_bfloat16", True),
    ),
    Variant("bare arithmetic, one batch", "arithmetic", "bare"),
    Variant("not deterministic", "TensorFlow", settings=_ANY_ORDER),
    Variant("no remapper", "TensorFlow", settings=_optimizer("remapping", False)),
    Variant("no layout optimizer", "TensorFlow", settings=_optimizer("layout_optimizer", False)),
    Variant(
        "no graph optimizer", "TensorFlow", settings=_optimizer("disable_meta_optimizer", True)
    ),
    Variant("oneDNN off", "TensorFlow", environment={"TF_ENABLE_ONEDNN_OPTS": "0"}),
    Variant("oneDNN with AVX2", "TensorFlow", environment={"ONEDNN_MAX_CPU_ISA": "AVX2"}),
    Variant("two intra-op threads", "process", settings={"intra": 2}, cores=2),
    Variant("two inter-op threads", "process", settings={"inter": 2}, cores=2),
    Variant(
        "transparent huge pages", "process",
        environment={"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"},
    ),
    Variant(
        "freed memory kept", "process",
        environment={"MALLOC_TRIM_THRESHOLD_": "1000000000", "MALLOC_MMAP_MAX_": "0"},
    ),
    *(
        Variant(f"validation in batches of {size}", "validation", "validation", {"batch": size})
        for size in (1000, 64, 250, 6000)
    ),
)  # fmt: skip
