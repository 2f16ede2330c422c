"""How weights may be stored: what the command line offers, without loading what writes them."""

from typing import Literal

Dtype = Literal["bfloat16", "float16", "float32"]
OutType = Literal["f32", "f16", "bf16", "q8_0"]
